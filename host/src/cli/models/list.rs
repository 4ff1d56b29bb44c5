//! `openclaw models list`.
use super::super::{Failure, connect::Target, output, setting::Setting};
use crate::{
    config::{Env, provider_id},
    gateway::Scope,
};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the gateway may take: with `--all` it asks every provider.
const ASK: Duration = Duration::from_secs(30);

/// Shows the models that the configuration names
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also every other model that the providers know
    #[arg(long)]
    all: bool,
    /// Only this provider's
    #[arg(long)]
    provider: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let params = json!({ "view": if args.all { "all" } else { "default" } });
    let answer = args
        .target
        .ask(env, &setting, Scope::Read, "models.list", params, ASK)?;
    let provider = args.provider.as_deref().map(provider_id);
    let wanted = |model: &&Value| provider.as_ref().is_none_or(|id| model["provider"] == **id);
    let models: Vec<_> = output::list(&answer["models"]).filter(wanted).collect();
    if args.json {
        return output::json(&json!({ "count": models.len(), "models": models }));
    }
    if models.is_empty() {
        anstream::println!("No models. `openclaw models list --all` shows what the providers know.");
        return Ok(());
    }
    let mut table = output::table(&["Model", "Input", "Ctx", "Auth", "Tags"]);
    for model in models {
        let mut tags: Vec<_> = output::list(&model["tags"]).map(output::text).collect();
        if let Some(alias) = model["alias"].as_str() {
            tags.push(format!("alias:{alias}"));
        }
        let inputs: Vec<_> = output::list(&model["input"]).map(output::text).collect();
        table.add_row([
            format!(
                "{}/{}",
                output::text(&model["provider"]),
                output::text(&model["id"])
            ),
            inputs.join("+"),
            output::tokens(model["contextWindow"].as_u64().unwrap_or(0)),
            auth(model).to_owned(),
            tags.join(","),
        ]);
    }
    anstream::println!("{table}");
    Ok(())
}

fn auth(model: &Value) -> &str {
    match model["unavailableReason"].as_str() {
        None => "yes",
        Some("cooldown") => "resting",
        Some(_) => "no",
    }
}
