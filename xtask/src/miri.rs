//! `cargo xtask miri`: the boundary's tests under Miri, by the static path: no library is opened. It needs a nightly
//! toolchain beside the pinned one and says so when there is none.
use crate::{
    error::{Error, Result},
    run::become_program,
};
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Arguments of `cargo xtask miri`.
#[derive(clap::Args)]
#[command(after_help = "Example: cargo xtask miri -- abi::")]
pub(crate) struct Args {
    /// Arguments for `cargo miri test`, names of tests for example
    #[arg(last = true)]
    args: Vec<String>,
}

/// Becomes `cargo miri test`.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !is_installed() {
        let install = "rustup toolchain install nightly --component miri --component rust-src";
        return Err(Error::MissingTool {
            tool: "miri (of the nightly toolchain)",
            install,
        });
    }
    let mut command = nightly();
    command
        .args([
            "miri",
            "test",
            "--package",
            "openclaw-plugin-api",
            "--features",
            "testing",
        ])
        .args(&args.args);
    become_program(&mut command)
}

fn is_installed() -> bool {
    let quiet = nightly()
        .args(["miri", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    quiet.is_ok_and(|status| status.success())
}

/// Only rustup's `cargo` understands `+nightly`; the one in `$CARGO` belongs to the pinned toolchain.
fn nightly() -> Command {
    let mut command = Command::new("cargo");
    command
        .arg("+nightly")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env_remove("CARGO");
    command
}
