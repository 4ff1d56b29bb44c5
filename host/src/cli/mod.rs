//! The command line: one file for each command, no logic that the gateway needs.
mod address;
pub mod agent;
pub mod agents;
pub mod approvals;
pub mod backup;
pub mod channels;
pub mod completion;
pub mod config;
pub mod configure;
mod connect;
pub mod cron;
pub mod dashboard;
pub mod devices;
pub mod doctor;
mod extension;
mod failure;
mod findings;
pub mod gateway;
mod global;
pub mod health;
mod init;
pub mod logs;
pub mod manual;
pub mod message;
pub mod migrate;
pub mod models;
pub mod nodes;
mod offline;
pub mod onboard;
mod output;
pub mod pairing;
pub mod plugins;
pub mod reset;
pub mod secrets;
pub mod security;
pub mod sessions;
mod setting;
pub mod skills;
pub mod status;
pub mod system;
pub mod tasks;
pub mod tools;
mod trial;
pub mod tui;
pub mod update;
mod vault;

pub use failure::Failure;

use crate::{config::Env, plugins::confined};
use clap::{Parser, Subcommand};
use global::{Asked, Global};
use std::{ffi::OsString, path::PathBuf};

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
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(visible_alias = "setup")]
    Onboard(Box<onboard::Args>),
    Configure(Box<configure::Args>),
    Gateway(Box<gateway::Args>),
    /// Manages the gateway's service: the same as `openclaw gateway install`, `start`, `stop` and so on
    #[command(subcommand, hide = true)]
    Daemon(gateway::service::Command),
    /// Says something to an agent of the running gateway
    Agent(Box<agent::Args>),
    Agents(Box<agents::Args>),
    /// Sends messages to chats by hand
    Message(message::Args),
    Sessions(sessions::Args),
    /// Shows and chooses models
    Models(models::Args),
    /// Shows, adds and removes channels
    Channels(channels::Args),
    Status(status::Args),
    Health(health::Args),
    Doctor(doctor::Args),
    Security(security::Args),
    Backup(backup::Args),
    Logs(logs::Args),
    /// Shows, changes and judges openclaw.json
    Config(config::Args),
    /// Finds, judges, installs and watches plugins
    Plugins(plugins::Args),
    /// Shows who asks to be let in, and lets them in
    Pairing(pairing::Args),
    /// Shows what waits for the operator's answer, answers it, and keeps the rules for commands
    #[command(visible_alias = "exec-approvals")]
    Approvals(approvals::Args),
    /// Shows which devices may use the gateway, and lets them in
    Devices(devices::Args),
    /// Shows devices that do what the gateway asks them
    Nodes(nodes::Args),
    #[command(visible_alias = "automations")]
    Cron(Box<cron::Args>),
    System(system::Args),
    Tasks(tasks::Args),
    Skills(skills::Args),
    Tools(tools::Args),
    #[command(visible_alias = "import")]
    Migrate(migrate::Args),
    /// A command that a plugin brings
    #[command(external_subcommand)]
    Extension(Vec<String>),
    Completion(completion::Args),
    Manual(manual::Args),
    #[command(visible_aliases = ["chat", "terminal"])]
    Tui(tui::Args),
    Dashboard(dashboard::Args),
    Secrets(secrets::Args),
    Reset(reset::Args),
    Uninstall(reset::uninstall::Args),
    Update(update::Args),
}

/// Runs the command line and gives the exit code: 0 done, 1 failed, 2 wrong use, 78 wrong configuration.
pub fn run(env: &Env) -> u8 {
    // Before anything else: a plugin's process has nothing that the gateway did not give it, and pays for none of the
    // pages that the command line touches.
    if let Some(library) = residence(std::env::args_os()) {
        return match confined::reside(library).map_err(Failure::new) {
            Ok(()) => 0,
            Err(failure) => failure.report(),
        };
    }
    // The same holds for a process that keeps, or becomes, a command of an agent.
    if let Some(code) = openclaw_confine::launch::serve(std::env::args_os()) {
        return code;
    }
    if let Some(code) = init::run(env) {
        return code;
    }
    let cli = match Cli::try_parse_from(onboard::args::rewritten(std::env::args_os())) {
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

/// The library, if this is `plugin-host <library>`: how the gateway starts a plugin's process. People have no use for it,
/// so it is no part of the command line that they see.
fn residence(args: impl IntoIterator<Item = OsString>) -> Option<PathBuf> {
    let mut args = args.into_iter().skip(1);
    let ours = args.next().is_some_and(|arg| arg == confined::SUBCOMMAND);
    let library = args.next().filter(|_| ours)?;
    args.next().is_none().then(|| library.into())
}

impl Cli {
    fn run(self, env: &Env) -> Result<(), Failure> {
        let env = &self.global.applied(env);
        let asked = self.global.asked(env);
        // Commands that end by themselves speak on standard output; they log only what is wrong. The gateway begins its
        // log when it knows what its configuration says of it.
        if !matches!(self.command, Command::Gateway(_)) {
            let filter = asked.filter.as_deref().unwrap_or("warn");
            crate::observe::init(asked.format.unwrap_or_default(), filter).map_err(Failure::usage)?;
        }
        match self.command {
            Command::Onboard(args) => onboard::run(&args, env),
            Command::Configure(args) => configure::run(&args, env),
            Command::Gateway(args) => gateway::run(*args, env, asked, self.global.dev),
            Command::Daemon(command) => gateway::service::run(&command, env),
            Command::Agent(args) => agent::run(&args, env),
            Command::Agents(args) => agents::run(&args, env),
            Command::Message(args) => message::run(&args, env),
            Command::Sessions(args) => sessions::run(&args, env),
            Command::Models(args) => models::run(&args, env),
            Command::Channels(args) => channels::run(&args, env),
            Command::Status(args) => status::run(&args, env),
            Command::Health(args) => health::run(&args, env),
            Command::Doctor(args) => doctor::run(&args, env),
            Command::Security(args) => security::run(&args, env),
            Command::Backup(args) => backup::run(&args, env),
            Command::Logs(args) => logs::run(&args, env),
            Command::Config(args) => config::run(args, env),
            Command::Plugins(args) => plugins::run(args, env),
            Command::Pairing(args) => pairing::run(&args, env),
            Command::Approvals(args) => approvals::run(&args, env),
            Command::Devices(args) => devices::run(&args, env),
            Command::Nodes(args) => nodes::run(&args, env),
            Command::Cron(args) => cron::run(&args, env),
            Command::System(args) => system::run(&args, env),
            Command::Tasks(args) => tasks::run(&args, env),
            Command::Skills(args) => skills::run(&args, env),
            Command::Tools(args) => tools::run(&args, env),
            Command::Migrate(args) => migrate::run(&args, env),
            Command::Extension(words) => extension::run(&words, env),
            Command::Completion(args) => completion::run(&args, env),
            Command::Manual(args) => manual::run(&args),
            Command::Tui(args) => tui::run(&args, env),
            Command::Dashboard(args) => dashboard::run(&args, env),
            Command::Secrets(args) => secrets::run(&args, env),
            Command::Reset(args) => reset::run(&args, env),
            Command::Uninstall(args) => reset::uninstall::run(&args, env),
            Command::Update(args) => update::run(&args, env),
        }
    }
}
