//! `cargo xtask bench`: hands over to the benchmarks' own program, built as a release is.
use crate::{
    artifacts,
    error::Result,
    progress::Progress,
    run::become_program,
    workspace::{HOST_PACKAGE, Workspace},
};

/// The package that holds the benchmarks.
const PACKAGE: &str = "openclaw-bench";

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
#[command(after_help = "Example: cargo xtask bench main --json")]
pub(crate) struct Args {
    /// Which benchmark to run, `abi` for example; without it the program lists what there is
    name: Option<String>,
    /// Arguments for the benchmark
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, requires = "name")]
    args: Vec<String>,
}

/// The plugins that `abi` measures, each built by itself as a bundle builds them.
const SUBJECTS: [&str; 2] = ["openclaw-bench-hosted", "openclaw-bench-own-runtime"];
/// The benchmarks that run the gateway with the bundled plugins.
const WHOLE: [&str; 5] = ["main", "discord", "gateway", "tools", "voice"];
/// The profile of plugins in a bundle.
const PROFILE: &str = "plugin";

/// Builds what is measured and becomes the benchmark.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    match args.name.as_deref() {
        None => {}
        Some(name) if WHOLE.contains(&name) => build_bundled(&workspace)?,
        Some(_) => build_subjects(&workspace)?,
    }
    let mut command = workspace.cargo();
    command.args(["run", "--release", "--quiet", "--package", PACKAGE, "--"]);
    command
        .args([args.name.as_deref().unwrap_or("--help")])
        .args(&args.args);
    become_program(&mut command)
}

fn build_bundled(workspace: &Workspace) -> Result<()> {
    let mut progress = Progress::new(2);
    let step = progress.step("gateway");
    artifacts::host(workspace, &step, "release")?;
    step.done();
    let step = progress.step("plugins");
    artifacts::plugins(workspace, &step, &workspace.plugins, PROFILE)?;
    step.done();
    Ok(())
}

fn build_subjects(workspace: &Workspace) -> Result<()> {
    let mut progress = Progress::new(1 + SUBJECTS.len());
    let step = progress.step("gateway");
    step.run(
        workspace
            .cargo()
            .args(["build", "--release", "--package", HOST_PACKAGE]),
    )?;
    step.done();
    for subject in SUBJECTS {
        let step = progress.step(subject);
        step.run(
            workspace
                .cargo()
                .args(["build", "--profile", PROFILE, "--package", subject]),
        )?;
        step.done();
    }
    Ok(())
}
