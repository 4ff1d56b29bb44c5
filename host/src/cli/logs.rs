//! `openclaw logs`: the last log lines of the running gateway.
use super::{
    Failure,
    connect::{Target, block_on},
    output,
    setting::Setting,
};
use crate::{config::Env, gateway::Scope};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use std::time::Duration;

/// How times are shown in a zone.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.3f%:z";

/// Shows the last log lines of the running gateway
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Go on with new lines until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// How often new lines are asked for, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(50..=3_600_000))]
    interval: u64,
    /// How many lines
    #[arg(long, short = 'n', default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5000))]
    limit: u32,
    /// How much of the log is read at once, bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_bytes: u32,
    /// Show times as they are in UTC [default: as they are written]
    #[arg(long, conflicts_with = "local_time")]
    utc: bool,
    /// Show times as they are here
    #[arg(long)]
    local_time: bool,
    /// How long the gateway may take, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    timeout: u64,
    /// Print each line as a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    elsewhere: Elsewhere,
    #[command(flatten)]
    target: Target,
}

/// Flags of OpenClaw for what is so here anyway: lines have no colours, and the answer is the final one.
#[derive(Debug, clap::Args)]
struct Elsewhere {
    #[arg(long, hide = true)]
    plain: bool,
    #[arg(long, hide = true)]
    expect_final: bool,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let zone = match (args.utc, args.local_time) {
        (true, _) => Some(TimeZone::UTC),
        (false, true) => Some(TimeZone::system()),
        (false, false) => None,
    };
    let limit = Duration::from_millis(args.timeout);
    block_on(async {
        let client = args.target.connect(env, &setting, Scope::Read).await?;
        let mut params = json!({ "limit": args.limit, "maxBytes": args.max_bytes });
        loop {
            let answer = client
                .call("logs.tail", params.clone(), limit)
                .await
                .map_err(Failure::new)?;
            if answer["truncated"] == true {
                anstream::eprintln!("note: some lines were left out");
            }
            for line in output::list(&answer["lines"]).filter_map(Value::as_str) {
                print(line, args.json, zone.as_ref());
            }
            if !args.follow {
                return Ok(());
            }
            params["cursor"] = answer["cursor"].clone();
            tokio::time::sleep(Duration::from_millis(args.interval)).await;
        }
    })
}

fn print(line: &str, json: bool, zone: Option<&TimeZone>) {
    match serde_json::from_str(line) {
        Ok(parsed) if !json => anstream::println!("{}", readable(&parsed, zone)),
        _ => anstream::println!("{line}"),
    }
}

/// `2026-01-01T00:00:00Z warn [plugins] message`; with a zone, the time as it is there.
pub(super) fn readable(line: &Value, zone: Option<&TimeZone>) -> String {
    let head = ["time", "level", "subsystem", "message"];
    let [time, level, subsystem, message] = head.map(|key| output::text(&line[key]));
    let time = zone.and_then(|zone| in_zone(&time, zone)).unwrap_or(time);
    format!("{time} {level} [{subsystem}] {message}")
}

fn in_zone(time: &str, zone: &TimeZone) -> Option<String> {
    let at: Timestamp = time.parse().ok()?;
    Some(at.to_zoned(zone.clone()).strftime(TIME).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_the_gateway_writes_them() {
        let line = json!({"time": "T", "level": "warn", "subsystem": "http", "message": "slow\u{1b}[2J ms=5", "_meta": {}});
        assert_eq!(readable(&line, None), "T warn [http] slow[2J ms=5");
    }
    #[test]
    fn times_are_shown_where_they_are_asked_for() {
        let line =
            json!({"time": "2026-01-02T23:30:00.1234Z", "level": "info", "subsystem": "x", "message": "m"});
        let zone = TimeZone::fixed(jiff::tz::offset(5));
        let shown = readable(&line, Some(&zone));
        assert_eq!(shown, "2026-01-03T04:30:00.123+05:00 info [x] m");
        let utc = readable(&line, Some(&TimeZone::UTC));
        assert!(utc.starts_with("2026-01-02T23:30:00.123+00:00 "), "{utc}");
        assert_eq!(in_zone("no time", &zone), None);
    }

    #[test]
    fn flags_of_scripts_are_taken() {
        use clap::Parser;
        for (line, good) in [
            (
                "--plain --utc --limit 5 --max-bytes 1000 --interval 250 --timeout 3000",
                true,
            ),
            ("--local-time --expect-final --json", true),
            ("--utc --local-time", false),
            ("--interval 0", false),
            ("--max-bytes 2000000", false),
        ] {
            let words = ["openclaw", "logs"].into_iter().chain(line.split(' '));
            assert_eq!(crate::cli::Cli::try_parse_from(words).is_ok(), good, "{line}");
        }
    }
}
