//! `openclaw logs`: the last log lines of the running gateway.
use super::{
    Failure,
    connect::{Target, block_on},
    output,
    setting::Setting,
};
use crate::{config::Env, gateway::Scope};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the gateway may take.
const ASK: Duration = Duration::from_secs(10);
/// How often new lines are asked for.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);
/// Bytes of one answer.
const MAX_BYTES: u32 = 1_000_000;

/// Shows the last log lines of the running gateway
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Go on with new lines until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// How many lines
    #[arg(long, short = 'n', default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5000))]
    limit: u32,
    /// Print each line as a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    block_on(async {
        let client = args.target.connect(env, &setting, Scope::Read).await?;
        let mut params = json!({ "limit": args.limit, "maxBytes": MAX_BYTES });
        loop {
            let answer = client
                .call("logs.tail", params.clone(), ASK)
                .await
                .map_err(Failure::new)?;
            if answer["truncated"] == true {
                anstream::eprintln!("note: some lines were left out");
            }
            for line in output::list(&answer["lines"]).filter_map(Value::as_str) {
                print(line, args.json);
            }
            if !args.follow {
                return Ok(());
            }
            params["cursor"] = answer["cursor"].clone();
            tokio::time::sleep(FOLLOW_EVERY).await;
        }
    })
}

fn print(line: &str, json: bool) {
    match serde_json::from_str(line) {
        Ok(parsed) if !json => anstream::println!("{}", readable(&parsed)),
        _ => anstream::println!("{line}"),
    }
}

/// `2026-01-01T00:00:00Z warn [plugins] message`
fn readable(line: &Value) -> String {
    let head = ["time", "level", "subsystem", "message"];
    let [time, level, subsystem, message] = head.map(|key| output::text(&line[key]));
    format!("{time} {level} [{subsystem}] {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_the_gateway_writes_them() {
        let line = json!({"time": "T", "level": "warn", "subsystem": "http", "message": "slow\u{1b}[2J ms=5", "_meta": {}});
        assert_eq!(readable(&line), "T warn [http] slow[2J ms=5");
    }
}
