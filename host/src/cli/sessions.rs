//! `openclaw sessions`: the conversations of the running gateway.
use super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use clap::Subcommand;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a question may take. A conversation that is reset ends its turn first.
const ASK: Duration = Duration::from_secs(30);

/// Shows conversations, begins them anew and forgets them
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    /// Begins a conversation anew; what was said stays in the journal under its old id
    Reset(One),
    /// Forgets a conversation with all that was said in it
    Delete(One),
}

/// Shows conversations, the last used first
#[derive(Debug, clap::Args)]
struct List {
    /// Only those that something was said in within so many minutes
    #[arg(long, value_name = "MINUTES")]
    active: Option<u32>,
    /// Only those of this agent
    #[arg(long)]
    agent: Option<String>,
    /// How many
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Args)]
struct One {
    /// Its key, as the list shows it
    key: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs one.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    match &args.command {
        None => list(&args.list, env),
        Some(Command::List(args)) => list(args, env),
        Some(Command::Reset(args)) => end(args, env, "sessions.reset", "begins anew"),
        Some(Command::Delete(args)) => end(args, env, "sessions.delete", "is forgotten"),
    }
}

fn list(args: &List, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let mut params = json!({ "limit": args.limit });
    if let Some(minutes) = args.active {
        params["activeMinutes"] = json!(minutes);
    }
    if let Some(agent) = &args.agent {
        params["agentId"] = json!(agent);
    }
    let answer = args
        .target
        .ask(env, &setting, Scope::Read, "sessions.list", params, ASK)?;
    if args.json {
        let rows = &answer["sessions"];
        return output::json(&json!({
            "path": answer["path"], "count": answer["count"], "totalCount": answer["totalCount"],
            "activeMinutes": args.active, "sessions": rows,
        }));
    }
    if output::list(&answer["sessions"]).next().is_none() {
        anstream::println!("No conversations.");
        return Ok(());
    }
    let (count, total) = (&answer["count"], &answer["totalCount"]);
    anstream::println!("Conversations ({count}/{total})\n\n{}", table(&answer));
    Ok(())
}

fn table(answer: &Value) -> String {
    let mut table = output::table(&["KEY", "KIND", "AGE", "MODEL", "CONTEXT", "SET"]);
    for row in output::list(&answer["sessions"]) {
        let (used, window) = (
            row["totalTokens"].as_u64().unwrap_or(0),
            row["contextTokens"].as_u64().unwrap_or(0),
        );
        let set = ["thinkingLevel", "verboseLevel", "modelOverride"].map(|name| output::text(&row[name]));
        let set: Vec<_> = set.into_iter().filter(|text| !text.is_empty()).collect();
        table.add_row([
            output::text(&row["key"]),
            output::text(&row["kind"]),
            output::age(row["ageMs"].as_i64().unwrap_or(0)),
            output::text(&row["model"]),
            format!("{}/{}", output::tokens(used), output::tokens(window)),
            set.join(" "),
        ]);
    }
    table.to_string()
}

fn end(args: &One, env: &Env, method: &str, what: &str) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let params = json!({ "key": args.key });
    let answer = args
        .target
        .ask(env, &setting, Scope::Admin, method, params, ASK)?;
    if args.json {
        return output::json(&answer);
    }
    anstream::println!("{} {what}.", output::text(&answer["key"]));
    Ok(())
}
