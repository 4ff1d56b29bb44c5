//! `openclaw models list`.
use super::super::{Failure, connect::Target, offline::Question, output, setting::Setting};
use crate::config::{Env, provider_id};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the gateway may take: with `--all` it asks every provider.
const ASK: Duration = Duration::from_secs(30);

/// Shows the models that the configuration names
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Those of this agent [default: the default agent]
    #[arg(long)]
    agent: Option<String>,
    /// Also every other model that the providers know; a running gateway asks them
    #[arg(long)]
    all: bool,
    /// Only those that are served on this machine
    #[arg(long)]
    local: bool,
    /// Only this provider's
    #[arg(long)]
    provider: Option<String>,
    /// Print provider/model and nothing else
    #[arg(long, conflicts_with = "json")]
    plain: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let mut params = json!({ "view": if args.all { "all" } else { "default" } });
    if let Some(agent) = &args.agent {
        params["agentId"] = json!(agent);
    }
    let question = Question {
        method: "models.list",
        params,
        limit: ASK,
        quiet: args.json || args.plain,
    };
    let answer = question.ask_or_read(&args.target, env, &setting)?;
    let models: Vec<_> = output::list(&answer["models"])
        .filter(|model| args.wants(model))
        .collect();
    if args.json {
        let models: Vec<_> = models.into_iter().map(shown).collect();
        return output::json(&json!({ "count": models.len(), "models": models }));
    }
    if args.plain {
        models
            .iter()
            .for_each(|model| anstream::println!("{}", key(model)));
        return Ok(());
    }
    if models.is_empty() {
        anstream::println!("No models. `openclaw models list --all` shows what the providers know.");
        return Ok(());
    }
    anstream::println!("{}", table(&models));
    Ok(())
}

// === impl Args ===

impl Args {
    fn wants(&self, model: &Value) -> bool {
        let provider = self.provider.as_deref().map(provider_id);
        provider.is_none_or(|id| model["provider"] == *id) && (!self.local || model["local"] == true)
    }
}

fn key(model: &Value) -> String {
    format!(
        "{}/{}",
        output::text(&model["provider"]),
        output::text(&model["id"])
    )
}

fn inputs(model: &Value) -> String {
    let inputs: Vec<_> = output::list(&model["input"]).map(output::text).collect();
    inputs.join("+")
}

/// A model as machines see it: `input` is one text.
fn shown(model: &Value) -> Value {
    let mut shown = model.clone();
    shown["key"] = json!(key(model));
    shown["input"] = json!(inputs(model));
    shown
}

fn table(models: &[&Value]) -> String {
    let mut table = output::table(&["Model", "Input", "Ctx", "Local", "Auth", "Tags"]);
    for model in models {
        let mut tags: Vec<_> = output::list(&model["tags"]).map(output::text).collect();
        if let Some(alias) = model["alias"].as_str() {
            tags.push(format!("alias:{alias}"));
        }
        table.add_row([
            key(model),
            inputs(model),
            output::tokens(model["contextWindow"].as_u64().unwrap_or(0)),
            if model["local"] == true { "yes" } else { "no" }.to_owned(),
            auth(model).to_owned(),
            tags.join(","),
        ]);
    }
    table.to_string()
}

fn auth(model: &Value) -> &str {
    match model["unavailableReason"].as_str() {
        None => "yes",
        Some("cooldown") => "resting",
        Some(_) => "no",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn what_is_wanted_is_shown_with_the_keys_that_machines_know() {
        let wants = |words: &[&str], model: &Value| {
            let words = ["list"].into_iter().chain(words.iter().copied());
            Line::try_parse_from(words).expect("it parses").args.wants(model)
        };
        let near = json!({"provider": "zai", "id": "m", "local": true, "input": ["text", "image"]});
        let far = json!({"provider": "v", "id": "m/x", "local": false, "input": ["text"]});
        assert!(wants(&[], &near) && wants(&[], &far));
        assert!(wants(&["--local"], &near) && !wants(&["--local"], &far));
        assert!(wants(&["--provider", "Z.AI"], &near) && !wants(&["--provider", "Z.AI"], &far));
        let shown = shown(&near);
        assert_eq!(
            (&shown["key"], &shown["input"]),
            (&json!("zai/m"), &json!("text+image"))
        );
        assert_eq!(key(&far), "v/m/x");
    }
}
