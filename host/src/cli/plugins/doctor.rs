//! `openclaw plugins doctor`: what is wrong with the plugins, and what mends it. Nothing of a plugin runs.
use super::super::{Failure, output, setting::Setting};
use crate::plugins::{manifest, plugin::Spec, schema, settings::Isolation, stage};
use anstyle::AnsiColor;
use serde::Serialize;
use serde_json::json;

/// Looks for whatever keeps plugins from loading, and says what to do.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Something that was found.
#[derive(Debug, Serialize)]
struct Finding {
    /// Plugin id; empty if it concerns none.
    plugin: String,
    /// `error`: it keeps something from working. `warning`: it may.
    severity: &'static str,
    /// What, why, and what to do.
    text: String,
}

/// Runs the command. Fails if anything is an error.
pub fn run(args: &Args, setting: &Setting) -> Result<(), Failure> {
    let findings = examine(setting);
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == "error")
        .count();
    if args.json {
        output::json(&json!({ "ok": errors == 0, "findings": findings }))?;
    } else {
        print(&findings, setting.assembly.specs.len());
    }
    if errors == 0 {
        Ok(())
    } else {
        Err(Failure::silent())
    }
}

fn examine(setting: &Setting) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |plugin: &str, severity, text: String| {
        findings.push(Finding {
            plugin: plugin.to_owned(),
            severity,
            text,
        });
    };
    for problem in &setting.assembly.problems {
        add("", "error", problem.clone());
    }
    for absent in &setting.assembly.absent {
        add("", "error", absent.to_string());
    }
    for spec in &setting.assembly.specs {
        let id = spec.manifest.id.as_str();
        for text in faults(spec) {
            // What is off can't hurt, but it would if it were switched on.
            add(id, if spec.reason.is_on() { "error" } else { "warning" }, text);
        }
        for text in doubts(spec) {
            add(id, "warning", text);
        }
    }
    findings
}

/// What keeps a plugin from loading.
pub(in crate::cli) fn faults(spec: &Spec) -> Vec<String> {
    let mut faults = Vec::new();
    let isolated = spec.settings.isolation == Isolation::Process;
    match manifest::read(&spec.path) {
        Err(error) => faults.push(error.to_string()),
        Ok(library) => faults.extend(
            manifest::check_host(&library, isolated)
                .err()
                .map(|e| e.to_string()),
        ),
    }
    let judged = stage::judge(&spec.manifest.id, &spec.path, &spec.settings.integrity);
    faults.extend(judged.err().map(|e| e.to_string()));
    faults.extend(schema::check_config(&spec.manifest, &spec.settings.config).err());
    for (channel, account) in &spec.settings.accounts {
        let path = format!("channels.{channel}");
        if let Some(wanted) = spec.manifest.channel_schemas.get(channel) {
            faults.extend(schema::check(wanted, &account.config, &path).err());
        }
    }
    faults
}

fn doubts(spec: &Spec) -> Vec<String> {
    let mut doubts = Vec::new();
    let id = &spec.manifest.id;
    let configured = spec
        .settings
        .config
        .as_object()
        .is_some_and(|config| !config.is_empty());
    if !spec.reason.is_on() && configured {
        doubts.push(format!(
            "plugins.entries.{id} has a config, but the plugin is off: {}",
            spec.reason
        ));
    }
    let ours = spec.origin == crate::plugins::discover::Origin::Bundled;
    if spec.reason.is_on() && !ours && spec.settings.isolation == Isolation::None {
        doubts.push(format!(
            "it comes from elsewhere and runs in the gateway's process; \
             set plugins.entries.{id}.isolation to \"process\" unless you trust its author with everything"
        ));
    }
    if spec.reason.is_on()
        && !ours
        && spec.settings.integrity.sha256.is_none()
        && spec.settings.integrity.public_key.is_none()
    {
        doubts.push(format!(
            "its file is not pinned; set plugins.entries.{id}.integrity.sha256"
        ));
    }
    doubts
}

fn print(findings: &[Finding], plugins: usize) {
    if findings.is_empty() {
        anstream::println!("No problem with {plugins} plugins.");
    }
    for finding in findings {
        let colour = if finding.severity == "error" {
            AnsiColor::Red
        } else {
            AnsiColor::Yellow
        };
        let subject = if finding.plugin.is_empty() {
            String::new()
        } else {
            format!("{}: ", finding.plugin)
        };
        anstream::println!(
            "{} {subject}{}",
            output::coloured(finding.severity, colour),
            finding.text
        );
    }
}
