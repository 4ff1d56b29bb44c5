//! `openclaw doctor`: what is wrong here, why, what mends it; with `--fix` it mends what needs no decision.
//!
//! The checks are in `checkup`; here facts are gathered and mends carried out. Nothing of a plugin runs. Exit code 1 if
//! something is critical.
pub(super) mod gather;
mod listener;
mod machine;
pub(super) mod mend;
mod reach;

use super::{Failure, connect::Target, findings, output};
use crate::{
    checkup::{self, Finding, Severity, Summary},
    config::Env,
};
use gather::Gathered;
use mend::Mended;
use serde_json::json;

/// Looks for whatever is wrong with this installation, and says what to do
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 0 if nothing is critical, else 1. `openclaw security audit` looks at who can reach the gateway and what they \
could do.")]
pub struct Args {
    /// Mend what can be mended without a decision: permissions, older forms of the configuration (its old content stays
    /// in openclaw.json.bak), a restore that was broken off
    #[arg(long, visible_alias = "repair")]
    fix: bool,
    /// Ask nothing
    #[arg(long)]
    non_interactive: bool,
    /// Mend without asking first
    #[arg(long, short)]
    yes: bool,
    /// Look closer: every index of the database, and ask each platform by the running gateway
    #[arg(long)]
    deep: bool,
    /// Show remarks too
    #[arg(long, short)]
    verbose: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let mut found = examine(args, env)?;
    let mut mended = None;
    if args.fix {
        let silent = args.yes || args.non_interactive || args.json;
        let done = mend::all(&found, env, silent)?;
        if done.iter().any(|mended| mended.error.is_none()) {
            found = examine(args, env)?;
        }
        mended = Some(done);
    }
    let summary = Summary::of(&found);
    if args.json {
        let mut answer = json!({
            "ok": summary.critical == 0, "ts": crate::clock::Clock::system().now_ms(), "summary": summary,
            "findings": found,
        });
        if let Some(mended) = &mended {
            answer["fix"] = Mended::json(mended);
        }
        output::json(&answer)?;
    } else {
        mended.iter().flatten().for_each(Mended::say);
        findings::show("OpenClaw doctor", &found, args.verbose);
    }
    match summary.critical {
        0 => Ok(()),
        _ => Err(Failure::silent()),
    }
}

/// All findings, the worst first.
fn examine(args: &Args, env: &Env) -> Result<Vec<Finding>, Failure> {
    let gathered = Gathered::new(env)?;
    let plugins = gathered.plugins();
    let mut found = checkup::config(&gathered.facts);
    found.extend(gathered.state_dir());
    found.extend(checkup::files(&gathered.ground.files));
    found.extend(checkup::synced(&gathered.setting.paths.state_dir));
    found.extend(checkup::database(&machine::database(
        &gathered.setting.paths,
        args.deep,
    )));
    found.extend(checkup::reach(&reach::facts(
        &args.target,
        env,
        &gathered,
        args.deep,
    )));
    found.extend(reach::port_fault(env, &gathered));
    let machine = machine::machine(env, &gathered);
    found.extend(checkup::machine(&machine));
    // the door is the audit's; here stands what keeps the gateway from starting
    let door = checkup::exposure(&gathered.ground).into_iter();
    let starts = |finding: &Finding| {
        finding.severity == Severity::Critical && KEEP_FROM_STARTING.contains(&finding.id.as_str())
    };
    found.extend(door.filter(|finding| starts(finding) || finding.id.ends_with("_too_short")));
    let broken = checkup::extensions(&plugins, gathered.ground.value()).into_iter();
    found.extend(broken.filter(|finding| finding.id == "plugins.fault"));
    found.extend(gathered.absent_plugins());
    checkup::sort(&mut found);
    Ok(found)
}

/// Findings about the door that the gateway does not start with.
const KEEP_FROM_STARTING: [&str; 5] = [
    "gateway.bind_no_auth",
    "gateway.token_placeholder",
    "gateway.password_placeholder",
    "gateway.trusted_proxy_no_proxies",
    "gateway.trusted_proxy_no_user_header",
];
