//! `openclaw agents list`.
use super::{bindings, identity::in_file};
use crate::{
    cli::{Failure, config::Place, output},
    config::{Agent, Config, Env, bindings_of},
};
use serde_json::{Map, Value, json};

/// Shows the agents: their names, folders and models
#[derive(Debug, clap::Args)]
pub struct List {
    /// Show which chats go to each of them
    #[arg(long)]
    bindings: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &List, place: &Place<'_>, env: &Env) -> Result<(), Failure> {
    let config = super::read(place, env)?;
    let agents = config.agents();
    if args.json {
        let rows = agents.agents.iter().map(|agent| record(agent, &config, place));
        return output::json(&rows.collect::<Vec<_>>());
    }
    for agent in &agents.agents {
        tell(agent, &config, place, args.bindings);
    }
    if agents.agents.len() > 1 && !args.bindings {
        anstream::println!("\n`openclaw agents list --bindings` shows which chats go to whom.");
    }
    Ok(())
}

/// An agent for machines.
fn record(agent: &Agent, config: &Config, place: &Place<'_>) -> Value {
    let looks = Looks::of(agent, place);
    let mut row = Map::new();
    row.insert("id".to_owned(), json!(agent.id));
    let known = [
        ("name", agent.name.clone()),
        ("identityName", looks.name),
        ("identityEmoji", looks.emoji),
        ("identitySource", looks.source.map(str::to_owned)),
    ];
    for (key, value) in known {
        row.extend(value.map(|value| (key.to_owned(), json!(value))));
    }
    row.insert("workspace".to_owned(), json!(agent.workspace(&place.paths)));
    row.insert("agentDir".to_owned(), json!(agent.agent_dir(&place.paths)));
    row.extend(model(agent).map(|model| ("model".to_owned(), json!(model))));
    let bound = bindings_of(config.value(), &agent.id).len();
    row.insert("bindings".to_owned(), json!(bound));
    row.insert("isDefault".to_owned(), json!(agent.is_default));
    Value::Object(row)
}

/// An agent for people.
fn tell(agent: &Agent, config: &Config, place: &Place<'_>, with_bindings: bool) {
    let name = agent
        .name
        .as_ref()
        .map_or_else(String::new, |name| format!(" ({name})"));
    let default = if agent.is_default { ", the default" } else { "" };
    anstream::println!("{}{name}{default}", agent.id);
    let looks = Looks::of(agent, place);
    if let Some(source) = looks.source {
        let words: Vec<_> = [looks.emoji, looks.name].into_iter().flatten().collect();
        anstream::println!("  Identity   {} ({source})", words.join(" "));
    }
    anstream::println!("  Workspace  {}", agent.workspace(&place.paths).display());
    let model = model(agent).unwrap_or_else(|| "the first that has a key".to_owned());
    anstream::println!("  Model      {model}");
    let bound = bindings_of(config.value(), &agent.id);
    anstream::println!("  Bindings   {}", bound.len());
    if with_bindings {
        for number in bound {
            let told = bindings::told(&config.value()["bindings"][number]["match"]);
            anstream::println!("    {told}");
        }
    }
}

fn model(agent: &Agent) -> Option<String> {
    let written = agent.model.primary.as_deref()?;
    Some(agent.reference(written).to_owned())
}

/// How an agent is called in chats, and where that stands.
struct Looks {
    name: Option<String>,
    emoji: Option<String>,
    source: Option<&'static str>,
}

// === impl Looks ===

impl Looks {
    /// What the configuration says; where it says nothing, the file in the agent's workspace.
    fn of(agent: &Agent, place: &Place<'_>) -> Self {
        let own = &agent.identity;
        if own.name.is_some() || own.emoji.is_some() {
            return Self {
                name: own.name.clone(),
                emoji: own.emoji.clone(),
                source: Some("config"),
            };
        }
        let file = in_file(&agent.workspace(&place.paths)).unwrap_or_default();
        Self {
            source: (file.name.is_some() || file.emoji.is_some()).then_some("identity"),
            name: file.name,
            emoji: file.emoji,
        }
    }
}
