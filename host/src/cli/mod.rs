//! The command line: one file for each command, no logic that the gateway needs.
mod address;
pub mod agent;
pub mod config;
mod connect;
mod failure;
pub mod gateway;
mod output;
pub mod pairing;
pub mod plugins;
mod setting;

pub use failure::Failure;

use crate::{config::Env, observe::LogFormat};
use clap::{Parser, Subcommand};

/// A personal AI gateway: connects chat apps and phone calls to AI agents, every channel, tool and model a plugin.
#[derive(Debug, Parser)]
#[command(
    name = "openclaw",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How log lines look
    #[arg(long, global = true, value_enum, default_value_t)]
    log_format: LogFormat,
    /// Which events are logged, such as info,plugin::demo=debug [default: info; OPENCLAW_LOG]
    #[arg(long, global = true)]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the gateway
    Gateway(gateway::Args),
    /// Says something to an agent of the running gateway
    Agent(agent::Args),
    /// Shows, changes and judges openclaw.json
    Config(config::Args),
    /// Finds, judges, installs and watches plugins
    Plugins(plugins::Args),
    /// Shows who asks to be let in, and lets them in
    Pairing(pairing::Args),
    /// Is a plugin's process; the gateway starts it
    #[command(name = crate::plugins::confined::SUBCOMMAND, hide = true)]
    PluginHost {
        /// The library
        library: std::path::PathBuf,
    },
}

/// Runs the command line and gives the exit code: 0 done, 1 failed, 2 wrong use, 78 wrong configuration.
pub fn run(env: &Env) -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    match cli.run(env) {
        Ok(()) => 0,
        Err(failure) => failure.report(),
    }
}

impl Cli {
    fn run(self, env: &Env) -> Result<(), Failure> {
        // Before anything else: a plugin's process has nothing that the gateway did not give it.
        if let Command::PluginHost { library } = self.command {
            return crate::plugins::confined::reside(library).map_err(Failure::new);
        }
        let filter = self.log.as_deref().or_else(|| env.var("OPENCLAW_LOG"));
        // Commands that end by themselves speak on standard output; they log only what is wrong.
        let usual = match &self.command {
            Command::Gateway(args) => args.usual_filter(),
            _ => "warn",
        };
        crate::observe::init(self.log_format, filter.unwrap_or(usual)).map_err(Failure::usage)?;
        match self.command {
            Command::Gateway(args) => gateway::run(args, env),
            Command::Agent(args) => agent::run(&args, env),
            Command::Config(args) => config::run(args, env),
            Command::Plugins(args) => plugins::run(args, env),
            Command::Pairing(args) => pairing::run(&args, env),
            Command::PluginHost { .. } => Ok(()),
        }
    }
}
