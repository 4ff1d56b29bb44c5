//! `openclaw backup`: a copy of everything that the gateway keeps, whether it is whole, and the way back.
//!
//! No logic here: what is copied and how it comes back is in `backup`.
use super::{
    Failure,
    gateway::lock::{self, Lock},
    output,
};
use crate::{
    backup::{self, BackupError, Created, Kind, Request, Restored, Verified},
    clock::Clock,
    config::{Env, Inspected, Paths},
};
use clap::Subcommand;
use serde_json::{Value, json};
use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::PathBuf,
};

/// Copies everything that the gateway keeps into one file, and back
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Create),
    Verify(Verify),
    Restore(Restore),
}

/// Makes an archive, also while the gateway runs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The archive holds secrets and conversations; only its owner can read it. Left out are logs and what is made anew by \
itself. If the configuration file or a workspace is a link, the archive has what it leads to; other links are named and not \
followed.")]
struct Create {
    /// Folder for it, or file if it ends in .gz or .tgz [default: openclaw-backup-<time>.tar.gz here]
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Agents' workspaces too (the default)
    #[arg(long, overrides_with = "no_include_workspace")]
    include_workspace: bool,
    /// Leave agents' workspaces out
    #[arg(long)]
    no_include_workspace: bool,
    /// Only the configuration
    #[arg(long)]
    only_config: bool,
    /// Only tell what would be copied
    #[arg(long)]
    dry_run: bool,
    /// Read the archive back and check it
    #[arg(long)]
    verify: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Says whether an archive is whole
#[derive(Debug, clap::Args)]
struct Verify {
    /// The archive
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Puts an archive in the place of the state; the gateway has to be stopped
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What was there is kept in <state>/before-restore-<time>. A crash in the middle leaves the old state or the new one: the \
gateway finishes what was begun when it starts. A configuration file that is a link stays one and is written through it; one \
that is mounted by itself, as into a container, is written in place. A workspace that is a link or lies elsewhere keeps what it holds; its copy comes to <state>/restored-workspace-<agent>-<time>.")]
struct Restore {
    /// The archive
    file: PathBuf,
    /// Only check the archive and tell, also what would be refused
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(long, short)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let paths = Paths::resolve(env).map_err(Failure::config)?;
    match &args.command {
        Command::Create(args) => create(args, env, &paths),
        Command::Verify(args) => verify(args),
        Command::Restore(args) => restore(args, env, &paths),
    }
}

fn create(args: &Create, env: &Env, paths: &Paths) -> Result<(), Failure> {
    // one that can't be read is copied all the same; only workspaces elsewhere are not known then
    let config = Inspected::read(paths, env)
        .ok()
        .and_then(|inspected| inspected.config);
    let working = output::Working::at("copying", args.json);
    let created = backup::create(&Request {
        paths,
        config: &config.unwrap_or_default(),
        output: args.output.clone(),
        workspaces: !args.no_include_workspace || args.include_workspace,
        only_config: args.only_config,
        dry_run: args.dry_run,
        now_ms: Clock::system().now_ms(),
    });
    let created = created.map_err(failure)?;
    let verified = match args.verify && !args.dry_run {
        true => Some(backup::verify(&created.archive).map_err(failure)?),
        false => None,
    };
    drop(working);
    if args.json {
        return output::json(&json!({
            "archivePath": created.archive, "dryRun": args.dry_run, "verified": verified.is_some(),
            "missingMedia": verified.map(|verified| verified.missing),
            "createdAt": created.manifest.created_at, "files": created.manifest.entries.len(), "bytes": created.bytes,
            "archiveBytes": created.size, "leftOut": created.manifest.left_out, "skipped": created.manifest.skipped,
            "onlyConfig": args.only_config, "includeWorkspace": !args.no_include_workspace,
        }));
    }
    say_created(&created, args);
    if let Some(verified) = verified {
        anstream::println!("It was read back and is whole.");
        say_missing(&verified);
    }
    Ok(())
}

fn say_created(created: &Created, args: &Create) {
    let (files, bytes) = (created.manifest.entries.len(), output::bytes(created.bytes));
    let shown = created.archive.display();
    if args.dry_run {
        for entry in &created.manifest.entries {
            anstream::println!("{:>10}  {}", output::bytes(entry.size), entry.path);
        }
        anstream::println!("{shown} would have {files} files and the database, {bytes}.");
    } else {
        anstream::println!(
            "{shown}: {files} files, {bytes}, packed {}.",
            output::bytes(created.size)
        );
        anstream::println!("It holds secrets; only you can read it.");
    }
    if !created.manifest.left_out.is_empty() {
        let names: Vec<_> = created.manifest.left_out.iter().map(String::as_str).collect();
        anstream::println!("Left out: {}.", names.join(", "));
    }
    for path in &created.manifest.skipped {
        anstream::eprintln!("not copied, for it is no plain file or lies elsewhere: {path}");
    }
}

/// What was there when an archive was made, and is not in it.
fn say_skipped(verified: &Verified) {
    let skipped = verified.manifest.skipped.len();
    if skipped > 0 {
        anstream::eprintln!(
            "{skipped} links and other things that are no plain files are not in it; `backup verify --json` names them"
        );
    }
    say_missing(verified);
}

/// Its database may name more than it has.
fn say_missing(verified: &Verified) {
    if verified.missing > 0 {
        anstream::eprintln!(
            "{} files of messages that its database names are not in it: they were gone when it was made, or behind a link",
            verified.missing
        );
    }
}

fn verify(args: &Verify) -> Result<(), Failure> {
    let working = output::Working::at("reading it through", args.json);
    let verified = backup::verify(&args.file).map_err(failure)?;
    drop(working);
    if args.json {
        let mut answer = facts(&verified);
        answer["ok"] = json!(true);
        answer["archivePath"] = json!(args.file);
        return output::json(&answer);
    }
    anstream::println!("{} is whole: {}.", args.file.display(), words(&verified));
    say_skipped(&verified);
    Ok(())
}

fn restore(args: &Restore, env: &Env, paths: &Paths) -> Result<(), Failure> {
    let shown = paths.state_dir.display();
    if args.dry_run || !args.yes {
        // what is in it is known before anybody is asked
        let working = output::Working::at("reading it through", args.json);
        let verified = backup::rehearse(paths, &args.file).map_err(failure)?;
        drop(working);
        if args.dry_run {
            return would(&verified, args, paths);
        }
        if !io::stdin().is_terminal() {
            return Err(Failure::usage(format_args!(
                "this would replace {shown}; say --yes, or look first with --dry-run"
            )));
        }
        anstream::println!("{} has {}.", args.file.display(), words(&verified));
        anstream::print!("Put it in the place of {shown}? What is there is kept aside. [y/N] ");
        if !agreed()? {
            return Err(Failure::new("nothing was changed"));
        }
    }
    paths.prepare_state_dir().map_err(Failure::config)?;
    let now_ms = Clock::system().now_ms();
    let lock = Lock::for_command(paths, now_ms);
    let _lock =
        lock.map_err(|why| Failure::new(format_args!("the state is in use: {why}; nothing was changed")))?;
    let config = Inspected::read(paths, env)
        .ok()
        .and_then(|inspected| inspected.config);
    let agents = config.unwrap_or_default().agents();
    let workspaces = agents.agents.iter();
    let known: Vec<_> = workspaces
        .map(|agent| (agent.id.clone(), agent.workspace(paths)))
        .collect();
    let working = output::Working::at("restoring", args.json);
    let restored = backup::restore(paths, &args.file, &known, now_ms).map_err(failure)?;
    drop(working);
    if args.json {
        let mut answer = facts(&restored.verified);
        answer["ok"] = json!(true);
        answer["dryRun"] = json!(false);
        answer["before"] = json!(restored.before);
        answer["workspaces"] = json!(restored.workspaces);
        answer["linked"] = json!(restored.linked);
        return output::json(&answer);
    }
    say_restored(&restored, paths);
    Ok(())
}

fn would(verified: &Verified, args: &Restore, paths: &Paths) -> Result<(), Failure> {
    let in_use = lock::look(paths).held;
    if args.json {
        let mut answer = facts(verified);
        answer["ok"] = json!(true);
        answer["dryRun"] = json!(true);
        answer["inUse"] = json!(in_use);
        return output::json(&answer);
    }
    anstream::println!(
        "{} would be restored: {}.",
        place(verified, paths),
        words(verified)
    );
    if in_use {
        anstream::eprintln!("the state is in use now; stop the gateway before it is restored");
    }
    say_skipped(verified);
    Ok(())
}

/// What is replaced.
fn place(verified: &Verified, paths: &Paths) -> String {
    match verified.manifest.kind {
        Kind::Full => paths.state_dir.display().to_string(),
        Kind::Config => paths.config_file.display().to_string(),
    }
}

fn say_restored(restored: &Restored, paths: &Paths) {
    let verified = &restored.verified;
    anstream::println!("{} is restored: {}.", place(verified, paths), words(verified));
    if let Some(before) = &restored.before {
        anstream::println!(
            "What was there is in {}; remove it when all is well.",
            before.display()
        );
    }
    for (agent, path) in &restored.workspaces {
        anstream::println!("The workspace of {agent}: {}", path.display());
    }
    for path in &restored.linked {
        anstream::println!("{} is the link that it was.", path.display());
    }
    say_skipped(verified);
    anstream::println!("Run `openclaw doctor`, then start the gateway.");
}

fn agreed() -> Result<bool, Failure> {
    io::stdout().flush().map_err(|e| Failure::io("ask", e))?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|e| Failure::io("read the answer", e))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn facts(verified: &Verified) -> Value {
    let manifest = &verified.manifest;
    json!({
        "kind": manifest.kind, "createdAt": manifest.created_at, "runtimeVersion": manifest.runtime_version,
        "files": manifest.entries.len(), "bytes": verified.bytes, "databaseVersion": verified.database,
        "stateDir": manifest.state_dir, "leftOut": manifest.left_out, "skipped": manifest.skipped,
        "missingMedia": verified.missing,
    })
}

fn words(verified: &Verified) -> String {
    let manifest = &verified.manifest;
    format!(
        "{} files, {}, of {}, made by {}",
        manifest.entries.len(),
        output::bytes(verified.bytes),
        manifest.created_at,
        manifest.runtime_version
    )
}

fn failure(error: BackupError) -> Failure {
    match error {
        BackupError::Inside(_) | BackupError::Exists(_) => Failure::usage(error),
        error => Failure::new(error),
    }
}
