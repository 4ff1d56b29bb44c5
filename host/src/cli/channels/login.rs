//! `openclaw channels login`: signs an account in by a code that somebody reads with the app on their phone.
use super::super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use fast_qr::QRBuilder;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a first code may take.
const START: Duration = Duration::from_secs(30);
/// How long one question for the next code lasts.
const WAIT: Duration = Duration::from_secs(60);
/// What the way to the gateway and back may take beside.
const WAY: Duration = Duration::from_secs(15);

/// Signs an account in by a code that you read with the app on your phone
///
/// For channels whose accounts are signed in and not configured. The gateway runs meanwhile.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Channel [default: the only one that signs in by code]
    #[arg(long)]
    channel: Option<String>,
    /// Account [default: the channel's usual one]
    #[arg(long)]
    account: Option<String>,
    /// How long the code is shown before this gives up, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    /// Print each code as JSON, a line for each, and draw none
    #[arg(long)]
    json: bool,
    /// For scripts of OpenClaw: nothing more is told here.
    #[arg(long, hide = true)]
    verbose: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let until = Instant::now() + Duration::from_secs(args.timeout);
    let ask = |method: &str, time: Duration, force: bool| -> Result<Value, Failure> {
        let mut params = json!({ "timeoutMs": u64::try_from(time.as_millis()).unwrap_or(u64::MAX) });
        if force {
            params["force"] = json!(true);
        }
        for (name, given) in [("channel", &args.channel), ("accountId", &args.account)] {
            if let Some(given) = given {
                params[name] = json!(given);
            }
        }
        args.target
            .ask(env, &setting, Scope::Admin, method, params, time + WAY)
    };
    let mut answer = ask("web.login.start", START, true)?;
    let mut shown = Value::Null;
    loop {
        if args.json {
            anstream::println!("{answer}");
        } else if answer["code"] != shown {
            show(&answer);
        }
        if answer["connected"] == true {
            return Ok(());
        }
        shown = answer["code"].clone();
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::new("nobody has read the code in time; try again"));
        }
        answer = ask("web.login.wait", WAIT.min(left), false)?;
    }
}

fn show(answer: &Value) {
    let (channel, account) = (&answer["channel"], &answer["accountId"]);
    if answer["connected"] == true {
        anstream::println!(
            "{} ({}) is signed in.",
            output::text(channel),
            output::text(account)
        );
        return;
    }
    let code = answer["code"].as_str().unwrap_or_default();
    if let Ok(drawn) = QRBuilder::new(code).build()
        && !code.is_empty()
    {
        anstream::println!("{}", drawn.to_str());
    }
    let message = answer["message"].as_str().filter(|message| !message.is_empty());
    let message =
        message.unwrap_or("Open the app's list of linked devices on your phone, and read this code.");
    anstream::println!("{message}");
}
