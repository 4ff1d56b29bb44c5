//! `openclaw reset`: back to the beginning, as far as somebody says. What goes is told before it goes.
//!
//! Invariant: nothing is removed while a gateway runs on the state directory, and nothing that was not told.
mod plan;
pub mod uninstall;

use super::{
    Failure,
    gateway::{self, lock::Lock},
    onboard::prompt,
    output,
};
use crate::{
    clock::Clock,
    config::{Config, Env, Inspected, Paths},
};
use clap::ValueEnum;
use plan::{Plan, Scope, plan};
use serde_json::json;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Removes configuration, secrets, conversations or everything; tells what, and asks
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How much [default: asks]
    #[arg(long, value_enum)]
    scope: Option<Scope>,
    /// Tell what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Ask nothing
    #[arg(long, short)]
    yes: bool,
    /// The same as --yes with a scope
    #[arg(long, hide = true)]
    non_interactive: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let paths = Paths::resolve(env).map_err(Failure::config)?;
    let scope = match args.scope {
        Some(scope) => scope,
        None => choose(args)?,
    };
    let config = config(&paths, env, scope)?;
    let here = std::env::current_dir().unwrap_or_else(|_| paths.state_dir.clone());
    // held until everything is gone, so that no gateway starts meanwhile; who only looks disturbs none
    let _lock = match !args.dry_run && paths.state_dir.is_dir() {
        true => Some(
            Lock::for_command(&paths, Clock::system().now_ms())
                .map_err(|failure| Failure::new(format_args!("nothing was removed: {failure}")))?,
        ),
        false => None,
    };
    let plan = plan(scope, &paths, &config, &here);
    if !args.json {
        show(&plan, args.dry_run);
    }
    let removes = !args.dry_run && !plan.remove.is_empty();
    if removes && !args.yes && !args.non_interactive {
        if !prompt::is_possible() {
            return Err(Failure::usage(
                "there is no terminal to ask in; give --yes, or --dry-run to look only",
            ));
        }
        if !prompt::confirm("Remove it? There is no way back.", false, "")? {
            return Err(Failure::new("stopped; nothing was removed"));
        }
    }
    if removes {
        remove_all(&plan.remove)?;
    }
    let service = gateway::has_service(env, &paths);
    if args.json {
        return output::json(&json!({
            "ok": true, "scope": word(scope), "dryRun": args.dry_run, "removed": removes,
            "remove": plan.remove, "keep": plan.keep, "service": service,
        }));
    }
    if removes {
        anstream::println!("Removed. `openclaw onboard` begins anew.");
    }
    if service {
        anstream::println!("The gateway is still a service; `openclaw gateway uninstall` removes that.");
    }
    Ok(())
}

/// What can't be removed, as a file that is mounted where it lies, keeps nothing else.
fn remove_all(paths: &[PathBuf]) -> Result<(), Failure> {
    let failed = |path: &PathBuf| {
        let error = remove(path).err()?;
        Some(format!("{}: {error}", path.display()))
    };
    let left: Vec<_> = paths.iter().filter_map(failed).collect();
    match left.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format_args!(
            "all is removed but what the system did not let go of; remove it by hand:\n  {}",
            left.join("\n  ")
        ))),
    }
}

/// The configuration, for the workspaces that it names. Where they are not asked for, it may be broken.
fn config(paths: &Paths, env: &Env, scope: Scope) -> Result<Config, Failure> {
    if !paths.config_file.exists() {
        return Ok(Config::default());
    }
    let config = Inspected::read(paths, env)
        .ok()
        .and_then(|inspected| inspected.config);
    match config {
        Some(config) => Ok(config),
        None if scope < Scope::Full => Ok(Config::default()),
        None => Err(Failure::config(
            "the configuration can't be read, so it is not known which workspaces are of it; correct it, or remove it first with \
             --scope config",
        )),
    }
}

fn choose(args: &Args) -> Result<Scope, Failure> {
    if args.yes || args.non_interactive || args.json || !prompt::is_possible() {
        return Err(Failure::usage(
            "say how much: --scope config, config+creds+sessions or full",
        ));
    }
    let rows = [
        "config: openclaw.json and its copies",
        "config+creds+sessions: also secrets, devices, pairings, conversations and files of them",
        "full: the whole state directory, and the workspaces",
    ];
    let chosen = prompt::choose("How much shall be removed?", &rows, 0)?;
    Ok(Scope::value_variants()[chosen])
}

fn word(scope: Scope) -> String {
    let value = scope.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

fn show(plan: &Plan, is_dry: bool) {
    if plan.remove.is_empty() {
        anstream::println!("There is nothing to remove.");
    } else {
        anstream::println!(
            "{}",
            if is_dry {
                "This would be removed:"
            } else {
                "This is removed:"
            }
        );
    }
    for path in &plan.remove {
        let slash = if path.is_dir() { "/" } else { "" };
        anstream::println!("  {}{slash}", path.display());
    }
    for kept in &plan.keep {
        anstream::println!("Not touched: {kept}");
    }
}

/// A file, a link, or a folder with all that is in it. A folder that can't go itself, say because a disk is mounted there,
/// is emptied.
fn remove(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !metadata.is_dir() {
        return fs::remove_file(path);
    }
    // one that stays, say because it is mounted, keeps no other from going
    let mut first = Ok(());
    for entry in fs::read_dir(path)? {
        let inner = entry?.path();
        let gone = match fs::symlink_metadata(&inner)?.is_dir() {
            true => fs::remove_dir_all(&inner),
            false => fs::remove_file(&inner),
        };
        first = first.and(gone);
    }
    first?;
    match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_keeps_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, other) = (folder.path().join("file"), folder.path().join("other"));
        fs::write(&file, "").expect("written");
        fs::write(&other, "").expect("written");
        let stays = file.join("below a file");
        let error = remove_all(&[stays.clone(), other.clone()]).expect_err("one stays");
        assert!(
            error.to_string().contains(&stays.display().to_string()),
            "{error}"
        );
        assert!(!other.exists());
    }

    #[test]
    fn a_folder_goes_with_what_is_in_it_and_a_link_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, other) = (folder.path().join("state"), folder.path().join("other"));
        fs::create_dir_all(state.join("deep/er")).expect("made");
        fs::create_dir_all(&other).expect("made");
        fs::write(other.join("precious"), "").expect("written");
        std::os::unix::fs::symlink(&other, state.join("deep/link")).expect("linked");
        std::os::unix::fs::symlink(&other, folder.path().join("link")).expect("linked");
        remove(&state).expect("removed");
        remove(&folder.path().join("link")).expect("removed");
        remove(&folder.path().join("link")).expect("it is gone, which is fine");
        assert!(!state.exists() && other.join("precious").exists());
    }
}
