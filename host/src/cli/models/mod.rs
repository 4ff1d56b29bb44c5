//! `openclaw models`: which models there are, which can be asked, and which is asked first.
mod list;
pub(super) mod set;
mod status;

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
    Set(set::Args),
}

/// Runs one.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    match &args.command {
        Command::List(args) => list::run(args, env),
        Command::Status(args) => status::run(args, env),
        Command::Set(args) => set::run(args, env),
    }
}
