//! The Dockerfile's last stage, as far as a try without an engine has to do the same: variables, user, command.
//!
//! It reads the few forms that our file uses, and says so where it meets another.
use crate::error::{Error, Result};
use std::{fs, path::Path};

/// What the engine would be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) variables: Vec<(String, String)>,
    pub(super) user: String,
    pub(super) command: Vec<String>,
    pub(super) volume: String,
    pub(super) port: String,
    /// Words of `COPY` instructions.
    pub(super) copies: Vec<Vec<String>>,
    /// Programs that the build runs in the image.
    pub(super) gates: Vec<Vec<String>>,
    pub(super) health: Vec<String>,
}

// === impl Stage ===

impl Stage {
    /// Reads the last stage of a file.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).map_err(Error::file("read", file))?;
        Self::parse(&text).map_err(|why| Error::Wrong {
            what: "the Dockerfile can't be understood",
            why,
            remedy: "write it in the forms that xtask/src/image/dockerfile.rs reads",
        })
    }

    fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut stage = Self::default();
        let joined = text.replace("\\\n", " ");
        for line in joined.lines().map(str::trim) {
            let Some((word, rest)) = line.split_once(' ').filter(|_| !line.starts_with('#')) else {
                continue;
            };
            let rest = rest.trim();
            match word {
                "FROM" => stage = Self::default(),
                "ENV" => stage.variables.extend(pairs(rest)?),
                "USER" => rest.clone_into(&mut stage.user),
                "VOLUME" => rest.clone_into(&mut stage.volume),
                "EXPOSE" => rest.clone_into(&mut stage.port),
                "COPY" => stage
                    .copies
                    .push(rest.split_whitespace().map(str::to_owned).collect()),
                "CMD" => stage.command = list(rest)?,
                // the shell's form is for stages that have a shell
                "RUN" if rest.starts_with('[') => stage.gates.push(list(rest)?),
                "HEALTHCHECK" => {
                    let command = rest.split_once("CMD ").ok_or("HEALTHCHECK without CMD")?.1;
                    stage.health = list(command)?;
                }
                _ => {}
            }
        }
        Ok(stage)
    }

    #[cfg(test)]
    fn variable(&self, name: &str) -> Option<&str> {
        let pair = self.variables.iter().find(|(known, _)| known == name)?;
        Some(&pair.1)
    }
}

fn pairs(text: &str) -> std::result::Result<Vec<(String, String)>, String> {
    text.split_whitespace()
        .map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("ENV {pair} has no `=`"))?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

fn list(text: &str) -> std::result::Result<Vec<String>, String> {
    serde_json::from_str(text).map_err(|_| format!("`{text}` is no list in JSON, and the image has no shell"))
}

#[cfg(test)]
mod tests {
    use super::super::{SYSTEM_USER, rootfs};
    use super::*;
    use crate::workspace::Workspace;

    fn real() -> (String, Stage) {
        let root = Workspace::load().unwrap().root;
        let text = fs::read_to_string(root.join("Dockerfile")).unwrap();
        (text, Stage::read(&root.join("Dockerfile")).unwrap())
    }

    #[test]
    fn the_last_stage_copies_what_the_one_recipe_makes_and_nothing_else() {
        let (text, stage) = real();
        assert!(text.contains("cargo xtask image --locked --plugins \"$PLUGINS\" --output /image"));
        for copy in &stage.copies {
            assert_eq!(copy[0], "--from=build", "{copy:?}");
            assert!(copy[copy.len() - 2].starts_with("/image/"), "{copy:?}");
        }
        let user = SYSTEM_USER.to_string();
        assert_eq!(stage.user, format!("{user}:{user}"));
        assert_eq!(stage.variable("OPENCLAW_RUN_AS"), Some(stage.user.as_str()));
        assert!(
            stage
                .copies
                .iter()
                .any(|copy| copy[1] == format!("--chown={user}:{user}"))
        );
        let path = format!("/{}/bin", rootfs::PREFIX);
        assert_eq!(stage.variable("PATH"), Some(path.as_str()));
        assert_eq!(stage.variable("OPENCLAW_STATE_DIR"), Some(stage.volume.as_str()));
        assert_eq!(stage.variable("OPENCLAW_GATEWAY_PORT"), Some(stage.port.as_str()));
    }

    #[test]
    fn the_image_is_judged_watched_and_run_by_the_gateway_itself() {
        let (_, stage) = real();
        assert_eq!(stage.health, ["openclaw", "health", "--probe"]);
        assert!(
            stage.gates.contains(
                &["openclaw", "plugins", "list", "--json"]
                    .map(str::to_owned)
                    .to_vec()
            )
        );
        assert_eq!(stage.command[..2], ["openclaw", "gateway"]);
    }

    #[test]
    fn every_argument_that_the_bases_need_has_a_default() {
        let (text, _) = real();
        for base in ["BUILD_BASE", "NODE_BASE", "RUNTIME_BASE"] {
            assert!(text.contains(&format!("ARG {base}=")), "{base}");
            assert!(text.contains(&format!("FROM ${{{base}}}")), "{base}");
        }
        let toolchain = Workspace::load().unwrap().root.join("rust-toolchain.toml");
        let toolchain = fs::read_to_string(toolchain).unwrap();
        let version = toolchain
            .split("channel = \"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let minor: Vec<_> = version.split('.').take(2).collect();
        let base = format!("rust:{}-", minor.join("."));
        assert!(
            text.contains(&base),
            "the builder is not {base}, as rust-toolchain.toml says"
        );
    }

    #[test]
    fn other_forms_are_refused() {
        let table = [
            "FROM x\nCMD openclaw gateway",
            "FROM x\nENV A",
            "HEALTHCHECK NONE",
        ];
        for text in table {
            Stage::parse(text).unwrap_err();
        }
    }
}
