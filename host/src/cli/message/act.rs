//! What else channels do: polls, reactions, reading, changing. One method of the gateway for all of them.
use super::PATIENCE;
use crate::{
    cli::{Failure, connect::Target, output, setting::Setting},
    config::Env,
    gateway::{Scope, random::uuid},
};
use serde_json::{Map, Value, json};

/// Where it is done.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// Channel; not needed if there is only one
    #[arg(long)]
    channel: Option<String>,
    /// Chat, as the platform calls it, or channel:chat
    #[arg(long, short, visible_alias = "to")]
    target: Option<String>,
    /// Account that does it
    #[arg(long)]
    account: Option<String>,
    /// Thread or topic of the chat
    #[arg(long)]
    thread_id: Option<String>,
    /// Done once however often it is asked for under this key [default: a new one]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gateway: Target,
}

/// The message that it is about.
#[derive(Debug, clap::Args)]
pub(super) struct About {
    /// Message
    #[arg(long)]
    message_id: String,
    #[command(flatten)]
    at: Where,
}

/// Starts a poll
#[derive(Debug, clap::Args)]
pub(super) struct Poll {
    /// The question
    #[arg(long)]
    poll_question: String,
    /// An answer; give at least two
    #[arg(long, required = true)]
    poll_option: Vec<String>,
    /// More than one answer may be chosen
    #[arg(long)]
    poll_multi: bool,
    /// How long it runs, hours
    #[arg(long)]
    poll_duration_hours: Option<u32>,
    #[command(flatten)]
    at: Where,
}

/// Sets or takes away a reaction
#[derive(Debug, clap::Args)]
pub(super) struct React {
    /// The emoji
    #[arg(long)]
    emoji: String,
    /// Takes it away
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    about: About,
}

/// Shows the last messages of a chat
#[derive(Debug, clap::Args)]
pub(super) struct Read {
    /// How many
    #[arg(long)]
    limit: Option<u32>,
    /// Only those before this message
    #[arg(long)]
    before: Option<String>,
    /// Only those after this message
    #[arg(long)]
    after: Option<String>,
    #[command(flatten)]
    at: Where,
}

/// Changes a message
#[derive(Debug, clap::Args)]
pub(super) struct Edit {
    /// The new text, Markdown
    #[arg(long, short)]
    message: String,
    #[command(flatten)]
    about: About,
}

/// Does anything else that a channel can do, by name
#[derive(Debug, clap::Args)]
pub(super) struct Action {
    /// What, such as thread-create
    name: String,
    /// With what, a JSON object
    #[arg(long, default_value = "{}")]
    params: String,
    #[command(flatten)]
    at: Where,
}

impl Poll {
    pub(super) fn run(&self, env: &Env) -> Result<(), Failure> {
        self.at.run(
            env,
            "poll",
            json!({
                "pollQuestion": self.poll_question, "pollOption": self.poll_option, "pollMulti": self.poll_multi,
                "pollDurationHours": self.poll_duration_hours,
            }),
        )
    }
}

impl React {
    pub(super) fn run(&self, env: &Env) -> Result<(), Failure> {
        let params = json!({ "emoji": self.emoji, "remove": self.remove });
        self.about.with(env, "react", params)
    }
}

impl Read {
    pub(super) fn run(&self, env: &Env) -> Result<(), Failure> {
        let params = json!({ "limit": self.limit, "before": self.before, "after": self.after });
        self.at.run(env, "read", params)
    }
}

impl Edit {
    pub(super) fn run(&self, env: &Env) -> Result<(), Failure> {
        self.about.with(env, "edit", json!({ "message": self.message }))
    }
}

impl Action {
    pub(super) fn run(&self, env: &Env) -> Result<(), Failure> {
        let params: Map<String, Value> = serde_json::from_str(&self.params)
            .map_err(|error| Failure::usage(format_args!("--params is no JSON object: {error}")))?;
        self.at.run(env, &self.name, params.into())
    }
}

impl About {
    pub(super) fn run(&self, env: &Env, action: &str) -> Result<(), Failure> {
        self.with(env, action, json!({}))
    }

    fn with(&self, env: &Env, action: &str, mut params: Value) -> Result<(), Failure> {
        params["messageId"] = json!(self.message_id);
        self.at.run(env, action, params)
    }
}

impl Where {
    pub(super) fn run(&self, env: &Env, action: &str, mut params: Value) -> Result<(), Failure> {
        let setting = Setting::for_client(env)?;
        let named = [
            ("target", &self.target),
            ("accountId", &self.account),
            ("threadId", &self.thread_id),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                params[name] = json!(value);
            }
        }
        if let Some(params) = params.as_object_mut() {
            params.retain(|_, value| !value.is_null());
        }
        let asked = json!({
            "channel": self.channel.as_deref().unwrap_or_default(), "action": action, "params": params,
            "idempotencyKey": self.idempotency_key.clone().unwrap_or_else(uuid),
        });
        // only an administrator is taken for the owner, as far as the platform's own rights go
        let scopes = [Scope::Write, Scope::Admin];
        let answer = self
            .gateway
            .ask_with(env, &setting, scopes, "message.action", asked, PATIENCE)?;
        if self.json {
            return output::json(&answer);
        }
        show(action, &answer);
        Ok(())
    }
}

fn show(action: &str, answer: &Value) {
    let Some(messages) = answer["messages"].as_array() else {
        let more: Vec<_> = answer
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, value)| name.as_str() != "ok" && !value.is_null())
            .map(|(name, value)| match value {
                Value::String(_) => format!("{name} {}", output::text(value)),
                other => format!("{name} {other}"),
            })
            .collect();
        match more.is_empty() {
            true => anstream::println!("Done: {action}."),
            false => anstream::println!("Done: {action} ({}).", more.join(", ")),
        }
        return;
    };
    let mut table = output::table(&["ID", "FROM", "TEXT"]);
    for message in messages {
        let of = |names: &[&str]| {
            let found = names
                .iter()
                .map(|name| &message[*name])
                .find(|value| !value.is_null());
            found.map(|value| match value {
                Value::String(_) => output::text(value),
                Value::Object(_) => output::text(&value["name"]),
                other => other.to_string(),
            })
        };
        table.add_row([
            of(&["id", "messageId"]).unwrap_or_default(),
            of(&["author", "from", "sender"]).unwrap_or_default(),
            of(&["text", "content"]).unwrap_or_default(),
        ]);
    }
    anstream::println!("{table}");
}
