//! `cargo xtask run`: the gateway as it would be installed, in `dist/dev`. This program turns into it, so signals and
//! exit codes are the gateway's own.
use crate::{
    artifacts,
    error::{Error, Result},
    layout,
    progress::Progress,
    workspace::Workspace,
};
use std::{env, process::Command};

/// What `cargo` and `rustup` tell the programs that they start; the gateway and its children need none of it.
const BUILD_ENVIRONMENT: [&str; 3] = ["CARGO", "RUSTUP_TOOLCHAIN", "RUST_RECURSION_COUNT"];

/// Lets a gateway start without a configuration; it writes a small one.
const UNCONFIGURED: &str = "--allow-unconfigured";

/// Arguments of `cargo xtask run`.
#[derive(clap::Args)]
#[command(after_help = "Example: cargo xtask run --dev -- --port 18790")]
pub(crate) struct Args {
    /// Build without optimisation: faster to build, slower to run
    #[arg(long)]
    dev: bool,
    /// Arguments for `openclaw gateway`
    #[arg(last = true)]
    pub(crate) args: Vec<String>,
}

/// Builds, installs into `dist/dev`, and becomes `openclaw gateway`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let profile = if args.dev { "dev" } else { "release" };
    let mut progress = Progress::new(2);
    let step = progress.step("build the gateway");
    let program = artifacts::host(&workspace, &step, profile)?;
    step.done();
    let step = progress.step("build the plugins");
    let plugins = artifacts::plugins(&workspace, &step, &workspace.plugins, profile)?;
    let program = layout::install(&workspace.root.join("dist/dev"), &program, &plugins)?;
    step.done();
    eprintln!(
        "chat from another terminal: {} agent --message hello",
        program.display()
    );
    let mut gateway = Command::new(program);
    gateway.arg("gateway").args(&args.args);
    // a fresh clone has no configuration, and this is for trying it out
    let is_command = args.args.first().is_some_and(|arg| !arg.starts_with('-'));
    if !is_command && !args.args.iter().any(|arg| arg == UNCONFIGURED) {
        gateway.arg(UNCONFIGURED);
    }
    let package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| BUILD_ENVIRONMENT.contains(&name) || package(name))
        {
            gateway.env_remove(name);
        }
    }
    become_program(&mut gateway)
}

/// Replaces this process by a program.
#[cfg(unix)]
pub(crate) fn become_program(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    // Returns only if the program could not be started.
    let source = command.exec();
    Err(Error::spawn(command)(source))
}

/// Runs a program to its end: this system can't replace a process.
#[cfg(not(unix))]
pub(crate) fn become_program(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(Error::spawn(command))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Reported(status))
    }
}
