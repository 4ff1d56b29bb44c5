//! `cargo xtask bench`: hands over to the benchmarks' own program, built as a release is.
use crate::{error::Result, progress::Progress, run::become_program, workspace::Workspace};

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

/// The plugins that are measured, each built by itself as a bundle builds them.
const SUBJECTS: [&str; 2] = ["openclaw-bench-hosted", "openclaw-bench-own-runtime"];

/// Builds what is measured and becomes the benchmark.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let mut progress = Progress::new(1 + SUBJECTS.len());
    let step = progress.step("gateway");
    step.run(
        workspace
            .cargo()
            .args(["build", "--release", "--package", "openclaw-host"]),
    )?;
    step.done();
    for subject in SUBJECTS {
        let step = progress.step(subject);
        step.run(
            workspace
                .cargo()
                .args(["build", "--profile", "plugin", "--package", subject]),
        )?;
        step.done();
    }
    let mut command = workspace.cargo();
    command.args(["run", "--release", "--quiet", "--package", PACKAGE, "--"]);
    command
        .args([args.name.as_deref().unwrap_or("--help")])
        .args(&args.args);
    become_program(&mut command)
}
