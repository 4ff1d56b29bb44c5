//! `openclaw devices`: which devices may use the gateway, letting them in, and taking that back.
use super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use clap::Subcommand;
use serde_json::{Value, json};
use std::time::Duration;

/// Subcommands of `devices`.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// How long the gateway may take, milliseconds
    #[arg(long, global = true, default_value_t = 10_000)]
    timeout: u64,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the devices, and those that ask to be let in
    List,
    /// Lets a device in
    Approve {
        /// The request's id; the only one that waits may be left out
        request: Option<String>,
        /// The newest request
        #[arg(long)]
        latest: bool,
    },
    /// Turns a device away
    Reject {
        /// The request's id
        request: String,
    },
    /// Forgets a device and sends it away
    Remove {
        /// The device's id
        device: String,
    },
    /// Gives a device a name
    Rename {
        /// The device's id
        #[arg(long)]
        device: String,
        /// The name
        #[arg(long)]
        name: String,
    },
    /// Replaces the token of a device
    Rotate {
        #[command(flatten)]
        role: Role,
        /// What the new token may do; what the old one may if left out
        #[arg(long)]
        scope: Vec<String>,
    },
    /// Takes the token of a device away
    Revoke {
        #[command(flatten)]
        role: Role,
    },
}

#[derive(Debug, clap::Args)]
struct Role {
    /// The device's id
    #[arg(long)]
    device: String,
    /// Its role: operator or node
    #[arg(long, default_value = "operator")]
    role: String,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    // whoever lets a device in has to hold what the device gets
    let scopes = [Scope::Pairing, Scope::Admin];
    let limit = Duration::from_millis(args.timeout);
    let ask =
        |method: &str, params: Value| args.target.ask_with(env, &setting, scopes, method, params, limit);
    let said = match &args.command {
        Command::List => {
            let answer = ask("device.pair.list", json!({}))?;
            return if args.json {
                output::json(&answer)
            } else {
                show(&answer);
                Ok(())
            };
        }
        Command::Approve { request, latest } => {
            let request = match request {
                Some(request) => request.clone(),
                None => only(&ask("device.pair.list", json!({}))?, *latest)?,
            };
            let answer = ask("device.pair.approve", json!({"requestId": request}))?;
            let device = output::text(&answer["device"]["deviceId"]);
            (answer, format!("Let device {device} in."))
        }
        Command::Reject { request } => {
            let answer = ask("device.pair.reject", json!({"requestId": request}))?;
            (answer, "Turned the device away.".to_owned())
        }
        Command::Remove { device } => {
            let answer = ask("device.pair.remove", json!({"deviceId": device}))?;
            (answer, format!("Forgot device {device}."))
        }
        Command::Rename { device, name } => {
            let answer = ask("device.pair.rename", json!({"deviceId": device, "label": name}))?;
            (answer, format!("Device {device} is called {name}."))
        }
        Command::Rotate { role, scope } => {
            let mut params = json!({"deviceId": role.device, "role": role.role});
            if !scope.is_empty() {
                params["scopes"] = json!(scope);
            }
            let answer = ask("device.token.rotate", params)?;
            let text = "Replaced the token. The device gets its new one when it next comes with the gateway's secret.";
            (answer, text.to_owned())
        }
        Command::Revoke { role } => {
            let params = json!({"deviceId": role.device, "role": role.role});
            let answer = ask("device.token.revoke", params)?;
            (
                answer,
                "Took the token away; the device is disconnected.".to_owned(),
            )
        }
    };
    let (answer, text) = said;
    if args.json {
        return output::json(&answer);
    }
    anstream::println!("{text}");
    Ok(())
}

/// The request that is meant if none is named.
fn only(answer: &Value, latest: bool) -> Result<String, Failure> {
    let pending: Vec<&Value> = output::list(&answer["pending"]).collect();
    match pending.as_slice() {
        [] => Err(Failure::new("no device asks to be let in")),
        [one] => Ok(output::text(&one["requestId"])),
        [.., newest] if latest => Ok(output::text(&newest["requestId"])),
        _ => Err(Failure::usage(
            "several devices ask: name one of `openclaw devices list`, or take the newest with --latest",
        )),
    }
}

fn show(answer: &Value) {
    let mut pending = output::table(&["REQUEST", "DEVICE", "CLIENT", "ROLE", "SCOPES"]);
    for row in output::list(&answer["pending"]) {
        pending.add_row([
            output::text(&row["requestId"]),
            name(row),
            output::text(&row["clientId"]),
            output::text(&row["role"]),
            words(&row["scopes"]),
        ]);
    }
    let mut paired = output::table(&["DEVICE", "NAME", "CLIENT", "ROLES", "SCOPES", "HERE"]);
    for row in output::list(&answer["paired"]) {
        paired.add_row([
            output::text(&row["deviceId"]),
            name(row),
            output::text(&row["clientId"]),
            words(&row["roles"]),
            words(&row["scopes"]),
            if row["connected"] == true { "yes" } else { "no" }.to_owned(),
        ]);
    }
    if pending.is_empty() && paired.is_empty() {
        anstream::println!("No device is let in, and none asks.");
        return;
    }
    if !pending.is_empty() {
        anstream::println!("{pending}\n\nLet one in with `openclaw devices approve <request>`.");
    }
    if !paired.is_empty() {
        anstream::println!("{paired}");
    }
}

fn name(row: &Value) -> String {
    let given = [&row["label"], &row["displayName"], &row["platform"]];
    let mut given = given.into_iter().map(output::text);
    given.find(|name| !name.is_empty()).unwrap_or_default()
}

/// `operator.read, operator.write` → `read, write`.
fn words(list: &Value) -> String {
    let words: Vec<String> = output::list(list)
        .map(|word| output::text(word).trim_start_matches("operator.").to_owned())
        .collect();
    words.join(", ")
}
