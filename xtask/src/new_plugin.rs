//! `cargo xtask new-plugin`: the gateway's own `plugins new`, with the place in this workspace filled in. The
//! templates are the gateway's, so that authors inside and outside start from the same files.
use crate::{
    error::Result,
    run::become_program,
    workspace::{HOST_BINARY, HOST_PACKAGE, Workspace},
};
use std::fmt;

/// Arguments of `cargo xtask new-plugin`.
#[derive(clap::Args)]
#[command(after_help = "Example: cargo xtask new-plugin pager --kind channel")]
pub(crate) struct Args {
    /// The plugin's id and its folder in plugins/: lower case letters, digits and dashes
    #[arg(value_parser = id)]
    name: String,
    /// What the plugin is to start with
    #[arg(long, value_enum)]
    kind: Kind,
}

/// What a new plugin starts with.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// Carries messages of a platform
    Channel,
    /// Does something for the model
    Tool,
    /// Answers as a model
    Provider,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Channel => "channel",
            Self::Tool => "tool",
            Self::Provider => "provider",
        })
    }
}

/// Becomes `openclaw plugins new`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut command = Workspace::load()?.cargo();
    command.args([
        "run",
        "--quiet",
        "--package",
        HOST_PACKAGE,
        "--bin",
        HOST_BINARY,
        "--",
    ]);
    command.args(["plugins", "new", &args.name, "--kind", &args.kind.to_string()]);
    command.args(["--in-workspace", &format!("plugins/{}", args.name)]);
    become_program(&mut command)
}

/// The name becomes a folder and a package: nothing in it may lead out of `plugins/`.
fn id(text: &str) -> std::result::Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good =
        text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(inner) && !text.ends_with('-');
    if good {
        Ok(text.to_owned())
    } else {
        Err("use lower case letters, digits and dashes, a letter first".into())
    }
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn a_name_stays_in_the_folder_of_plugins() {
        assert!(id("voice-call2").is_ok());
        for bad in ["", "../x", "a/b", "Pager", "2fa", "-x", "x-", "a b", "a_b"] {
            assert!(id(bad).is_err(), "{bad:?}");
        }
    }
}
