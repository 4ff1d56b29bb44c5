//! `openclaw channels`: which channels are set up and how they are doing; adding and removing one.
pub(super) mod edit;
mod list;
mod status;

pub(super) use status::table;

use super::Failure;
use crate::config::Env;
use clap::Subcommand;

/// The subcommands.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Status(status::Args),
    Add(edit::Add),
    Remove(edit::Remove),
}

/// Runs one.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    match &args.command {
        Command::List(args) => list::run(args, env),
        Command::Status(args) => status::run(args, env),
        Command::Add(args) => edit::add(args, env),
        Command::Remove(args) => edit::remove(args, env),
    }
}
