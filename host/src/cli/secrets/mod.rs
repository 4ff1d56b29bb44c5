//! `openclaw secrets`: where secrets lie open, how they get out of there, and a gateway that fetches them anew.
//!
//! Invariant: no secret is printed, and none is taken as an argument.
mod audit;
mod find;
mod relocate;

use super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use clap::Subcommand;
use serde_json::json;
use std::time::Duration;

/// How long the gateway may take: programs may have to be asked.
const PATIENCE: Duration = Duration::from_secs(60);

/// Finds secrets that lie open, moves them, and has the gateway fetch them anew
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Audit(audit::Args),
    Configure(relocate::Configure),
    Set(relocate::Set),
    Reload(Reload),
}

/// Has the running gateway fetch its secrets anew
#[derive(Debug, clap::Args)]
struct Reload {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs one.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    match &args.command {
        Command::Audit(args) => audit::run(args, env),
        Command::Configure(args) => relocate::configure(args, env),
        Command::Set(args) => relocate::set(args, env),
        Command::Reload(args) => reload(args, env),
    }
}

fn reload(args: &Reload, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let target = &args.target;
    let answer = target.ask(env, &setting, Scope::Admin, "secrets.reload", json!({}), PATIENCE)?;
    if args.json {
        return output::json(&answer);
    }
    anstream::println!("The gateway has fetched its secrets anew.");
    match answer["warningCount"].as_u64().unwrap_or_default() {
        0 => {}
        count => anstream::println!("{count} warnings; `openclaw logs` shows them."),
    }
    Ok(())
}
