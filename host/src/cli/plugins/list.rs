//! `openclaw plugins list`: what there is, what is on, and why, from the files: nothing of a plugin runs for it. Where
//! a gateway of this user runs, also how each is doing there.
use super::super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope, plugins::plugin::Spec};
use anstyle::AnsiColor;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a gateway may take to answer; without its answer the list is as good, only not live.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lists plugins: state, reason, version, capabilities, source.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Show everything that each plugin registers, and its file
    #[arg(long, short)]
    verbose: bool,
    /// Only those that are on
    #[arg(long)]
    enabled: bool,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, env: &Env) -> Result<(), Failure> {
    let live = Live::ask(setting, env);
    let assembly = &setting.assembly;
    let shown = || {
        let all = assembly.specs.iter();
        all.filter(|spec| !args.enabled || spec.reason.is_on())
    };
    if args.json {
        return output::json(&json!({
            "plugins": shown().map(|spec| record(spec, &live)).collect::<Vec<_>>(),
            "gateway": if live.0.is_some() { "running" } else { "unreachable" },
            "problems": assembly.problems,
            "absent": assembly.absent.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "folders": setting.found.folders,
        }));
    }
    let on = assembly.specs.iter().filter(|spec| spec.reason.is_on()).count();
    anstream::println!("Plugins ({on}/{} enabled)\n", assembly.specs.len());
    let mut table = output::table(&["ID", "VERSION", "STATE", "NOW", "CAPABILITIES", "RUNS", "REASON"]);
    for spec in shown() {
        let state = if spec.reason.is_on() {
            "enabled"
        } else {
            "disabled"
        };
        table.add_row([
            spec.manifest.id.clone(),
            spec.manifest.version.clone(),
            state.to_owned(),
            live.word(&spec.manifest.id),
            spec.manifest.capabilities().join(" "),
            isolation(spec).to_owned(),
            spec.reason.to_string(),
        ]);
        if args.verbose {
            for (kind, id) in spec.manifest.declared() {
                table.add_row(["", "", "", "", &format!("{kind} {id}")]);
            }
            table.add_row(["", "", "", "", &spec.path.display().to_string()]);
        }
    }
    if assembly.specs.is_empty() {
        let folders: Vec<_> = setting
            .found
            .folders
            .iter()
            .map(|f| format!("  {}", f.display()))
            .collect();
        anstream::println!("No plugin found. Looked in:\n{}", folders.join("\n"));
    } else {
        anstream::println!("{table}");
    }
    for problem in assembly
        .problems
        .iter()
        .cloned()
        .chain(assembly.absent.iter().map(ToString::to_string))
    {
        anstream::println!("\n{} {problem}", output::coloured("problem:", AnsiColor::Yellow));
    }
    Ok(())
}

/// The plugins of the running gateway, if one answers.
struct Live(Option<Value>);

impl Live {
    fn ask(setting: &Setting, env: &Env) -> Self {
        let answer = Target::default().ask(env, setting, Scope::Read, "plugins.list", json!({}), PATIENCE);
        Self(answer.ok())
    }

    fn of(&self, id: &str) -> Option<&Value> {
        self.0.as_ref()?["plugins"]
            .as_array()?
            .iter()
            .find(|plugin| plugin["id"] == id)
    }

    /// `loaded in 6.5 ms`, `quarantined`, or a dash where no gateway answers.
    fn word(&self, id: &str) -> String {
        let Some(plugin) = self.of(id) else {
            return "–".to_owned();
        };
        let status = plugin["status"].as_str().unwrap_or_default();
        match plugin["loadMs"].as_f64() {
            Some(ms) => format!("{status} in {ms} ms"),
            None => status.to_owned(),
        }
    }
}

fn isolation(spec: &Spec) -> &'static str {
    match spec.settings.isolation {
        crate::plugins::settings::Isolation::None => "in-process",
        crate::plugins::settings::Isolation::Process => "own process",
    }
}

fn record(spec: &Spec, live: &Live) -> Value {
    let manifest = &spec.manifest;
    json!({
        "id": manifest.id, "name": manifest.name, "description": manifest.description, "version": manifest.version,
        "enabled": spec.reason.is_on(), "reason": spec.reason.to_string(),
        "origin": spec.origin, "source": spec.path, "isolation": spec.settings.isolation,
        "required": spec.settings.required, "capabilities": manifest.capabilities(),
        "channels": manifest.channels, "providers": manifest.providers, "tools": manifest.tools,
        "speech": manifest.speech, "routes": manifest.routes, "methods": manifest.methods,
        "commands": manifest.commands, "services": manifest.services,
        "apiVersion": manifest.api_version, "configSchema": manifest.config_schema.is_some(),
        "live": live.of(&manifest.id),
    })
}
