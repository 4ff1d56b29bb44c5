//! `openclaw channels logout`: ends the session of a channel that has a login.
use super::super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};

/// How long the platform may take.
const ASK: Duration = Duration::from_secs(30);

/// Ends the session of a channel that has a login of its own
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Channel [default: the only one that is set up]
    #[arg(long)]
    channel: Option<String>,
    /// Account [default: all of the channel]
    #[arg(long)]
    account: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// For scripts of OpenClaw: nothing more is told here.
    #[arg(long, hide = true)]
    verbose: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let channel = match &args.channel {
        Some(channel) => channel.clone(),
        None => only(&setting)?,
    };
    let mut params = json!({ "channel": channel });
    if let Some(account) = &args.account {
        params["accountId"] = json!(account);
    }
    let answer = args
        .target
        .ask(env, &setting, Scope::Admin, "channels.logout", params, ASK)?;
    if args.json {
        return output::json(&answer);
    }
    anstream::println!("Logged out of {channel}.");
    Ok(())
}

fn only(setting: &Setting) -> Result<String, Failure> {
    let accounts = setting
        .assembly
        .specs
        .iter()
        .flat_map(|spec| &spec.settings.accounts);
    let channels: BTreeSet<_> = accounts.map(|(channel, _)| channel).collect();
    match channels.first() {
        Some(channel) if channels.len() == 1 => Ok((*channel).clone()),
        _ => Err(Failure::usage("say which channel with --channel")),
    }
}
