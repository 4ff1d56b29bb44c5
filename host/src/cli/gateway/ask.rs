//! What `openclaw gateway` asks a gateway that runs, and the token that opens it.
use super::{call, probe};
use crate::{
    cli::{Failure, address, connect::Target, health, output, setting::Setting},
    config::Env,
    gateway::Scope,
};
use clap::Subcommand;
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal},
    time::Duration,
};

/// Members of an event that its line begins with.
const HEAD: [&str; 3] = ["seq", "ts", "type"];

/// What is asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    Call(call::Args),
    Health(health::Args),
    Probe(probe::Probe),
    UsageCost(UsageCost),
    Stability(Stability),
    AuthToken(AuthToken),
}

/// Shows what models have cost, day by day
#[derive(Debug, clap::Args)]
pub struct UsageCost {
    /// How many days, today's the last
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_660))]
    days: u32,
    /// All agents are counted anyway.
    #[arg(long, hide = true)]
    all_agents: bool,
    #[command(flatten)]
    ask: Ask,
}

/// Shows what happened last in the gateway, without anybody's words
#[derive(Debug, clap::Args)]
pub struct Stability {
    /// How many events, the last ones
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Only events of this kind
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<String>,
    /// Only events behind this one
    #[arg(long, value_name = "SEQ")]
    since_seq: Option<u64>,
    #[command(flatten)]
    ask: Ask,
}

/// Says whether a token opens the gateway of this machine
#[derive(Debug, clap::Args)]
pub struct AuthToken {
    /// Print it, into a terminal only
    #[arg(long)]
    show: bool,
}

/// Whom to ask, and how to answer.
#[derive(Debug, clap::Args)]
struct Ask {
    /// How long the gateway may take, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    timeout: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// For scripts of OpenClaw: there is one answer only.
    #[arg(long, hide = true)]
    expect_final: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs one.
pub(super) fn run(command: &Command, env: &Env) -> Result<(), Failure> {
    match command {
        Command::Call(args) => call::run(args, env),
        Command::Health(args) => health::run(args, env),
        Command::Probe(args) => probe::probe(args, env),
        Command::UsageCost(args) => {
            let params = json!({ "days": args.days });
            args.ask.run(env, "usage.cost", params, costs)
        }
        Command::Stability(args) => {
            let mut params = json!({ "limit": args.limit });
            if let Some(kind) = &args.kind {
                params["type"] = json!(kind);
            }
            if let Some(seq) = args.since_seq {
                params["sinceSeq"] = json!(seq);
            }
            args.ask.run(env, "diagnostics.stability", params, events)
        }
        Command::AuthToken(args) => token(args, env),
    }
}

// === impl Ask ===

impl Ask {
    fn run(
        &self,
        env: &Env,
        method: &str,
        params: Value,
        show: impl FnOnce(&Value) -> String,
    ) -> Result<(), Failure> {
        let setting = Setting::for_client(env)?;
        let limit = Duration::from_millis(self.timeout);
        let answer = self
            .target
            .ask(env, &setting, Scope::Read, method, params, limit)?;
        if self.json {
            return output::json(&answer);
        }
        anstream::println!("{}", show(&answer));
        Ok(())
    }
}

/// A line for each day, and one for all.
fn costs(answer: &Value) -> String {
    let mut table = output::table(&["DAY", "IN", "OUT", "CACHED", "COST"]);
    let mut add = |name: String, sum: &Value| {
        let tokens = |key: &str| output::tokens(sum[key].as_u64().unwrap_or(0));
        let cost = sum["totalCost"].as_f64().unwrap_or(0.0);
        table.add_row([
            name,
            tokens("input"),
            tokens("output"),
            tokens("cacheRead"),
            format!("${cost:.4}"),
        ]);
    };
    for day in output::list(&answer["daily"]) {
        add(output::text(&day["date"]), day);
    }
    add("all".to_owned(), &answer["totals"]);
    let unpriced = answer["totals"]["missingCostEntries"].as_u64().unwrap_or(0);
    let note = match unpriced {
        0 => String::new(),
        count => format!("\n{count} answers have no price: nothing says what their models cost."),
    };
    format!("{table}{note}")
}

/// A line for each event.
fn events(answer: &Value) -> String {
    let mut lines: Vec<_> = output::list(&answer["events"]).map(event).collect();
    let counts = answer["summary"]["byType"].as_object().into_iter().flatten();
    let counts: Vec<_> = counts.map(|(kind, count)| format!("{kind} {count}")).collect();
    lines.push(format!(
        "{} events are known, {} are forgotten: {}",
        answer["count"],
        answer["dropped"],
        counts.join(", ")
    ));
    lines.join("\n")
}

fn event(event: &Value) -> String {
    let at = event["ts"]
        .as_i64()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let at = at.map(|at| at.to_string()).unwrap_or_default();
    let rest = event.as_object().into_iter().flatten();
    let rest = rest.filter(|(key, value)| !HEAD.contains(&key.as_str()) && !value.is_null());
    let rest: String = rest.map(|(key, value)| format!(" {key}={value}")).collect();
    let rest: String = rest.chars().filter(|c| !c.is_control()).collect();
    format!("{} {at} {}{rest}", event["seq"], output::text(&event["type"]))
}

/// A token is for its owner's eyes: it goes into no pipe and no log.
fn token(args: &AuthToken, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let (token, _password) = address::opening(env, &setting);
    let token = token.filter(|token| !token.expose().is_empty()).ok_or_else(|| {
        Failure::new("no token opens this gateway; its first start makes one, unless gateway.auth asks for something else")
    })?;
    if !args.show {
        anstream::println!("A token opens this gateway; --show prints it into a terminal.");
        return Ok(());
    }
    if !io::stdout().is_terminal() {
        return Err(Failure::usage(
            "the token is printed into a terminal only; give it to programs as OPENCLAW_GATEWAY_TOKEN",
        ));
    }
    anstream::println!("{}", token.expose());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn flags_of_scripts_are_taken() {
        for (line, good) in [
            ("usage-cost --days 7 --all-agents --json --timeout 5000", true),
            ("usage-cost --days 0", false),
            (
                "stability --limit 5 --type payload.large --since-seq 7 --expect-final",
                true,
            ),
            ("stability --limit 1001", false),
            ("auth-token --show", true),
        ] {
            let words = ["openclaw", "gateway"].into_iter().chain(line.split(' '));
            assert_eq!(Cli::try_parse_from(words).is_ok(), good, "{line}");
        }
    }

    #[test]
    fn costs_and_events_are_lines() {
        let sum = |cost: f64| json!({"date": "2026-01-02", "input": 1500, "output": 20, "totalCost": cost, "missingCostEntries": 2});
        let text = costs(&json!({ "daily": [sum(0.5)], "totals": sum(1.25) }));
        for part in [
            "2026-01-02",
            "1k",
            "$0.5000",
            "$1.2500",
            "2 answers have no price",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let text = events(&json!({
            "count": 1, "dropped": 0, "summary": {"byType": {"a.b": 1}},
            "events": [{"seq": 3, "ts": 0, "type": "a.b", "n": 1, "none": null, "why": "x\u{1b}"}],
        }));
        let first = "3 1970-01-01T00:00:00Z a.b n=1 why=\"x";
        assert!(text.starts_with(first) && text.ends_with("a.b 1"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains("none"), "{text}");
    }

    #[test]
    fn a_token_goes_into_no_pipe() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().to_str().expect("a name");
        let env: Env = [
            ("OPENCLAW_STATE_DIR", state),
            ("OPENCLAW_BUNDLED_PLUGINS_DIR", state),
        ]
        .into_iter()
        .collect();
        let quiet = AuthToken { show: false };
        assert!(token(&quiet, &env).is_err(), "there is none");
        std::fs::write(folder.path().join("gateway.token"), "own").expect("written");
        token(&quiet, &env).expect("there is one");
    }
}
