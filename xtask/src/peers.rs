//! The tier of `cargo xtask test` in which clients that others wrote prove the fakes.
//!
//! A fake that only our own plugin talks to may share its mistakes. The clients come from a package registry, with
//! locked versions, and only to `target/`; where that can't be reached the tier is left out, and says so.
use crate::{error::Result, progress::Progress, workspace::Workspace};
use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
};

const NAME: &str = "peers";
/// Where the clients are described.
const FOLDER: &str = "tests/peers/discord";
/// What describes one.
const FILES: [&str; 4] = ["package.json", "package-lock.json", ".npmrc", "client.mjs"];

/// Runs the tier, or says why it is left out.
pub(crate) fn run(workspace: &Workspace, progress: &mut Progress) -> Result<()> {
    let place = workspace.target.join("xtask/peers/discord");
    if let Err(why) = install(&workspace.root.join(FOLDER), &place) {
        progress.skip(NAME, &format!("no independent client proved the fakes: {why}"));
        return Ok(());
    }
    let step = progress.step(NAME);
    let mut command = workspace.cargo();
    command.args([
        "run",
        "--quiet",
        "--package",
        "openclaw-fakes",
        "--example",
        "prove_discord",
    ]);
    step.run(command.args(["--", "node"]).arg(place.join("client.mjs")))?;
    step.done();
    Ok(())
}

/// Brings a client with exactly the locked packages.
fn install(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for file in FILES {
        fs::copy(from.join(file), to.join(file))?;
    }
    let mut command = Command::new("npm");
    command
        .current_dir(to)
        .args(["ci", "--no-audit", "--no-fund", "--fetch-retries=1"]);
    let output = command.stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(_) => Err(io::Error::other("`npm ci` failed, is its registry reachable?")),
        Err(error) => Err(io::Error::other(format!(
            "npm can't be run ({error}), install Node.js 20 or newer"
        ))),
    }
}
