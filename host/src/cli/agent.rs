//! `openclaw agent`: one turn of an agent of the running gateway.
use super::{
    Failure,
    connect::{Target, block_on},
    output,
    setting::Setting,
};
use crate::{
    config::Env,
    gateway::{Scope, client::Response},
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
    /// Model instead of the agent's own, as provider/model
    #[arg(long)]
    model: Option<String>,
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
    let setting = Setting::read(env)?;
    let answer = block_on(ask(args, env, &setting))?;
    if args.json {
        return output::json(&answer);
    }
    for payload in answer["result"]["payloads"].as_array().into_iter().flatten() {
        anstream::println!("{}", payload["text"].as_str().unwrap_or_default());
    }
    Ok(())
}

async fn ask(args: &Args, env: &Env, setting: &Setting) -> Result<Value, Failure> {
    let client = args.target.connect(env, setting, Scope::Write).await?;
    let mut id = [0_u8; 16];
    getrandom::fill(&mut id).map_err(Failure::new)?;
    let key: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut params = json!({ "message": args.message, "timeout": args.timeout, "idempotencyKey": key });
    let optional = [
        ("agentId", &args.agent),
        ("sessionId", &args.session_id),
        ("model", &args.model),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            params[name] = json!(value);
        }
    }
    // The gateway ends the turn; a little more time is for its last word.
    let limit = Duration::from_secs(args.timeout.saturating_add(5));
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
