//! `openclaw status`: the installation at a glance: gateway, service, agents, channels, traffic, conversations, what
//! failed, what the audit says. With `--all` a report that can be shown to others.
//!
//! The gateway is asked for what only it knows; everything else is read here, so there is an answer without one too.
mod gather;
mod report;
mod show;

use super::{Failure, connect::Target, output};
use crate::config::Env;

/// Shows the installation at a glance
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 1 if the gateway can't be asked.")]
pub struct Args {
    /// Everything, without secrets: to be shown to somebody who helps
    #[arg(long)]
    all: bool,
    /// Ask each platform too
    #[arg(long)]
    deep: bool,
    /// Also what was spent in a month, and what vendors say is left
    #[arg(long)]
    usage: bool,
    /// For scripts of OpenClaw: nothing more is told here.
    #[arg(long, hide = true, alias = "debug")]
    verbose: bool,
    /// How long the gateway may take, milliseconds
    #[arg(long, default_value_t = 10_000)]
    timeout: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let status = gather::status(args, env)?;
    if args.json {
        output::json(&status.json())?;
    } else if args.all {
        let text = report::text(&status, args, env);
        anstream::print!("{text}");
    } else {
        anstream::print!("{}", show::text(&status));
    }
    match status.gateway {
        Ok(_) => Ok(()),
        Err(why) => Err(Failure::new(why)),
    }
}
