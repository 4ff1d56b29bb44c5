//! `openclaw plugins`: everything that an operator or an author does with plugins.
mod doctor;
mod inspect;
mod list;
mod new;

use super::{Failure, setting::Setting};
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
    Inspect(inspect::Args),
    Doctor(doctor::Args),
    New(new::Args),
}

/// Runs one.
pub fn run(args: Args, env: &Env) -> Result<(), Failure> {
    match args.command {
        Command::List(args) => list::run(&args, &Setting::read(env)?),
        Command::Inspect(args) => inspect::run(&args, |id| {
            let setting = Setting::read(env)?;
            Ok(setting
                .found
                .plugins
                .get(id)
                .map(|candidate| candidate.path.clone()))
        }),
        Command::Doctor(args) => doctor::run(&args, &Setting::read(env)?),
        Command::New(args) => new::run(&args),
    }
}
