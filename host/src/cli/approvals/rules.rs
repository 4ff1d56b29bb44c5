//! The rules: shown, replaced, and one more or less.
use super::{Allowlist, Args, Command, show};
use crate::{
    approvals::{FileError, Rules, Store, is_carrier},
    cli::{Failure, output, setting::Setting},
    gateway::Scope,
};
use serde_json::{Value, json};
use std::io::Read;

/// Largest file that is taken, bytes.
const MAX_FILE: u64 = 1 << 20;

/// Runs a command about rules.
pub(super) fn run(
    command: &Command,
    args: &Args,
    setting: &Setting,
    ask: impl Fn(Scope, &str, Value) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    let store = Store::new(&setting.paths);
    let read = || match args.gateway {
        true => ask(Scope::Admin, "exec.approvals.get", json!({})),
        false => here(&store),
    };
    let answer = match command {
        Command::Get => read()?,
        Command::Allowlist {
            command: Allowlist::List { agent },
        } => {
            let answer = read()?;
            return list(&answer, agent.as_deref(), args.json);
        }
        Command::Set { file, .. } => {
            let text = match file {
                Some(path) => std::fs::File::open(path).and_then(take),
                None => take(std::io::stdin()),
            };
            let text = text.map_err(|error| Failure::io("read the rules", error))?;
            let value: Value = serde_json::from_str(&text)
                .map_err(|error| Failure::new(format_args!("the rules are no JSON: {error}")))?;
            let rules: Rules = serde_json::from_value(value.clone())
                .map_err(|error| Failure::new(format_args!("the rules can't be read: {error}")))?;
            write(args, &store, &ask, |_| Ok((rules, ())))?.0
        }
        Command::Allowlist { command } => return change(command, args, setting, &store, &ask),
        Command::Pending | Command::Resolve { .. } => return Ok(()),
    };
    if args.json {
        return output::json(&answer);
    }
    show::rules(&answer);
    Ok(())
}

fn change(
    command: &Allowlist,
    args: &Args,
    setting: &Setting,
    store: &Store,
    ask: &impl Fn(Scope, &str, Value) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    let (answer, said) = match command {
        Allowlist::Add { pattern, agent } => {
            let pattern = pattern.trim();
            if !pattern.starts_with('/') && !pattern.starts_with("~/") {
                return Err(Failure::usage(format_args!(
                    "{pattern} is no path; write the whole path of the program, as `which` shows it"
                )));
            }
            let agent = known(agent, setting)?;
            let (answer, added) = write(args, store, ask, |mut rules| {
                let added = rules.allow(&agent, pattern)?;
                Ok((rules, added))
            })?;
            if added && is_carrier(pattern) && !args.json {
                let text = "this program runs whatever its arguments name: the rule allows everything";
                anstream::eprintln!("warning: {text}");
            }
            let said = match added {
                true => format!("{pattern} may run for agent {agent}."),
                false => format!("{pattern} may run for agent {agent} already."),
            };
            (answer, said)
        }
        Allowlist::Remove { pattern, agent } => {
            let agent = known(agent, setting)?;
            let (answer, removed) = write(args, store, ask, |mut rules| {
                let removed = rules.forget(&agent, pattern.trim());
                Ok((rules, removed))
            })?;
            if !removed {
                return Err(Failure::new(format_args!(
                    "agent {agent} has no rule {pattern}; see `openclaw approvals allowlist list`"
                )));
            }
            (
                answer,
                format!("{pattern} is on the list of agent {agent} no more."),
            )
        }
        Allowlist::List { agent } => {
            return list(&here(store)?, agent.as_deref(), args.json);
        }
    };
    if args.json {
        return output::json(&answer);
    }
    anstream::println!("{said}");
    Ok(())
}

/// Changes the rules here or at the gateway. Gives how they are then, and what `work` gives.
fn write<T>(
    args: &Args,
    store: &Store,
    ask: &impl Fn(Scope, &str, Value) -> Result<Value, Failure>,
    work: impl FnOnce(Rules) -> Result<(Rules, T), FileError>,
) -> Result<(Value, T), Failure> {
    if !args.gateway {
        let done = store.change(|now| {
            let (mut rules, done) = work(now.rules.clone())?;
            rules.socket = rules.socket.or_else(|| now.rules.socket.take());
            now.rules = rules;
            Ok(done)
        });
        return Ok((here(store)?, done.map_err(Failure::new)?));
    }
    let now = ask(Scope::Admin, "exec.approvals.get", json!({}))?;
    let rules: Rules = serde_json::from_value(now["file"].clone()).map_err(Failure::new)?;
    let (rules, done) = work(rules).map_err(Failure::new)?;
    let params = json!({ "file": rules, "baseHash": now["hash"] });
    Ok((ask(Scope::Admin, "exec.approvals.set", params)?, done))
}

/// This machine's file, as a gateway shows it.
fn here(store: &Store) -> Result<Value, Failure> {
    let snapshot = store.read().map_err(Failure::config)?;
    Ok(json!({
        "path": store.path(), "exists": snapshot.exists, "hash": snapshot.hash, "file": snapshot.rules.view(),
    }))
}

fn list(answer: &Value, agent: Option<&str>, json: bool) -> Result<(), Failure> {
    if json {
        let agents = answer["file"]["agents"].as_object().into_iter().flatten();
        let wanted = agents.filter(|(id, _)| agent.is_none_or(|agent| agent == id.as_str()));
        let lists: serde_json::Map<String, Value> = wanted
            .map(|(id, rules)| {
                let list = rules.get("allowlist").cloned();
                (id.clone(), list.unwrap_or_else(|| json!([])))
            })
            .collect();
        return output::json(&lists);
    }
    show::allowlist(answer, agent);
    Ok(())
}

/// The agent's id, if there is such an agent.
fn known(agent: &str, setting: &Setting) -> Result<String, Failure> {
    if agent == crate::approvals::EVERY_AGENT {
        return Ok(agent.to_owned());
    }
    let id = crate::config::agent_id(agent);
    let agents = setting.config.agents();
    if agents.get(&id).is_some() {
        return Ok(id);
    }
    let ids: Vec<_> = agents.agents.iter().map(|agent| agent.id.as_str()).collect();
    Err(Failure::usage(format_args!(
        "there is no agent {agent}; there are {}, and * for all",
        ids.join(", ")
    )))
}

fn take(source: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    source.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}
