//! `openclaw update`: how this installation is updated. It tells, and does nothing: this program fetches no other one.
//!
//! Invariant: nothing is asked of the network.
use super::{Failure, gateway, gateway::door, output, setting::Setting};
use crate::config::Env;
use serde::Serialize;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What the image sets.
const IN_IMAGE: &str = "OPENCLAW_RUN_AS";
/// The file of checksums at the top of a bundle.
const SUMS: &str = "SHA256SUMS";

/// Tells how this installation is updated; asks nothing of the internet
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How this program came here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Installation {
    /// In an image.
    Container,
    /// Built in a clone of the repository.
    Checkout {
        /// The clone.
        root: PathBuf,
    },
    /// Unpacked from an archive.
    Bundle {
        /// The folder of the bundle.
        root: PathBuf,
    },
    /// Put here by somebody.
    Other,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::look(env).ok();
    let program = std::env::current_exe().map_err(|e| Failure::io("find this program", e))?;
    let program = program.canonicalize().unwrap_or(program);
    let in_container = env.var(IN_IMAGE).is_some() || door::in_container();
    let installation = Installation::of(&program, in_container);
    let service = setting
        .as_ref()
        .is_some_and(|setting| gateway::has_service(env, &setting.paths));
    let steps = installation.steps(service);
    if args.json {
        return output::json(&json!({
            "ok": true, "version": env!("CARGO_PKG_VERSION"), "program": program, "installation": installation,
            "service": service, "steps": steps, "asksInternet": false,
        }));
    }
    anstream::println!("openclaw {} at {}", env!("CARGO_PKG_VERSION"), program.display());
    anstream::println!("{}\n", installation.sentence());
    for (number, step) in (1..).zip(&steps) {
        anstream::println!("  {number}. {step}");
    }
    anstream::println!(
        "\nConfiguration and state stay where they are. The journal only moves forward: an older version refuses it."
    );
    Ok(())
}

impl Installation {
    fn of(program: &Path, in_container: bool) -> Self {
        if in_container {
            return Self::Container;
        }
        let has = |folder: &Path, name: &str| folder.join(name).exists();
        let folders = || program.ancestors().skip(1);
        if let Some(root) = folders().find(|folder| has(folder, "Cargo.toml") && has(folder, "xtask")) {
            return Self::Checkout {
                root: root.to_owned(),
            };
        }
        match folders().nth(1).filter(|folder| has(folder, SUMS)) {
            Some(root) => Self::Bundle {
                root: root.to_owned(),
            },
            None => Self::Other,
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Container => "It runs in a container, which is replaced and not changed:".to_owned(),
            Self::Checkout { root } => format!("It was built in the clone {}:", root.display()),
            Self::Bundle { root } => format!("It is the bundle in {}:", root.display()),
            Self::Other => {
                "Somebody put it here without its bundle; the way it came is the way to a newer one:"
                    .to_owned()
            }
        }
    }

    fn steps(&self, service: bool) -> Vec<String> {
        let mut steps: Vec<String> = match self {
            Self::Container => vec![
                "make or fetch the newer image, on the machine that has them (`git pull && docker build --tag openclaw .`)".into(),
                "start a container of it with the same volume; on Fly.io `fly deploy` does both".into(),
            ],
            Self::Checkout { root } => vec![
                format!("cd {}", root.display()),
                "git pull".into(),
                "cargo xtask bundle, or cargo xtask run where you run it from here".into(),
            ],
            Self::Bundle { root } => vec![
                "fetch the newer archive and its checksums".into(),
                format!("unpack it beside {}, and run `sha256sum --check {SUMS}` in it", root.display()),
                format!("move it to {}", root.display()),
            ],
            Self::Other => vec!["put the newer program, and its folder of plugins, where these are".into()],
        };
        if !matches!(self, Self::Container) {
            let restart = match service {
                true => "openclaw gateway restart",
                false => "stop the gateway, and start it again",
            };
            steps.push(restart.into());
            steps.push("openclaw plugins list --json shows whether every plugin loads".into());
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn put(root: &Path, file: &str) -> PathBuf {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, "").expect("written");
        path
    }

    #[test]
    fn the_place_of_the_program_says_how_it_came() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        put(root, "bundle/SHA256SUMS");
        let bundle = put(root, "bundle/bin/openclaw");
        put(root, "clone/Cargo.toml");
        put(root, "clone/xtask/Cargo.toml");
        put(root, "clone/dist/openclaw/SHA256SUMS");
        let built = put(root, "clone/dist/openclaw/bin/openclaw");
        let other = put(root, "usr/bin/openclaw");
        let of = |program: &Path| Installation::of(program, false);
        assert_eq!(
            of(&bundle),
            Installation::Bundle {
                root: root.join("bundle")
            }
        );
        assert_eq!(
            of(&built),
            Installation::Checkout {
                root: root.join("clone")
            }
        );
        assert_eq!(of(&other), Installation::Other);
        assert_eq!(Installation::of(&built, true), Installation::Container);
    }

    #[test]
    fn every_way_has_steps_and_a_service_is_started_again() {
        let root = PathBuf::from("/opt/openclaw");
        let all = [
            Installation::Container,
            Installation::Checkout { root: root.clone() },
            Installation::Bundle { root },
            Installation::Other,
        ];
        for one in all {
            assert!(!one.steps(false).is_empty() && !one.sentence().is_empty());
            let restarts = one
                .steps(true)
                .iter()
                .any(|step| step == "openclaw gateway restart");
            assert_eq!(restarts, one != Installation::Container);
        }
    }
}
