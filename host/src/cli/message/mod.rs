//! `openclaw message …`: messages to chats by hand, through the running gateway's outbox, and what else channels do.
mod act;

use super::{Failure, connect::Target, output, setting::Setting};
use crate::{
    config::Env,
    gateway::{Scope, random::uuid},
};
use clap::Subcommand;
use serde_json::json;
use std::time::Duration;

/// How long the gateway may take: it waits a while for the platform, and downloads files first.
const PATIENCE: Duration = Duration::from_secs(90);

/// The subcommands.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Send(Send),
    Poll(act::Poll),
    React(act::React),
    /// Shows who reacted to a message
    Reactions(act::About),
    Read(act::Read),
    Edit(act::Edit),
    /// Deletes a message
    Delete(act::About),
    /// Pins a message
    Pin(act::About),
    /// Takes the pin off a message
    Unpin(act::About),
    /// Shows what is pinned
    Pins(act::Where),
    Action(act::Action),
}

/// Sends a message to a chat. It is kept and tried again if the platform does not take it now
#[derive(Debug, clap::Args)]
struct Send {
    /// Channel; not needed if there is only one
    #[arg(long)]
    channel: Option<String>,
    /// Chat, as the platform calls it, or channel:chat
    #[arg(long, short, visible_alias = "to")]
    target: String,
    /// The text, Markdown
    #[arg(long, short, required_unless_present = "media")]
    message: Option<String>,
    /// A file: a path in the agent's workspace, or an address
    #[arg(long)]
    media: Vec<String>,
    /// Account that sends it
    #[arg(long)]
    account: Option<String>,
    /// Thread or topic of the chat
    #[arg(long)]
    thread_id: Option<String>,
    /// Message that it answers
    #[arg(long)]
    reply_to: Option<String>,
    /// Without a sound on the other side
    #[arg(long)]
    silent: bool,
    /// Sent once however often it is asked for under this key [default: a new one]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gateway: Target,
}

/// Runs one.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    match &args.command {
        Command::Send(args) => send(args, env),
        Command::Poll(args) => args.run(env),
        Command::React(args) => args.run(env),
        Command::Reactions(args) => args.run(env, "reactions"),
        Command::Read(args) => args.run(env),
        Command::Edit(args) => args.run(env),
        Command::Delete(args) => args.run(env, "delete"),
        Command::Pin(args) => args.run(env, "pin"),
        Command::Unpin(args) => args.run(env, "unpin"),
        Command::Pins(args) => args.run(env, "list-pins", json!({})),
        Command::Action(args) => args.run(env),
    }
}

fn send(args: &Send, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let mut params = json!({
        "to": args.target, "message": args.message.as_deref().unwrap_or_default(), "mediaUrls": args.media,
        "silent": args.silent, "idempotencyKey": args.idempotency_key.clone().unwrap_or_else(uuid),
    });
    let optional = [
        ("channel", &args.channel),
        ("accountId", &args.account),
        ("threadId", &args.thread_id),
        ("replyToId", &args.reply_to),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            params[name] = json!(value);
        }
    }
    let answer = args
        .gateway
        .ask(env, &setting, Scope::Write, "send", params, PATIENCE)?;
    if args.json {
        return output::json(&answer);
    }
    let (channel, to) = (output::text(&answer["channel"]), output::text(&answer["to"]));
    match answer["status"].as_str() {
        Some("sent") => match output::text(&answer["messageId"]) {
            id if id.is_empty() => anstream::println!("Sent to {to} on {channel}."),
            id => anstream::println!("Sent to {to} on {channel} as message {id}."),
        },
        Some("queued") => {
            anstream::println!(
                "Waiting to be sent to {to} on {channel}. `openclaw status` shows what becomes of it."
            )
        }
        _ => anstream::println!(
            "Handed to {channel}, which did not say whether it has arrived. It is not repeated."
        ),
    }
    Ok(())
}
