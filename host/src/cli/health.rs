//! `openclaw health`: whether messages flow through the running gateway. Exit code 1 if they don't.
use super::{Failure, channels::table, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use serde_json::{Value, json};
use std::time::Duration;

/// Shows whether messages flow through the running gateway
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ask each platform
    #[arg(long, visible_alias = "verbose", alias = "debug")]
    probe: bool,
    /// How long the gateway may take, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 20_000)]
    timeout: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let params = json!({ "probe": args.probe });
    let limit = Duration::from_millis(args.timeout);
    let answer = args
        .target
        .ask(env, &setting, Scope::Read, "health", params, limit)?;
    if args.json {
        output::json(&answer)?;
    } else {
        show(&answer);
    }
    match answer["ok"] == true {
        true => Ok(()),
        false => Err(Failure::silent()),
    }
}

fn show(answer: &Value) {
    let word = if answer["ok"] == true { "ok" } else { "not ok" };
    let took = &answer["durationMs"];
    anstream::println!("Gateway: {word} ({took} ms)");
    for problem in problems(answer) {
        anstream::println!("  {problem}");
    }
    if output::list(&answer["channelOrder"]).next().is_some() {
        anstream::println!("\n{}", table(answer));
    }
}

/// What does not work, in a line each.
pub(super) fn problems(answer: &Value) -> Vec<String> {
    let failing = answer["failing"].as_object();
    let named = |id: &str| failing.is_some_and(|failing| failing.contains_key(id));
    let degraded = output::list(&answer["degradedPlugins"]);
    let degraded = degraded.filter(|plugin| !plugin["id"].as_str().is_some_and(named));
    let degraded = degraded.map(|plugin| {
        let (id, why) = (output::text(&plugin["id"]), output::text(&plugin["error"]));
        format!("{id} is degraded: {why}")
    });
    let failing = failing.into_iter().flatten();
    failing
        .map(|(name, why)| format!("{name}: {}", output::text(why)))
        .chain(degraded)
        .collect()
}
