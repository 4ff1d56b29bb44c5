//! `openclaw sessions archive`, `delete`, `reset` and `compact`: what becomes of conversations, by the running gateway.
use super::{
    super::{Failure, connect::Target, onboard::prompt, output, setting::Setting},
    ASK,
};
use crate::{config::Env, gateway::Scope};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a summary may take: it is a model's answer.
const SUMMARY: Duration = Duration::from_secs(10 * 60);

/// Puts conversations away: they stay whole, and lists show them for who asks for what was put away
#[derive(Debug, clap::Args)]
pub struct Archive {
    #[command(flatten)]
    many: Many,
}

/// Forgets conversations with all that was said in them
#[derive(Debug, clap::Args)]
pub struct Delete {
    #[command(flatten)]
    many: Many,
    /// Don't ask whether that is meant
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
struct Many {
    /// Their keys, as the list shows them
    #[arg(required = true)]
    keys: Vec<String>,
    /// The agent that keys without one belong to
    #[arg(long)]
    agent: Option<String>,
    /// Say what would be done and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// A conversation.
#[derive(Debug, clap::Args)]
pub struct One {
    /// Its key, as the list shows it
    key: String,
    /// The agent that a key without one belongs to
    #[arg(long)]
    agent: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// What is done to each.
#[derive(Debug, Clone, Copy)]
struct Operation {
    name: &'static str,
    done: &'static str,
    would: &'static str,
}

const ARCHIVE: Operation = Operation {
    name: "archive",
    done: "archived",
    would: "would_archive",
};
const DELETE: Operation = Operation {
    name: "delete",
    done: "deleted",
    would: "would_delete",
};

// === each command ===

/// Archives.
pub fn archive(args: &Archive, env: &Env) -> Result<(), Failure> {
    each(&args.many, ARCHIVE, env)
}

/// Deletes, once somebody at a terminal has said that it is meant.
pub fn delete(args: &Delete, env: &Env) -> Result<(), Failure> {
    let many = &args.many;
    if !args.yes && !many.dry_run && !many.json && prompt::is_possible() {
        let question = format!("Forget {} and all that was said there?", many.keys.join(", "));
        if !prompt::confirm(&question, false, "")? {
            return Err(Failure::new("nothing was done"));
        }
    }
    each(many, DELETE, env)
}

/// Begins anew.
pub fn reset(args: &One, env: &Env) -> Result<(), Failure> {
    let answer = ask_of(args, env, "sessions.reset", ASK)?;
    if args.json {
        return output::json(&answer);
    }
    anstream::println!("{} begins anew.", output::text(&answer["key"]));
    Ok(())
}

/// Has it summarised.
pub fn compact(args: &One, env: &Env) -> Result<(), Failure> {
    let answer = ask_of(args, env, "sessions.compact", SUMMARY)?;
    let (key, why) = (output::text(&answer["key"]), output::text(&answer["reason"]));
    if args.json {
        output::json(&answer)?;
    } else if answer["compacted"] == true {
        let left = answer["result"]["tokensAfter"].as_u64().unwrap_or(0);
        anstream::println!("{key} is summarised: {} tokens are left.", output::tokens(left));
    } else if answer["ok"] == true {
        anstream::println!("{key} stays as it is: {why}.");
    }
    match answer["ok"] == true {
        true => Ok(()),
        false if args.json => Err(Failure::silent()),
        false => Err(Failure::new(format_args!("{key} could not be summarised: {why}"))),
    }
}

fn ask_of(args: &One, env: &Env, method: &str, limit: Duration) -> Result<Value, Failure> {
    let setting = Setting::for_client(env)?;
    let params = json!({ "key": whole(&args.key, args.agent.as_deref()) });
    args.target
        .ask(env, &setting, Scope::Admin, method, params, limit)
}

// === several at once ===

fn each(args: &Many, operation: Operation, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let mut results = Vec::new();
    for key in &args.keys {
        let key = whole(key, args.agent.as_deref());
        let (ok, status, error) = match one(args, operation, &key, env, &setting) {
            Ok(Some(status)) => (true, status, None),
            Ok(None) => (false, "not_found", Some(format!("No session found: {key}"))),
            Err(failure) => (false, "failed", Some(failure.to_string())),
        };
        let mut result = json!({ "key": key, "ok": ok, "status": status });
        if let Some(error) = error {
            result["error"] = error.into();
        }
        results.push(result);
    }
    let ok = results.iter().all(|result| result["ok"] == true);
    if args.json {
        let dry_run = args.dry_run;
        output::json(
            &json!({ "ok": ok, "operation": operation.name, "dryRun": dry_run, "results": results }),
        )?;
    } else {
        results.iter().for_each(|result| tell(result, operation));
    }
    if ok { Ok(()) } else { Err(Failure::silent()) }
}

/// What became of one. None: there is none.
fn one(
    args: &Many,
    operation: Operation,
    key: &str,
    env: &Env,
    setting: &Setting,
) -> Result<Option<&'static str>, Failure> {
    let ask = |method, params| args.target.ask(env, setting, Scope::Admin, method, params, ASK);
    let found = ask("sessions.describe", json!({ "key": key }))?;
    let row = &found["session"];
    if row.is_null() {
        return Ok(None);
    }
    let archives = operation.name == ARCHIVE.name;
    if archives && row["archived"] == true {
        return Ok(Some("already_archived"));
    }
    if args.dry_run {
        return Ok(Some(operation.would));
    }
    match archives {
        true => ask("sessions.patch", json!({ "key": key, "archived": true }))?,
        false => ask("sessions.delete", json!({ "key": key }))?,
    };
    Ok(Some(operation.done))
}

fn tell(result: &Value, operation: Operation) {
    let (key, name) = (output::text(&result["key"]), operation.name);
    match result["status"].as_str().unwrap_or_default() {
        "archived" => anstream::println!("{key} is put away."),
        "already_archived" => anstream::println!("{key} is put away already."),
        "deleted" => anstream::println!("{key} is forgotten."),
        "would_archive" | "would_delete" => anstream::println!("would {name} {key}"),
        _ => anstream::eprintln!("error: {name} {key}: {}", output::text(&result["error"])),
    }
}

/// A key with its agent.
fn whole(key: &str, agent: Option<&str>) -> String {
    let key = key.trim();
    match agent {
        Some(agent) if !key.starts_with("agent:") => format!("agent:{agent}:{key}"),
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_without_an_agent_is_of_the_one_that_is_named() {
        assert_eq!(whole(" side ", Some("work")), "agent:work:side");
        assert_eq!(whole("agent:main:side", Some("work")), "agent:main:side");
        assert_eq!(whole("side", None), "side");
    }
}
