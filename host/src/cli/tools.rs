//! `openclaw tools`: which tools the running gateway lets an agent use, and why the others are off. It decides nothing.
use super::{Failure, connect::Target, output, setting::Setting};
use crate::{
    config::{Env, tool_names},
    gateway::Scope,
};
use clap::Subcommand;
use serde_json::{Value, json};
use std::time::Duration;

/// Shows which tools agents may use, and why others are off
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The agent [default: the default agent]
    #[arg(long, global = true)]
    agent: Option<String>,
    /// The conversation, by its key [default: the agent's main one]
    #[arg(long, global = true)]
    session: Option<String>,
    /// How long the gateway may take, milliseconds
    #[arg(long, global = true, default_value_t = 30_000)]
    timeout: u64,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows all of them
    List,
    /// Tells whether one is on, and if not, which key of the configuration decides
    Explain {
        /// Its name
        tool: String,
    },
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let key = match (&args.session, &args.agent) {
        (Some(key), _) => key.clone(),
        (None, Some(agent)) => format!("agent:{agent}:main"),
        (None, None) => format!("agent:{}:main", setting.config.agents().default_id),
    };
    let mut params = json!({ "sessionKey": key, "includeOff": true });
    if let Some(agent) = &args.agent {
        params["agentId"] = json!(agent);
    }
    let (scopes, limit) = ([Scope::Read, Scope::Admin], Duration::from_millis(args.timeout));
    let found = args
        .target
        .ask_with(env, &setting, scopes, "tools.effective", params, limit)?;
    match &args.command {
        None | Some(Command::List) if args.json => output::json(&found),
        None | Some(Command::List) => list(&found),
        Some(Command::Explain { tool }) => explain(&found, tool, args.json),
    }
}

/// The tools of an answer, those that are on first.
fn rows(found: &Value) -> impl Iterator<Item = &Value> {
    let groups = output::list(&found["groups"]);
    let on = groups.flat_map(|group| output::list(&group["tools"]).collect::<Vec<_>>());
    on.chain(output::list(&found["off"]))
}

fn list(found: &Value) -> Result<(), Failure> {
    let (agent, model) = (output::text(&found["agentId"]), output::text(&found["model"]));
    anstream::println!(
        "Tools of {agent} with {model} (profile {})",
        output::text(&found["profile"])
    );
    let mut table = output::table(&["TOOL", "STATE", "FROM", "WHY"]);
    for row in rows(found) {
        table.add_row([
            output::text(&row["id"]),
            state(row),
            from(row),
            output::text(&row["why"]),
        ]);
    }
    if !table.is_empty() {
        anstream::println!("{table}");
    }
    notices(found);
    Ok(())
}

fn explain(found: &Value, tool: &str, json: bool) -> Result<(), Failure> {
    let name = tool_names::canonical(tool);
    let Some(row) = rows(found).find(|row| row["id"] == name.as_str()) else {
        return Err(Failure::new(format_args!(
            "there is no tool {name}; see `openclaw tools list`"
        )));
    };
    if json {
        return output::json(&json!({ "tool": row["id"], "on": row["why"].is_null(), "why": row["why"] }));
    }
    anstream::println!("{} ({}) is {}", output::text(&row["id"]), from(row), state(row));
    if !row["why"].is_null() {
        anstream::println!("Why: {}", output::text(&row["why"]));
    }
    notices(found);
    Ok(())
}

fn notices(found: &Value) {
    for notice in output::list(&found["notices"]) {
        anstream::println!("⚠️ {}", output::text(&notice["message"]));
    }
}

fn state(row: &Value) -> String {
    if row["why"].is_null() { "on" } else { "off" }.to_owned()
}

fn from(row: &Value) -> String {
    match row["pluginId"].as_str() {
        Some(_) => format!("plugin {}", output::text(&row["pluginId"])),
        None => "gateway".to_owned(),
    }
}
