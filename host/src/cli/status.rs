//! `openclaw status`: the running gateway at a glance: channels, traffic, conversations, what failed.
use super::{Failure, channels::table, connect::Target, health::problems, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the gateway may take.
const ASK: Duration = Duration::from_secs(10);

/// Shows the running gateway at a glance
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let answer = args
        .target
        .ask(env, &setting, Scope::Read, "status", json!({}), ASK)?;
    if args.json {
        return output::json(&answer);
    }
    show(&answer);
    Ok(())
}

fn show(answer: &Value) {
    let (inbox, outbox, sessions) = (&answer["inbox"], &answer["outbox"], &answer["sessions"]);
    let plugins = |key: &str| output::list(&answer["plugins"][key]).count();
    let defaults = &sessions["defaults"];
    let window = defaults["contextTokens"].as_u64().unwrap_or(0);
    let trouble = output::text(&answer["journal"]["trouble"]);
    let rows = [
        (
            "Gateway",
            format!(
                "{} (PID {})",
                output::text(&answer["runtimeVersion"]),
                answer["pid"]
            ),
        ),
        (
            "Model",
            format!(
                "{} ({})",
                output::text(&defaults["model"]),
                output::tokens(window)
            ),
        ),
        ("Sessions", sessions["count"].to_string()),
        (
            "Inbox",
            format!("{} waiting, {} failed", inbox["waiting"], inbox["failed"]),
        ),
        (
            "Outbox",
            format!(
                "{} pending, {} failed, {} unknown",
                outbox["pending"], outbox["failed"], outbox["unknown"]
            ),
        ),
        (
            "Journal",
            if trouble.is_empty() {
                "ok".to_owned()
            } else {
                trouble
            },
        ),
        (
            "Plugins",
            format!("{} loaded, {} failed", plugins("loaded"), plugins("errors")),
        ),
    ];
    for (name, value) in rows {
        anstream::println!("{name:<10} {value}");
    }
    for problem in problems(answer) {
        anstream::println!("\nproblem: {problem}");
    }
    if output::list(&answer["channelOrder"]).next().is_some() {
        anstream::println!("\n{}", table(answer));
    }
    let now = answer["ts"].as_i64().unwrap_or(0);
    let mut failures = output::table(&["FAILED", "CHANNEL", "AGO", "WHY"]);
    for row in output::list(&answer["failures"]) {
        failures.add_row([
            output::text(&row["kind"]),
            output::text(&row["channel"]),
            output::age(now - row["ts"].as_i64().unwrap_or(now)),
            output::text(&row["error"]),
        ]);
    }
    if !failures.is_empty() {
        anstream::println!("\n{failures}");
    }
}
