//! `openclaw agent`: one turn of an agent of the running gateway.
use super::{
    Failure,
    connect::{Target, block_on},
    output,
    setting::Setting,
};
use crate::{
    config::Env,
    gateway::{Scope, client::Response, random::uuid},
};
use serde_json::{Value, json};
use std::time::Duration;

/// Says something to an agent and prints its answer.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to say
    #[arg(long, short)]
    message: String,
    /// Which agent [default: main]
    #[arg(long)]
    agent: Option<String>,
    /// Conversation to go on with [default: the agent's main one]
    #[arg(long)]
    session_id: Option<String>,
    /// Conversation to go on with, by its whole key
    #[arg(long, conflicts_with = "session_id")]
    session_key: Option<String>,
    /// Model instead of the agent's own, as provider/model
    #[arg(long)]
    model: Option<String>,
    /// How hard to think: off, minimal, low, medium, high or xhigh
    #[arg(long)]
    thinking: Option<String>,
    /// Send the answer to a chat as well: to the one that is named, else to where the conversation was last
    #[arg(long)]
    deliver: bool,
    /// Channel that the answer is sent on
    #[arg(long, requires = "deliver")]
    channel: Option<String>,
    /// Chat that the answer is sent to
    #[arg(long, requires = "deliver")]
    to: Option<String>,
    /// Account that sends it
    #[arg(long, requires = "deliver")]
    account: Option<String>,
    /// How long the turn may take, seconds
    #[arg(long, default_value_t = 600)]
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
    let working = output::Working::at("the agent works", args.json);
    let answer = block_on(ask(args, env, &setting))?;
    drop(working);
    if args.json {
        return output::json(&answer);
    }
    for payload in answer["result"]["payloads"].as_array().into_iter().flatten() {
        anstream::println!("{}", payload["text"].as_str().unwrap_or_default());
    }
    let delivery = &answer["result"]["delivery"];
    if args.deliver && delivery["status"] != "sent" {
        let status = delivery["status"]
            .as_str()
            .unwrap_or("not sent: there was nothing to send");
        anstream::eprintln!("note: the answer is {status}");
    }
    Ok(())
}

async fn ask(args: &Args, env: &Env, setting: &Setting) -> Result<Value, Failure> {
    let client = args.target.connect(env, setting, Scope::Write).await?;
    let key = uuid();
    let mut params = json!({
        "message": args.message, "timeout": args.timeout, "deliver": args.deliver, "idempotencyKey": key,
    });
    let optional = [
        ("agentId", &args.agent),
        ("sessionId", &args.session_id),
        ("sessionKey", &args.session_key),
        ("model", &args.model),
        ("thinking", &args.thinking),
        ("channel", &args.channel),
        ("to", &args.to),
        ("accountId", &args.account),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            params[name] = json!(value);
        }
    }
    // The gateway ends the turn; a little more time is for delivering the answer and for its last word.
    let limit = Duration::from_secs(args.timeout.saturating_add(20));
    let mut responses = client
        .call_streaming("agent", params, limit)
        .await
        .map_err(Failure::new)?;
    let mut last = Value::Null;
    while let Some(response) = responses.next().await {
        match response.map_err(Failure::new)? {
            Response::Interim(_) => {}
            Response::Final(value) => last = value,
        }
    }
    Ok(last)
}
