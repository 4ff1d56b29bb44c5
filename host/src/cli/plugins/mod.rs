//! `openclaw plugins`: everything that an operator or an author does with plugins.
mod check;
pub(super) mod doctor;
mod edit;
mod inspect;
mod install;
mod list;
mod live;
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
    /// Switches a plugin on in openclaw.json, keeping comments and formatting
    Enable(edit::Args),
    /// Switches a plugin off in openclaw.json, keeping comments and formatting
    Disable(edit::Args),
    Install(install::Install),
    Uninstall(install::Uninstall),
    Check(check::Args),
    Doctor(doctor::Args),
    Top(live::Top),
    Reload(live::Reload),
    New(new::Args),
}

/// Runs one.
pub fn run(args: Args, env: &Env) -> Result<(), Failure> {
    match args.command {
        Command::List(args) => list::run(&args, &Setting::for_client(env)?, env),
        Command::Inspect(args) => inspect::run(&args, |id| {
            let setting = Setting::look(env)?;
            Ok(setting
                .found
                .plugins
                .get(id)
                .map(|candidate| candidate.path.clone()))
        }),
        Command::Enable(args) => edit::run(&args, true, &Setting::look(env)?),
        Command::Disable(args) => edit::run(&args, false, &Setting::look(env)?),
        Command::Install(args) => install::install(&args, &Setting::look(env)?),
        Command::Uninstall(args) => install::uninstall(&args, &Setting::look(env)?),
        Command::Check(args) => check::run_command(&args),
        Command::Doctor(args) => doctor::run(&args, &Setting::read(env)?),
        Command::Top(args) => live::top(&args, env),
        Command::Reload(args) => live::reload(&args, env),
        Command::New(args) => new::run(&args),
    }
}
