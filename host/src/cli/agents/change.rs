//! `openclaw agents add` and `delete`.
use super::{bindings, find};
use crate::{
    cli::{
        Failure,
        config::{Place, edit},
        onboard::prompt,
        output,
    },
    clock::Clock,
    config::{Env, add_agent, agent_id, put_workspace_aside, remove_agent},
    models::ModelRef,
};
use serde_json::json;

/// Adds an agent, with a workspace of its own
#[derive(Debug, clap::Args)]
pub struct Add {
    /// Its name; asked for where there is a terminal
    name: Option<String>,
    /// The folder with its instructions and files [default: <state>/workspace-<id>]
    #[arg(long, value_name = "FOLDER")]
    workspace: Option<String>,
    /// The folder of its private state [default: <state>/agents/<id>/agent]
    #[arg(long, value_name = "FOLDER")]
    agent_dir: Option<String>,
    /// Its model: provider/model, or an alias [default: that of all]
    #[arg(long)]
    model: Option<String>,
    /// What goes to it: a channel's id, or one with an account; can be repeated
    #[arg(long, value_name = "CHANNEL[:ACCOUNT]")]
    bind: Vec<String>,
    /// Ask nothing
    #[arg(long)]
    non_interactive: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Removes an agent, with what goes to it; its conversations stay in the journal
#[derive(Debug, clap::Args)]
pub struct Delete {
    /// The agent
    id: String,
    /// Don't ask
    #[arg(long, visible_alias = "yes")]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `add`.
pub(super) fn add(args: &Add, place: &Place<'_>, env: &Env) -> Result<(), Failure> {
    let name = named(args)?;
    let config = super::read(place, env)?;
    let (agents, id) = (config.agents(), agent_id(&name));
    if agents.get(&id).is_some() {
        return Err(Failure::new(format_args!(
            "there is an agent \"{id}\" already; `openclaw agents list` shows it"
        )));
    }
    let model = args
        .model
        .as_deref()
        .map(|written| agents.default_agent().reference(written));
    if let Some(model) = model.filter(|model| ModelRef::parse(model).is_none()) {
        return Err(Failure::usage(format_args!(
            "\"{model}\" is no model and no alias; write provider/model. `openclaw models list --all` shows them"
        )));
    }
    let plan = bindings::Plan::of(&config, &id, &bindings::sources(&args.bind, &config, env)?);
    plan.refuse_conflicts(false)?;
    let fields = [
        ("workspace", args.workspace.as_ref()),
        ("agentDir", args.agent_dir.as_ref()),
        ("model", args.model.as_ref()),
    ];
    let mut edits = add_agent(&config, &id, &name, fields);
    if !plan.added.is_empty() {
        edits.extend(plan.edits(&config, &id));
    }
    edit::create_if_missing(place)?;
    edit::apply(&edits, place)?;
    let config = super::read(place, env)?;
    let agents = config.agents();
    let agent = find(&agents, Some(&id))?;
    let workspace = agent.workspace(&place.paths);
    if args.json {
        let mut facts = json!({
            "agentId": id, "name": name, "workspace": workspace, "agentDir": agent.agent_dir(&place.paths),
            "bindings": plan.facts(),
        });
        if let Some(model) = &args.model {
            facts["model"] = json!(model);
        }
        return output::json(&facts);
    }
    anstream::println!("Added the agent {id}, with its files in {}.", workspace.display());
    for source in &plan.added {
        anstream::println!("{} goes to {id}.", source.told());
    }
    if plan.added.is_empty() {
        anstream::println!("Chats go to it by `openclaw agents bind --agent {id} --bind <channel>`.");
    }
    Ok(())
}

fn named(args: &Add) -> Result<String, Failure> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None if !args.non_interactive && !args.json && prompt::is_possible() => {
            prompt::text("Name of the new agent", "")?
        }
        None => String::new(),
    };
    match name.trim() {
        "" => Err(Failure::usage("name the agent: `openclaw agents add <name>`")),
        name => Ok(name.to_owned()),
    }
}

/// Runs `delete`.
pub(super) fn delete(args: &Delete, place: &Place<'_>, env: &Env) -> Result<(), Failure> {
    let config = super::read(place, env)?;
    let agents = config.agents();
    let agent = find(&agents, Some(&args.id))?;
    if agent.is_default {
        return Err(Failure::new(format_args!(
            "{} is the default agent, which answers what goes to nobody else; set another one's `default` first",
            agent.id
        )));
    }
    let workspace = agent.workspace(&place.paths);
    let (edits, bound) = remove_agent(config.value(), &agent.id);
    if !args.force {
        if !prompt::is_possible() {
            return Err(Failure::usage(
                "there is no terminal to ask in; give --force to delete the agent",
            ));
        }
        let question = format!("Delete the agent {} and its {bound} bindings?", agent.id);
        if !prompt::confirm(
            &question,
            false,
            "its workspace is put aside, its conversations stay in the journal",
        )? {
            return Err(Failure::new("stopped; nothing was deleted"));
        }
    }
    edit::apply(&edits, place)?;
    let aside = put_workspace_aside(&place.paths.state_dir, &workspace, Clock::system().now_ms());
    let aside =
        aside.map_err(|error| Failure::io(format_args!("put {} aside", workspace.display()), error))?;
    if args.json {
        return output::json(&json!({
            "agentId": agent.id, "workspace": workspace, "agentDir": agent.agent_dir(&place.paths),
            "removedBindings": bound, "movedTo": aside,
        }));
    }
    anstream::println!("Deleted the agent {}, with {bound} bindings.", agent.id);
    match aside {
        Some(aside) => anstream::println!("Its files are in {} now.", aside.display()),
        None => anstream::println!("Its files stay in {}.", workspace.display()),
    }
    Ok(())
}
