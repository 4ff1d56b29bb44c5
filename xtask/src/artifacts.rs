//! Builds a package and says which file came out of it, by cargo's own messages: no path is guessed.
use crate::{
    error::{Error, Result},
    progress::Step,
    web,
    workspace::{HOST_BINARY, HOST_PACKAGE, Plugin, Workspace},
};
use serde::Deserialize;
use std::{
    env::consts::DLL_EXTENSION,
    path::{Path, PathBuf},
    process::Command,
};

/// A file that cargo has built.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Artifact {
    /// The target's name in its Cargo.toml.
    pub(crate) name: String,
    /// The file.
    pub(crate) file: PathBuf,
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// Builds the gateway's program.
pub(crate) fn host(workspace: &Workspace, step: &Step, profile: &str) -> Result<PathBuf> {
    let mut command = build(workspace, HOST_PACKAGE, profile);
    command.args(["--bin", HOST_BINARY, "--message-format=json-render-diagnostics"]);
    let messages = parse(&step.read(&mut command)?)?;
    messages
        .into_iter()
        .find(|message| {
            message
                .target
                .as_ref()
                .is_some_and(|target| target.name == HOST_BINARY)
        })
        .and_then(|message| message.executable)
        .ok_or_else(|| Error::NoArtifact {
            package: HOST_PACKAGE.to_owned(),
            what: "program",
        })
}

/// Builds plugins, each alone: features that one of them turns on must not leak into another.
pub(crate) fn plugins(
    workspace: &Workspace,
    step: &Step,
    plugins: &[Plugin],
    profile: &str,
) -> Result<Vec<Artifact>> {
    web::build(workspace, step, plugins)?;
    plugins
        .iter()
        .map(|plugin| {
            step.say(&plugin.id);
            let mut command = build(workspace, &plugin.package, profile);
            command.arg("--lib");
            let manifest = workspace.root.join("plugins").join(&plugin.id).join("Cargo.toml");
            let built = libraries(step, &mut command, &manifest)?.into_iter().next();
            let built = built.ok_or_else(|| Error::NoArtifact {
                package: plugin.package.clone(),
                what: "cdylib library",
            })?;
            Ok(Artifact {
                name: plugin.id.clone(),
                file: built.file,
            })
        })
        .collect()
}

/// Runs a build and returns the loadable libraries of the package with that manifest, not those of its dependencies.
pub(crate) fn libraries(step: &Step, command: &mut Command, manifest: &Path) -> Result<Vec<Artifact>> {
    command.arg("--message-format=json-render-diagnostics");
    let messages = parse(&step.read(command)?)?;
    Ok(messages
        .into_iter()
        .filter(|message| message.manifest_path.as_deref() == Some(manifest))
        .filter_map(Message::into_library)
        .collect())
}

/// Builds the tests of a package that are programs: the unit tests of its library and the integration tests.
pub(crate) fn tests(workspace: &Workspace, step: &Step, package: &str) -> Result<Vec<Artifact>> {
    let mut command = workspace.cargo();
    command
        .args(["test", "--package", package, "--lib", "--tests", "--no-run"])
        .arg("--message-format=json-render-diagnostics");
    let messages = parse(&step.read(&mut command)?)?;
    let tests: Vec<_> = messages.into_iter().filter_map(Message::into_program).collect();
    if tests.is_empty() {
        return Err(Error::NoArtifact {
            package: package.to_owned(),
            what: "test",
        });
    }
    Ok(tests)
}

fn build(workspace: &Workspace, package: &str, profile: &str) -> Command {
    let mut command = workspace.cargo();
    command.args(["build", "--package", package, "--profile", profile]);
    command
}

fn parse(output: &[u8]) -> Result<Vec<Message>> {
    // A build script or a wrapper may print lines of its own; only cargo's are JSON objects.
    let lines = output
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"{"));
    let messages = lines
        .map(serde_json::from_slice)
        .collect::<std::result::Result<Vec<Message>, _>>()?;
    Ok(messages
        .into_iter()
        .filter(|message| message.reason == "compiler-artifact")
        .collect())
}

impl Message {
    fn into_program(self) -> Option<Artifact> {
        Some(Artifact {
            name: self.target?.name,
            file: self.executable?,
        })
    }

    fn into_library(self) -> Option<Artifact> {
        let target = self.target?;
        if !target.crate_types.iter().any(|kind| kind == "cdylib") {
            return None;
        }
        let is_library = |file: &PathBuf| {
            file.extension()
                .is_some_and(|extension| extension == DLL_EXTENSION)
        };
        let file = self.filenames.into_iter().find(is_library)?;
        Some(Artifact {
            name: target.name,
            file,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loadable_libraries_count() {
        let output = format!(
            r#"some wrapper says hello
{{"reason":"compiler-artifact","manifest_path":"/a","target":{{"name":"one","crate_types":["cdylib","rlib"]}},"filenames":["/t/libone.rlib","/t/libone.{DLL_EXTENSION}"],"executable":null}}
{{"reason":"compiler-artifact","manifest_path":"/a","target":{{"name":"two","crate_types":["lib"]}},"filenames":["/t/libtwo.rlib"]}}
{{"reason":"build-finished","success":true}}
"#
        );
        let found: Vec<_> = parse(output.as_bytes())
            .unwrap()
            .into_iter()
            .filter_map(Message::into_library)
            .collect();
        let file = PathBuf::from(format!("/t/libone.{DLL_EXTENSION}"));
        assert_eq!(
            found,
            [Artifact {
                name: "one".into(),
                file
            }]
        );
    }

    #[test]
    fn a_broken_message_is_an_error_and_not_a_missing_file() {
        assert!(parse(b"{\"reason\": 1}\n").is_err());
    }
}
