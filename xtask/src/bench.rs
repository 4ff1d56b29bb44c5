//! `cargo xtask bench`: hands over to the benchmarks' own program, built as a release is.
use crate::{error::Result, run::become_program, workspace::Workspace};

/// The package that holds the benchmarks.
const PACKAGE: &str = "openclaw-bench";

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
#[command(after_help = "Example: cargo xtask bench abi")]
pub(crate) struct Args {
    /// Which benchmark to run, `abi` for example; without it the program lists what there is
    name: Option<String>,
    /// Arguments for the benchmark
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, requires = "name")]
    args: Vec<String>,
}

/// Becomes the benchmark.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut command = Workspace::load()?.cargo();
    command.args(["run", "--release", "--quiet", "--package", PACKAGE, "--"]);
    command
        .args([args.name.as_deref().unwrap_or("--help")])
        .args(&args.args);
    become_program(&mut command)
}
