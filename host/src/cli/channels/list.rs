//! `openclaw channels list`: what is set up, from the files; no gateway is asked.
use super::super::{Failure, output, setting::Setting};
use crate::{config::Env, plugins::plugin::Spec};
use serde_json::{Value, json};

/// Shows the channels that are set up and their accounts
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also those that could be set up: the channels of all plugins that are there
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::look(env)?;
    let mut rows: Vec<_> = setting.assembly.specs.iter().flat_map(channels).collect();
    let offered = rows.len();
    rows.retain(|row| args.all || output::list(&row["accounts"]).next().is_some());
    if args.json {
        return output::json(&json!({ "channels": rows }));
    }
    if rows.is_empty() && offered > 0 {
        anstream::println!("No channel is set up. `openclaw channels list --all` shows what there is.");
        return Ok(());
    }
    if rows.is_empty() {
        anstream::println!("No plugin offers a channel. `openclaw plugins list` shows what there is.");
        return Ok(());
    }
    let mut table = output::table(&["CHANNEL", "ACCOUNTS", "PLUGIN", "STATE"]);
    for row in &rows {
        let accounts: Vec<_> = output::list(&row["accounts"]).map(output::text).collect();
        let accounts = if accounts.is_empty() {
            "–".to_owned()
        } else {
            accounts.join(" ")
        };
        table.add_row([
            output::text(&row["channel"]),
            accounts,
            output::text(&row["plugin"]),
            output::text(&row["reason"]),
        ]);
    }
    anstream::println!("{table}");
    Ok(())
}

fn channels(spec: &Spec) -> Vec<Value> {
    let of = |channel: &String| -> Vec<&str> {
        let accounts = spec.settings.accounts.iter();
        accounts
            .filter(|(of, _)| of == channel)
            .map(|(_, account)| account.id.as_str())
            .collect()
    };
    let rows = spec.manifest.channels.iter().map(|channel| {
        json!({
            "channel": channel, "accounts": of(channel), "plugin": spec.manifest.id,
            "enabled": spec.reason.is_on(), "reason": spec.reason.to_string(),
        })
    });
    rows.collect()
}
