//! `openclaw system`: what an agent is to hear of, and when it looks by itself.
use super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use clap::Subcommand;
use serde_json::{Value, json};
use std::time::Duration;

/// Tells agents of events, and shows their heartbeats
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// How long the gateway may take, milliseconds
    #[arg(long, global = true, default_value_t = 10_000)]
    timeout: u64,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tells an agent of something
    Event {
        /// What happened
        #[arg(long)]
        text: String,
        /// When it hears of it
        #[arg(long, default_value = "next-heartbeat", value_parser = ["now", "next-heartbeat"])]
        mode: String,
        /// The conversation [default: the agent's main one]
        #[arg(long)]
        session_key: Option<String>,
        /// The agent [default: the default agent]
        #[arg(long)]
        agent: Option<String>,
    },
    /// Agents that look by themselves whether anything needs attention
    #[command(subcommand)]
    Heartbeat(Heartbeat),
    /// Shows who is connected to the gateway
    Presence,
}

#[derive(Debug, Subcommand)]
enum Heartbeat {
    /// Shows how the last one went
    Last,
    /// Lets them happen
    Enable,
    /// Keeps them from happening until the gateway is started again
    Disable,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let ask = |scope: Scope, method: &str, params: Value| {
        let limit = Duration::from_millis(args.timeout);
        args.target.ask(env, &setting, scope, method, params, limit)
    };
    match &args.command {
        Command::Event {
            text,
            mode,
            session_key,
            agent,
        } => {
            let mut params = json!({ "mode": mode, "text": text });
            for (key, value) in [("sessionKey", session_key), ("agentId", agent)] {
                if let Some(value) = value {
                    params[key] = json!(value);
                }
            }
            let answer = ask(Scope::Write, "wake", params)?;
            if args.json {
                return output::json(&answer);
            }
            anstream::println!("ok");
            Ok(())
        }
        Command::Heartbeat(Heartbeat::Last) => output::json(&ask(Scope::Read, "last-heartbeat", json!({}))?),
        Command::Heartbeat(switch) => {
            let enabled = matches!(switch, Heartbeat::Enable);
            output::json(&ask(
                Scope::Admin,
                "set-heartbeats",
                json!({ "enabled": enabled }),
            )?)
        }
        Command::Presence => output::json(&ask(Scope::Read, "system-presence", json!({}))?),
    }
}
