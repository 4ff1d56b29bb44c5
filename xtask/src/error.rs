//! What can go wrong in a task. It is for people: each text names the object and ends with what to do next.
use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

/// The result of a task.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a task stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A step's program ran and failed; its own output says why.
    #[error(
        "step `{step}` failed: `{command}` ended with {status}; its output is above, run it alone to repeat it"
    )]
    Step {
        step: String,
        command: String,
        status: ExitStatus,
    },
    /// A program that the task was about has failed and has said why; nothing is left to add.
    #[error("the program ended with {0}")]
    Reported(ExitStatus),
    /// A program could not be started.
    #[error("can't run `{command}`: {source}; check that it is installed and on the PATH")]
    Spawn { command: String, source: io::Error },
    /// A file or folder could not be read or written.
    #[error("can't {action} {path}: {source}; check its permissions and the space left")]
    File {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Cargo's description of the workspace is not what this version of the tasks knows.
    #[error("can't read what cargo says of the workspace: {0}; check the toolchain in rust-toolchain.toml")]
    Metadata(#[from] serde_json::Error),
    /// A build ended well and did not make the expected file.
    #[error("package {package} built no {what}; check the targets in its Cargo.toml")]
    NoArtifact { package: String, what: &'static str },
    /// Names of plugins that do not exist were asked for.
    #[error("no plugin is named {unknown}; in plugins/ there are: {known}")]
    UnknownPlugin { unknown: String, known: String },
    /// The folder to replace was not made by this task.
    #[error("{0} exists and is no bundle; move it away, or choose another folder with --out")]
    NotABundle(PathBuf),
    /// A library that a program asks for is nowhere where the system's loader looks.
    #[error("{needed_by} needs {library}, which is not on this machine; install it, or build where it is")]
    NoLibrary { library: String, needed_by: PathBuf },
    /// A file that should be code for this kind of machine is something else.
    #[error("{file} is no program or library for a 64-bit Linux: {why}; build it again")]
    NoElf { file: PathBuf, why: String },
    /// What was made is not what it should be.
    #[error("{what}: {why}; {remedy}")]
    Wrong {
        what: &'static str,
        why: String,
        remedy: &'static str,
    },
    /// A tool that the task needs is not installed.
    #[error("{tool} is not installed; install it with `{install}`")]
    MissingTool {
        tool: &'static str,
        install: &'static str,
    },
}

impl Error {
    /// An error about a file, for use with `map_err`.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// An error about a program that did not start, for use with `map_err`.
    pub(crate) fn spawn(command: &Command) -> impl FnOnce(io::Error) -> Self {
        let command = command_line(command);
        move |source| Self::Spawn { command, source }
    }

    /// Whether the user has read the reason already.
    pub(crate) fn is_reported(&self) -> bool {
        matches!(self, Self::Reported(_))
    }

    /// The exit code of the failed program where there is one, so that callers can tell them apart.
    pub(crate) fn exit_code(&self) -> u8 {
        let status = match self {
            Self::Reported(status) | Self::Step { status, .. } => status,
            _ => return 1,
        };
        status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .filter(|code| *code != 0)
            .unwrap_or(1)
    }
}

/// A command as a person would type it, without its environment.
pub(crate) fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned();
    for arg in command.get_args() {
        let arg = arg.to_string_lossy();
        line.push(' ');
        match arg.contains(char::is_whitespace) {
            true => line.push_str(&format!("'{arg}'")),
            false => line.push_str(&arg),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_reads_as_it_is_typed() {
        let mut command = Command::new("/opt/toolchain/bin/cargo");
        command.args(["test", "--features", "a b"]);
        assert_eq!(command_line(&command), "cargo test --features 'a b'");
    }

    #[cfg(unix)]
    #[test]
    fn the_exit_code_of_the_program_is_kept() {
        use std::os::unix::process::ExitStatusExt as _;
        assert_eq!(Error::Reported(ExitStatus::from_raw(100 << 8)).exit_code(), 100);
        assert_eq!(
            Error::Reported(ExitStatus::from_raw(9)).exit_code(),
            1,
            "ended by a signal"
        );
    }
}
