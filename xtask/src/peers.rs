//! The peers of `cargo xtask test`: programs of others that judge the gateway; see `tests/peers/README.md`.
use crate::{
    error::{Error, Result},
    progress::Progress,
    workspace::Workspace,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What a peer exits with that can't run here.
const CANT_RUN: i32 = 77;

/// A file in the folder of a peer that installs much or takes long.
const LONG: &str = "long";

/// Runs every peer. One that can't run here is named with its reason.
pub(crate) fn run(
    workspace: &Workspace,
    program: &Path,
    plugins: &Path,
    long: bool,
    progress: &mut Progress,
) -> Result<()> {
    let step = progress.step("peers");
    for peer in peers(&workspace.root.join("tests/peers")) {
        let name = peer
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if peer.join(LONG).is_file() && !long {
            eprintln!("      {name}: left out, it runs with --long");
            continue;
        }
        step.say(&name);
        let cache = workspace.target.join("peers").join(&name);
        fs::create_dir_all(&cache).map_err(Error::file("make", &cache))?;
        let mut command = Command::new(peer.join("run"));
        command
            .env("OPENCLAW_TEST_BIN", program)
            .env("OPENCLAW_TEST_PLUGINS", plugins)
            .env("OPENCLAW_PEER_CACHE", &cache);
        if long {
            // a whole run makes the tables of docs/compatibility.md, unless something broke that worked
            command.env("OPENCLAW_PEER_WRITE", "1");
        }
        match step.run(&mut command) {
            // it has said why
            Err(Error::Step { status, .. }) if status.code() == Some(CANT_RUN) => {
                eprintln!("      {name}: skipped");
            }
            outcome => outcome?,
        }
    }
    step.done();
    Ok(())
}

fn peers(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut peers: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.join("run").is_file())
        .collect();
    peers.sort();
    peers
}
