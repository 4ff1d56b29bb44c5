//! `openclaw agent`: one turn of an agent of the running gateway.
use super::{
    Failure,
    connect::{Target, block_on},
    output,
    setting::Setting,
};
use crate::{
    config::Env,
    gateway::{
        Scope,
        client::{Client, ClientInfo, Response},
        random::uuid,
    },
};
use serde_json::{Value, json};
use std::{fs::File, io::Read, path::PathBuf, time::Duration};

/// Longest message in a file, bytes.
const MAX_MESSAGE: u64 = 4 << 20;
/// How long connecting and small questions may take.
const ASK: Duration = Duration::from_secs(5);
/// The channel that means the one where the conversation was last.
const LAST: &str = "last";

/// Says something to an agent and prints its answer.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to say
    #[arg(long, short, required_unless_present = "message_file")]
    message: Option<String>,
    /// The same from a file
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    message_file: Option<PathBuf>,
    /// Which agent [default: main]
    #[arg(long)]
    agent: Option<String>,
    /// Conversation to go on with [default: the agent's main one]
    #[arg(long)]
    session_id: Option<String>,
    /// Conversation to go on with, by its key; with --agent a part of it is enough
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
    /// Channel that the answer is sent on; `last` is where the conversation was last
    #[arg(long)]
    channel: Option<String>,
    /// Chat that the answer is sent to
    #[arg(long, short)]
    to: Option<String>,
    /// Account that sends it
    #[arg(long, requires = "deliver")]
    account: Option<String>,
    /// Channel that the answer is sent on, rather than --channel
    #[arg(long, value_name = "CHANNEL", requires = "deliver")]
    reply_channel: Option<String>,
    /// Chat that the answer is sent to, rather than --to
    #[arg(long, value_name = "CHAT", requires = "deliver")]
    reply_to: Option<String>,
    /// Account that sends it, rather than --account
    #[arg(long, value_name = "ACCOUNT", requires = "deliver")]
    reply_account: Option<String>,
    /// From now on tell in this conversation what tools do, or don't
    #[arg(long, value_name = "ON|OFF", value_parser = ["on", "off"])]
    verbose: Option<String>,
    /// There is no agent outside of a gateway here; it says what to do.
    #[arg(long, hide = true)]
    local: bool,
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
    if args.local {
        return Err(Failure::usage(
            "agents work in the gateway only: start one with `openclaw gateway`, and leave --local out",
        ));
    }
    let params = args.params()?;
    let setting = Setting::for_client(env)?;
    let working = output::Working::at("the agent works", args.json);
    let answer = block_on(ask(args, params, env, &setting))?;
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

async fn ask(args: &Args, mut params: Value, env: &Env, setting: &Setting) -> Result<Value, Failure> {
    let scopes = match args.verbose {
        Some(_) => vec![Scope::Read, Scope::Write, Scope::Admin],
        None => vec![Scope::Write],
    };
    let info = ClientInfo::cli(scopes);
    let client = args.target.connect_as(env, setting, &info, ASK).await?;
    if let Some(level) = &args.verbose {
        let key = conversation(&params, &client).await?;
        let change = json!({ "key": key, "verboseLevel": level });
        client
            .call("sessions.patch", change, ASK)
            .await
            .map_err(Failure::new)?;
    }
    params["idempotencyKey"] = json!(uuid());
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

/// The key of the conversation that these parameters mean.
async fn conversation(params: &Value, client: &Client) -> Result<String, Failure> {
    if let Some(key) = params["sessionKey"].as_str() {
        return Ok(key.to_owned());
    }
    let agent = match params["agentId"].as_str() {
        Some(agent) => agent.to_owned(),
        None => {
            let health = client
                .call("health", json!({}), ASK)
                .await
                .map_err(Failure::new)?;
            output::text(&health["defaultAgentId"])
        }
    };
    Ok(match params["sessionId"].as_str() {
        Some(id) => format!("agent:{agent}:explicit:{id}"),
        None => format!("agent:{agent}:main"),
    })
}

// === impl Args ===

impl Args {
    /// What the gateway is asked.
    fn params(&self) -> Result<Value, Failure> {
        let (agent, key) = self.whose()?;
        let mut params = json!({
            "message": self.text()?, "timeout": self.timeout, "deliver": self.deliver,
        });
        let named = |channel: &Option<String>| channel.clone().filter(|channel| channel != LAST);
        let optional = [
            ("agentId", agent),
            ("sessionId", self.session_id.clone()),
            ("sessionKey", key),
            ("model", self.model.clone()),
            ("thinking", self.thinking.clone()),
            ("channel", named(&self.channel)),
            ("to", self.to.clone()),
            ("accountId", self.account.clone()),
            ("replyChannel", named(&self.reply_channel)),
            ("replyTo", self.reply_to.clone()),
            ("replyAccountId", self.reply_account.clone()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                params[name] = json!(value);
            }
        }
        Ok(params)
    }

    /// The agent, and the whole key of the conversation, as far as they are named.
    fn whose(&self) -> Result<(Option<String>, Option<String>), Failure> {
        let Some(key) = &self.session_key else {
            return Ok((self.agent.clone(), None));
        };
        let owner = key.strip_prefix("agent:").and_then(|rest| rest.split(':').next());
        match (owner, &self.agent) {
            (Some(owner), Some(agent)) if !owner.eq_ignore_ascii_case(agent) => Err(Failure::usage(
                format_args!("the conversation {key} is one of agent {owner}, not of {agent}"),
            )),
            (Some(owner), _) => Ok((Some(owner.to_owned()), Some(key.clone()))),
            (None, Some(agent)) => Ok((Some(agent.clone()), Some(format!("agent:{agent}:{key}")))),
            (None, None) => Ok((None, Some(key.clone()))),
        }
    }

    /// What is said.
    fn text(&self) -> Result<String, Failure> {
        let Some(file) = &self.message_file else {
            return Ok(self.message.clone().unwrap_or_default());
        };
        let mut text = String::new();
        let read = File::open(file).and_then(|file| file.take(MAX_MESSAGE + 1).read_to_string(&mut text));
        read.map_err(|error| Failure::io(format_args!("read {}", file.display()), error))?;
        match text.len() as u64 > MAX_MESSAGE {
            true => Err(Failure::usage(format_args!(
                "{} has more than {MAX_MESSAGE} bytes",
                file.display()
            ))),
            false => Ok(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn read(line: &str) -> Result<Args, clap::Error> {
        let words = ["agent"].into_iter().chain(line.split(' '));
        Line::try_parse_from(words).map(|line| line.args)
    }

    fn params(line: &str) -> Value {
        let args = read(line).expect("it parses");
        args.params().expect("parameters")
    }

    #[test]
    fn a_turn_goes_where_the_flags_say() {
        let asked = params(
            "-m hi -t 1 --channel last --deliver --reply-channel pigeon --reply-to 2 --reply-account work --timeout 5",
        );
        let expected = json!({
            "message": "hi", "timeout": 5, "deliver": true, "to": "1", "replyChannel": "pigeon", "replyTo": "2",
            "replyAccountId": "work",
        });
        assert_eq!(asked, expected);
        for (line, agent, key) in [
            (
                "-m x --session-key agent:ops:a",
                json!("ops"),
                json!("agent:ops:a"),
            ),
            (
                "-m x --session-key agent:ops:a --agent OPS",
                json!("ops"),
                json!("agent:ops:a"),
            ),
            (
                "-m x --session-key a --agent ops",
                json!("ops"),
                json!("agent:ops:a"),
            ),
            ("-m x --session-key a", Value::Null, json!("a")),
            ("-m x --agent ops", json!("ops"), Value::Null),
        ] {
            let asked = params(line);
            assert_eq!(
                (&asked["agentId"], &asked["sessionKey"]),
                (&agent, &key),
                "{line}"
            );
        }
        let other = read("-m x --session-key agent:ops:a --agent main").expect("it parses");
        assert!(other.params().is_err());
    }

    #[test]
    fn a_message_is_given_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("task.md");
        std::fs::write(&file, "two\nlines").expect("written");
        let from_file = params(&format!("--message-file {}", file.display()));
        assert_eq!(from_file["message"], "two\nlines");
        for line in [
            "--agent a",
            "-m x --message-file y",
            "-m x --reply-to 1",
            "-m x --verbose full",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
        let local = read("-m x --local").expect("it parses");
        let refused = run(&local, &Env::default()).expect_err("there is none");
        assert!(refused.to_string().contains("openclaw gateway"), "{refused}");
    }
}
