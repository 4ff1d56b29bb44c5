//! `openclaw channels status`: how the accounts of the running gateway are doing.
use super::super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the gateway may take beside what platforms take.
const ASK: Duration = Duration::from_secs(10);

/// Shows how the accounts of the running gateway are doing
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ask each platform
    #[arg(long)]
    probe: bool,
    /// How long each platform may take, milliseconds
    #[arg(long, default_value_t = 10_000)]
    timeout: u32,
    /// Only this channel
    #[arg(long)]
    channel: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let mut params = json!({ "probe": args.probe, "timeoutMs": args.timeout });
    if let Some(channel) = &args.channel {
        params["channel"] = json!(channel);
    }
    let limit = ASK + Duration::from_millis(args.timeout.into());
    let answer = args
        .target
        .ask(env, &setting, Scope::Read, "channels.status", params, limit)?;
    if args.json {
        return output::json(&answer);
    }
    if output::list(&answer["channelOrder"]).next().is_none() {
        anstream::println!("No channel runs. `openclaw channels add <channel>` sets one up.");
        return Ok(());
    }
    anstream::println!("{}", table(&answer));
    Ok(())
}

/// The accounts of an answer to `channels.status`, `health` or `status`.
pub(in crate::cli) fn table(answer: &Value) -> String {
    let mut table = output::table(&[
        "CHANNEL", "ACCOUNT", "STATE", "WHO", "LAST IN", "PROBE", "PROBLEM",
    ]);
    let now = answer["ts"].as_i64().unwrap_or(0);
    for channel in output::list(&answer["channelOrder"]).filter_map(Value::as_str) {
        for row in output::list(&answer["channelAccounts"][channel]) {
            let heard = row["lastInboundAt"]
                .as_i64()
                .map(|at| output::age(now - at) + " ago");
            table.add_row([
                channel.to_owned(),
                output::text(&row["accountId"]),
                output::text(&row["state"]),
                output::text(&row["identity"]),
                heard.unwrap_or_else(|| "–".to_owned()),
                probe(&row["probe"]),
                output::text(&row["lastError"]),
            ]);
        }
    }
    table.to_string()
}

fn probe(probe: &Value) -> String {
    match (probe["ok"].as_bool(), probe["error"].as_str()) {
        (None, _) => "–".to_owned(),
        (Some(true), _) => format!("ok in {} ms", probe["elapsedMs"]),
        (Some(false), Some(why)) => format!("failed: {why}"),
        (Some(false), None) => format!("failed: {}", output::text(&probe["state"])),
    }
}
