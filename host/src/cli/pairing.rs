//! `openclaw pairing`: who asks to be let in, and letting them in. Works on the journal itself, with or without a
//! running gateway, which sees an approval with that person's next message.
use super::{Failure, output};
use crate::{
    access::{OlderFiles, Pairing},
    clock::Clock,
    config::{Config, Edit, Env, JsonPath, Paths, edit_file},
    journal::{Approved, Journal, LIFETIME_MS, PairingRequest},
};
use clap::Subcommand;
use serde_json::{Value, json};

/// The subcommands.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Approve(Approve),
}

/// Shows who asks to be let in
#[derive(Debug, clap::Args)]
struct List {
    /// Only this channel
    channel: Option<String>,
    #[command(flatten)]
    only: Only,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Lets somebody in
#[derive(Debug, clap::Args)]
#[command(override_usage = "openclaw pairing approve [OPTIONS] [CHANNEL] <CODE>")]
struct Approve {
    /// The code, and before it the channel if the code alone does not say which
    #[arg(required = true, num_args = 1..=2, value_name = "CODE")]
    words: Vec<String>,
    #[command(flatten)]
    only: Only,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Only {
    /// Only this channel
    #[arg(long = "channel", value_name = "CHANNEL")]
    on_channel: Option<String>,
    /// Only this account of it
    #[arg(long)]
    account: Option<String>,
}

/// Runs one.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let paths = Paths::resolve(env).map_err(Failure::config)?;
    paths.prepare_state_dir().map_err(Failure::config)?;
    let journal = Journal::open_beside(&paths.state_dir.join("state.db")).map_err(Failure::new)?;
    let pairing = Pairing::new(journal, OlderFiles::of_state(&paths.state_dir));
    match &args.command {
        Command::List(args) => list(args, &pairing),
        Command::Approve(args) => approve(args, &pairing, &paths, env),
    }
}

fn list(args: &List, pairing: &Pairing) -> Result<(), Failure> {
    let now_ms = Clock::system().now_ms();
    let channel = args.channel.as_ref().or(args.only.on_channel.as_ref());
    let channel = channel.map(|channel| channel.to_lowercase());
    let requests = pairing
        .list(channel.as_deref(), args.only.account.as_deref(), now_ms)
        .map_err(Failure::new)?;
    if args.json {
        let requests: Vec<_> = requests.iter().map(record).collect();
        return output::json(&json!({"channel": channel, "requests": requests}));
    }
    if requests.is_empty() {
        anstream::println!("Nobody asks to be let in.");
        return Ok(());
    }
    let mut table = output::table(&["CODE", "CHANNEL", "ACCOUNT", "ID", "NAME", "ENDS IN"]);
    for request in &requests {
        let left = (request.created_ms + LIFETIME_MS - now_ms).max(0) / 60_000;
        table.add_row([
            request.code.clone(),
            request.channel.clone(),
            request.account.clone(),
            printable(&request.sender),
            printable(&request.name),
            format!("{left} min"),
        ]);
    }
    anstream::println!("{table}\n\nLet somebody in with `openclaw pairing approve <channel> <code>`.");
    Ok(())
}

fn approve(args: &Approve, pairing: &Pairing, paths: &Paths, env: &Env) -> Result<(), Failure> {
    let (channel, code) = match args.words.as_slice() {
        [channel, code] => (Some(channel), code),
        [code, ..] => (args.only.on_channel.as_ref(), code),
        [] => return Err(Failure::usage("name the code to approve")),
    };
    let channel = channel.map(|channel| channel.to_lowercase());
    let now_ms = Clock::system().now_ms();
    let approved = pairing
        .approve(channel.as_deref(), args.only.account.as_deref(), code, now_ms)
        .map_err(Failure::new)?;
    let owner = if approved.first {
        seed_owner(&approved, paths, env)
    } else {
        Ok(false)
    };
    if args.json {
        let owner = owner.as_ref().is_ok_and(|seeded| *seeded);
        return output::json(&json!({
            "channel": approved.channel, "account": approved.account, "id": approved.sender, "owner": owner,
        }));
    }
    let who = printable(&approved.sender);
    anstream::println!("Let {who} in on {}.", approved.channel);
    match owner {
        Ok(true) => {
            anstream::println!("Being the first, {who} is now an owner: see commands.ownerAllowFrom.")
        }
        Ok(false) => {}
        Err(error) => anstream::eprintln!("note: {who} was not made an owner: {error}"),
    }
    Ok(())
}

/// The first person who is let in owns the gateway, if nobody does and there is a file to say so.
fn seed_owner(approved: &Approved, paths: &Paths, env: &Env) -> Result<bool, String> {
    if !paths.config_file.exists() {
        return Ok(false);
    }
    let config = Config::load(paths, env).map_err(|error| error.to_string())?;
    let owners = config.commands.owner_allow_from.unwrap_or_default();
    if !owners.is_empty() {
        return Ok(false);
    }
    let edit = Edit::Set {
        path: JsonPath::root().key("commands").key("ownerAllowFrom"),
        value: json!([format!("{}:{}", approved.channel, approved.sender)]),
    };
    edit_file(&paths.config_file, &paths.include_roots, &[edit]).map_err(|error| error.to_string())
}

fn record(request: &PairingRequest) -> Value {
    json!({
        "channel": request.channel, "account": request.account, "id": request.sender, "name": request.name,
        "code": request.code, "createdAtMs": request.created_ms, "lastSeenAtMs": request.last_seen_ms,
    })
}

/// What strangers wrote, without what would move a terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
