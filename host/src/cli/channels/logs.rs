//! `openclaw channels logs`: what the running gateway's channels said last.
use super::super::{Failure, connect::Target, logs, output, setting::Setting};
use crate::{config::Env, gateway::Scope, plugins::plugin::Spec};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the gateway may take.
const ASK: Duration = Duration::from_secs(10);
/// Lines that are looked through.
const LOOK: u32 = 5_000;
/// The same in bytes.
const LOOK_BYTES: u32 = 1_000_000;
/// Stands for every channel.
const ALL: &str = "all";

/// Shows what channels said last in the log of the running gateway
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this channel
    #[arg(long, default_value = ALL)]
    channel: String,
    /// How many lines at most
    #[arg(long, short = 'n', default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=i64::from(LOOK)))]
    lines: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let plugins = plugins_of(&setting.assembly.specs, &args.channel);
    if plugins.is_empty() {
        return Err(Failure::usage(format_args!(
            "no plugin offers the channel {}; `openclaw channels list --all` shows what there is",
            args.channel
        )));
    }
    let params = json!({ "limit": LOOK, "maxBytes": LOOK_BYTES });
    let answer = args
        .target
        .ask(env, &setting, Scope::Read, "logs.tail", params, ASK)?;
    let lines =
        output::list(&answer["lines"]).filter_map(|line| serde_json::from_str::<Value>(line.as_str()?).ok());
    let mut lines: Vec<Value> = lines.filter(|line| is_of(line, &plugins)).collect();
    let most = usize::try_from(args.lines).unwrap_or(usize::MAX);
    lines.drain(..lines.len().saturating_sub(most));
    if args.json {
        return output::json(&json!({ "file": answer["file"], "channel": args.channel, "lines": lines }));
    }
    if lines.is_empty() {
        anstream::println!("The end of the log has nothing of it.");
    }
    for line in &lines {
        anstream::println!("{}", logs::readable(line, None));
    }
    Ok(())
}

/// The plugins that offer the channel.
fn plugins_of<'s>(specs: &'s [Spec], channel: &str) -> Vec<&'s str> {
    let manifests = specs.iter().map(|spec| &spec.manifest);
    let offering = manifests.filter(|manifest| match channel {
        ALL => !manifest.channels.is_empty(),
        channel => manifest.channels.iter().any(|own| own == channel),
    });
    offering.map(|manifest| manifest.id.as_str()).collect()
}

/// Is it a line of one of these?
fn is_of(line: &Value, plugins: &[&str]) -> bool {
    line["subsystem"]
        .as_str()
        .is_some_and(|subsystem| plugins.contains(&subsystem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_the_plugin_that_said_it() {
        let line = json!({ "subsystem": "pigeons", "message": "landed" });
        assert!(is_of(&line, &["doves", "pigeons"]) && !is_of(&line, &["doves"]));
        assert!(!is_of(&json!({ "message": "pigeons" }), &["pigeons"]));
    }
}
