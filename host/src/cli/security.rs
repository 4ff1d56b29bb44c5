//! `openclaw security audit`: who can reach the gateway and make agents do things, and what `--fix` can close safely.
//!
//! It looks at files only; with `--deep` it also asks the gateway. What it changes is stricter than before and needs no
//! decision: permissions, group policies, what the log hides. It changes no secret, no address and no tool.
use super::{
    Failure,
    connect::Target,
    doctor::{
        gather::Gathered,
        mend::{self, Mended},
    },
    findings, output,
    setting::Setting,
};
use crate::{
    checkup::{self, Finding, Summary},
    clock::Clock,
    config::Env,
    gateway::Scope,
};
use clap::Subcommand;
use serde_json::json;
use std::time::Duration;

/// How long the gateway may take.
const ASK: Duration = Duration::from_secs(5);

/// Looks at who can reach the gateway and what they could do
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Audit(Audit),
}

/// Judges who can reach the gateway, who may write to agents, and what strangers could make them do
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 1 if something is critical.")]
struct Audit {
    /// Also ask the gateway
    #[arg(long)]
    deep: bool,
    /// Close what can be closed safely: permissions of files, open group policies (to allowlist), logging.redactSensitive
    #[arg(long)]
    fix: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let Command::Audit(args) = &args.command;
    let mut found = audit(args, env)?;
    let mut mended = None;
    if args.fix {
        mended = Some(mend::all(&found, env, true)?);
        found = audit(args, env)?;
    }
    let summary = Summary::of(&found);
    if args.json {
        let report = json!({"ts": Clock::system().now_ms(), "summary": summary, "findings": found});
        output::json(&match &mended {
            Some(mended) => json!({"fix": Mended::json(mended), "report": report}),
            None => report,
        })?;
    } else {
        mended.iter().flatten().for_each(Mended::say);
        findings::show("OpenClaw security audit", &found, true);
    }
    match summary.critical {
        0 => Ok(()),
        _ => Err(Failure::silent()),
    }
}

fn audit(args: &Audit, env: &Env) -> Result<Vec<Finding>, Failure> {
    let mut found = findings_of(env)?;
    if args.deep {
        let asked = Setting::for_client(env).and_then(|setting| {
            args.target
                .ask(env, &setting, Scope::Read, "status", json!({}), ASK)
        });
        if let Err(why) = asked {
            found.push(
                Finding::warn("gateway.probe_failed", "the gateway could not be asked")
                    .because(why.to_string())
                    .remedy("openclaw gateway probe"),
            );
        }
    }
    checkup::sort(&mut found);
    Ok(found)
}

/// What the audit finds in files.
pub(super) fn findings_of(env: &Env) -> Result<Vec<Finding>, Failure> {
    let gathered = Gathered::new(env)?;
    let mut found = checkup::audit(&gathered.ground, &gathered.plugins());
    found.extend(checkup::synced(&gathered.setting.paths.state_dir));
    if let Some(why) = &gathered.facts.unreadable {
        found.push(
            Finding::critical(
                "config.unreadable",
                "the configuration can't be read, so most of it was not judged",
            )
            .because(why)
            .remedy("openclaw doctor"),
        );
    } else if !gathered.facts.faults.is_empty() {
        found.push(
            Finding::warn(
                "config.invalid",
                "the configuration has faults, so it was judged as far as it goes",
            )
            .because(format!("{} of them", gathered.facts.faults.len()))
            .remedy("openclaw doctor"),
        );
    }
    Ok(found)
}
