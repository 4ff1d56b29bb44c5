//! `openclaw agents`: who answers here, how they are called, and which chats go to whom.
//!
//! It reads and edits openclaw.json and asks no gateway; one that runs follows the file.
mod bindings;
mod change;
mod identity;
mod list;

use super::{Failure, config::Place};
use crate::config::{Agent, Agents, Config, Env, Loaded, agent_id};
use clap::Subcommand;

/// Shows who answers here, adds and removes agents, and says which chats go to whom
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: list::List,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Add(change::Add),
    Delete(change::Delete),
    Bindings(bindings::Show),
    Bind(bindings::Bind),
    Unbind(bindings::Unbind),
    SetIdentity(identity::Args),
}

/// Runs one; without a word, the list.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let place = Place::of(env)?;
    match &args.command {
        None => list::run(&args.list, &place, env),
        Some(Command::List(args)) => list::run(args, &place, env),
        Some(Command::Add(args)) => change::add(args, &place, env),
        Some(Command::Delete(args)) => change::delete(args, &place, env),
        Some(Command::Bindings(args)) => bindings::show(args, &place, env),
        Some(Command::Bind(args)) => bindings::bind(args, &place, env),
        Some(Command::Unbind(args)) => bindings::unbind(args, &place, env),
        Some(Command::SetIdentity(args)) => identity::run(args, &place, env),
    }
}

/// The configuration as it stands in the file; without one, what holds without one.
fn read(place: &Place<'_>, env: &Env) -> Result<Config, Failure> {
    match Loaded::read_without_secrets(&place.paths, env) {
        Ok(loaded) => Ok(loaded.config),
        Err(error) if error.is_absence() => Ok(Config::default()),
        Err(error) => Err(Failure::config(error)),
    }
}

/// The agent that is named, or the default one.
fn find<'a>(agents: &'a Agents, named: Option<&str>) -> Result<&'a Agent, Failure> {
    let Some(named) = named else {
        return Ok(agents.default_agent());
    };
    agents.get(&agent_id(named)).ok_or_else(|| {
        Failure::new(format_args!(
            "there is no agent \"{named}\"; `openclaw agents list` shows them"
        ))
    })
}
