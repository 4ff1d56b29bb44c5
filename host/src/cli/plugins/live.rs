//! `openclaw plugins top` and `reload`: the plugins of a running gateway.
use super::super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use serde_json::{Value, json};
use std::{io::IsTerminal, time::Duration};

/// How long a question may take.
const ASK: Duration = Duration::from_secs(10);
/// How long a reload may take: opening, draining and stopping have deadlines of their own.
const RELOAD: Duration = Duration::from_secs(60);

/// Shows what the plugins of the running gateway do: calls, faults, latency, memory.
#[derive(Debug, clap::Args)]
pub struct Top {
    /// Print JSON, once
    #[arg(long)]
    json: bool,
    /// Print once instead of until Ctrl-C
    #[arg(long)]
    once: bool,
    /// Seconds between two looks
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..3600))]
    interval: u64,
    #[command(flatten)]
    target: Target,
}

/// Loads a plugin's file and settings anew, without a restart. Calls under way are finished by the old instance.
#[derive(Debug, clap::Args)]
pub struct Reload {
    /// Id of the plugin
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs `top`.
pub fn top(args: &Top, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let look = || {
        args.target
            .ask(env, &setting, Scope::Read, "plugins.list", json!({}), ASK)
    };
    if args.json {
        return output::json(&look()?);
    }
    let follow = !args.once && std::io::stdout().is_terminal();
    loop {
        let answer = look()?;
        if follow {
            // Home and clear: the next look stands where this one stood.
            anstream::print!("\u{1b}[H\u{1b}[2J");
        }
        anstream::println!("{}", table(&answer));
        if !follow {
            return Ok(());
        }
        super::super::connect::block_on(async {
            tokio::time::sleep(Duration::from_secs(args.interval)).await;
            Ok(())
        })?;
    }
}

/// Runs `reload`.
pub fn reload(args: &Reload, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let params = json!({ "id": args.id });
    let answer = args
        .target
        .ask(env, &setting, Scope::Admin, "plugins.reload", params, RELOAD)?;
    if args.json {
        return output::json(&answer);
    }
    let plugin = &answer["plugin"];
    let text = |key: &str| plugin[key].as_str().unwrap_or_default().to_owned();
    anstream::println!(
        "{} {} is {} (generation {}, {} ms)",
        text("id"),
        text("version"),
        text("status"),
        plugin["generation"],
        plugin["loadMs"]
    );
    Ok(())
}

fn table(answer: &Value) -> String {
    let header = [
        "ID",
        "STATE",
        "CALLS",
        "FAULTS",
        "NOW",
        "P50",
        "P99",
        "HOST CALLS",
        "RESTARTS",
        "MEMORY",
        "CPU",
        "PID",
    ];
    let mut table = output::table(&header);
    for plugin in answer["plugins"].as_array().into_iter().flatten() {
        let metrics = &plugin["metrics"];
        let number = |key: &str| metrics[key].as_u64().unwrap_or_default();
        let usage = &plugin["usage"];
        let process = |value: String| if usage.is_null() { "–".to_owned() } else { value };
        table.add_row([
            plugin["id"].as_str().unwrap_or_default().to_owned(),
            plugin["status"].as_str().unwrap_or_default().to_owned(),
            number("calls").to_string(),
            number("faults").to_string(),
            number("inFlight").to_string(),
            output::micros(number("p50Us")),
            output::micros(number("p99Us")),
            number("hostCalls").to_string(),
            number("restarts").to_string(),
            process(output::bytes(usage["rssBytes"].as_u64().unwrap_or_default())),
            process(format!("{} ms", usage["cpuMs"].as_u64().unwrap_or_default())),
            process(usage["pid"].to_string()),
        ]);
    }
    table.to_string()
}
