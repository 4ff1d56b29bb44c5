//! `openclaw plugins list`: what there is, what is on, and why. From the files alone: nothing of a plugin runs.
use super::super::{Failure, output, setting::Setting};
use crate::plugins::plugin::Spec;
use anstyle::AnsiColor;
use serde_json::{Value, json};

/// Lists plugins: state, reason, version, capabilities, source.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Show everything that each plugin registers, and its file
    #[arg(long, short)]
    verbose: bool,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting) -> Result<(), Failure> {
    let assembly = &setting.assembly;
    if args.json {
        return output::json(&json!({
            "plugins": assembly.specs.iter().map(record).collect::<Vec<_>>(),
            "problems": assembly.problems,
            "absent": assembly.absent.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "folders": setting.found.folders,
        }));
    }
    let on = assembly.specs.iter().filter(|spec| spec.reason.is_on()).count();
    anstream::println!("Plugins ({on}/{} enabled)\n", assembly.specs.len());
    let mut table = output::table(&["ID", "VERSION", "STATE", "CAPABILITIES", "RUNS", "REASON"]);
    for spec in &assembly.specs {
        let state = if spec.reason.is_on() {
            "enabled"
        } else {
            "disabled"
        };
        table.add_row([
            spec.manifest.id.clone(),
            spec.manifest.version.clone(),
            state.to_owned(),
            spec.manifest.capabilities().join(" "),
            isolation(spec).to_owned(),
            spec.reason.to_string(),
        ]);
        if args.verbose {
            for (kind, id) in spec.manifest.declared() {
                table.add_row(["", "", "", &format!("{kind} {id}")]);
            }
            table.add_row(["", "", "", &spec.path.display().to_string()]);
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

fn isolation(spec: &Spec) -> &'static str {
    match spec.settings.isolation {
        crate::plugins::settings::Isolation::None => "in-process",
        crate::plugins::settings::Isolation::Process => "own process",
    }
}

fn record(spec: &Spec) -> Value {
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
    })
}
