//! `openclaw onboard`: from nothing to a bot that answers. `openclaw configure` asks the same things one by one.
//!
//! It knows no vendor and no messenger: plugins say what there is, and whether it works. Invariant: until every answer is
//! there and was found to work, nothing is written; then the configuration is changed where something was answered.
pub(super) mod answers;
pub(super) mod args;
mod ask;
mod check;
pub(super) mod given;
pub(super) mod offers;
pub(super) mod prompt;
mod report;
pub(super) mod session;

use super::{Failure, gateway, output};
use crate::config::Env;
use answers::Answers;
use args::{Elsewhere, Flags, Flow, Mode};
use given::Parts;
use openclaw_plugin_api::ErrorKind;
use report::Findings;
use serde_json::json;
use session::Session;
use std::{fs, process::Command};

/// What everybody should know before there is an agent on the machine.
const RISK: &str = "\
An agent does what it is told, and not only you can tell it something: whatever it reads (messages, mails, web pages) can
try to. It acts with the rights of this user as far as its tools reach. So: let nobody in whom you don't know, give it no
tools that it doesn't need, and keep what is precious out of its reach. `openclaw plugins list` shows what it has.";

/// Sets up model, chats and gateway: asks what is not known yet, tries it out, and writes it
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    flags: Flags,
    /// I have read what can go wrong (SECURITY.md); needed with --non-interactive
    #[arg(long)]
    accept_risk: bool,
    /// How much is asked
    #[arg(long, value_enum)]
    flow: Option<Flow>,
    #[command(flatten)]
    _elsewhere: Elsewhere,
}

/// What a run of `onboard` or `configure` is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// The parts that are looked at.
    pub(super) parts: Parts,
    /// The parts that are asked about though they are configured.
    pub(super) again: bool,
    /// The service is one of them.
    pub(super) service: bool,
}

/// Runs `onboard`.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    told(args.flags.json, onboard(args, env))
}

/// With `--json` an error is an object too.
pub(super) fn told(as_json: bool, outcome: Result<(), Failure>) -> Result<(), Failure> {
    let Err(failure) = outcome else {
        return Ok(());
    };
    let text = failure.to_string();
    if !as_json || text.is_empty() {
        return Err(failure);
    }
    output::json(&json!({ "ok": false, "error": text }))?;
    Err(failure.quiet())
}

fn onboard(args: &Args, env: &Env) -> Result<(), Failure> {
    let flags = &args.flags;
    if flags.non_interactive && !args.accept_risk {
        return Err(Failure::usage(format_args!(
            "--non-interactive needs --accept-risk, which says that you know this:\n{RISK}"
        )));
    }
    if !flags.non_interactive && !prompt::is_possible() {
        return Err(Failure::usage(
            "there is no terminal to ask in; give --non-interactive --accept-risk and the answers as flags",
        ));
    }
    let session = Session::open(env, flags.secret_input_mode.unwrap_or_default())?;
    let is_first = !session.setting.configured;
    let mut is_quick = args.flow != Some(Flow::Advanced);
    if !flags.non_interactive && is_first {
        if !args.accept_risk {
            prompt::say(RISK);
            if !prompt::confirm("Go on?", false, "")? {
                return Err(prompt::stopped());
            }
        }
        if args.flow.is_none() {
            let rows = ["model and chats; the rest is as usual", "everything"];
            is_quick = prompt::choose("What do you want to decide?", &rows, 0)? == 0;
        }
    }
    let parts = Parts {
        model: true,
        workspace: flags.non_interactive || flags.workspace.is_some() || !is_quick,
        gateway: true,
        channels: !flags.skip_channels,
        plugins: flags.non_interactive || !flags.plugin.is_empty() || is_first || !is_quick,
    };
    let plan = Plan {
        parts,
        again: false,
        service: true,
    };
    set_up(&session, flags, plan, is_quick)
}

/// Finds the answers, tries them out, writes them, and says what comes next.
pub(super) fn set_up(
    session: &Session<'_>,
    flags: &Flags,
    plan: Plan,
    is_quick: bool,
) -> Result<(), Failure> {
    let mut findings = Findings::default();
    let answers = if flags.non_interactive || flags.mode == Some(Mode::Remote) {
        let mut answers = given::answers(session, flags, plan.parts)?;
        if !flags.no_check {
            try_out(session, &mut answers, &mut findings)?;
        }
        answers
    } else {
        asked(session, flags, plan, is_quick, &mut findings)?
    };
    complete(&answers)?;
    let service = plan.service && wants_service(session, flags)?;
    if !flags.non_interactive && !agreed(session, &answers)? {
        return Err(prompt::stopped());
    }
    let written = session.write(&answers)?;
    make_workspace(session, &answers)?;
    findings.service = service.then(|| make_service(session));
    report::show(session, &answers, &written, &findings, flags.json)
}

/// The answers of a person; what flags say is not asked.
fn asked(
    session: &Session<'_>,
    flags: &Flags,
    plan: Plan,
    is_quick: bool,
    findings: &mut Findings,
) -> Result<Answers, Failure> {
    let is_checked = !flags.no_check;
    let Parts {
        model,
        workspace,
        gateway,
        channels,
        plugins,
    } = plan.parts;
    let by_flags = Parts {
        model: model && given::names_a_model(session, flags),
        workspace: workspace && flags.workspace.is_some(),
        gateway: gateway && (is_quick || given::names_a_gateway(flags)),
        channels: channels && given::names_a_channel(session, flags),
        plugins: plugins && !flags.plugin.is_empty(),
    };
    let mut answers = given::answers(session, flags, by_flags)?;
    if is_checked {
        try_out(session, &mut answers, findings)?;
    }
    if model && !by_flags.model {
        match session.ready_model().filter(|_| !plan.again) {
            Some(model) => prompt::say(format_args!("{model} answers already.")),
            None => {
                answers.model = ask::model(session, is_checked)?;
                findings.model = is_checked && answers.model.is_some();
            }
        }
    }
    if channels && !by_flags.channels {
        match session.channel().filter(|_| !plan.again) {
            Some(channel) => prompt::say(format_args!("{channel} is set up already.")),
            None => answers.channels = ask::channels(session, plan.again, is_checked)?,
        }
    }
    if gateway && !by_flags.gateway {
        answers.gateway = ask::gateway(session)?;
    }
    if workspace && !by_flags.workspace {
        answers.workspace = ask::workspace(session)?;
    }
    if plugins && !by_flags.plugins {
        answers.plugins = ask::plugins(session)?;
    }
    Ok(answers)
}

/// Fails if something that was given does not work. Chooses the model that nobody has chosen.
fn try_out(session: &Session<'_>, answers: &mut Answers, findings: &mut Findings) -> Result<(), Failure> {
    if let Some(answer) = &mut answers.model {
        if answer.model.is_empty() {
            let models = check::models(session, answer)?;
            let models = models.map_err(|fault| refused(&answer.provider, &fault))?;
            let first = models.into_iter().next();
            answer.model = first.ok_or_else(|| {
                Failure::usage(format_args!(
                    "{} names no models; give one with --model",
                    answer.provider
                ))
            })?;
        }
        check::model(session, answer)?.map_err(|fault| refused(&answer.reference(), &fault))?;
        findings.model = true;
    }
    for answer in &answers.channels {
        let bot = check::channel(session, answer)?;
        let bot = bot.map_err(|fault| refused(&answer.channel, &fault))?;
        findings.bots.push((answer.channel.clone(), bot));
    }
    Ok(())
}

/// What to do about something that was tried out in vain.
fn refused(what: &str, fault: &check::Fault) -> Failure {
    let remedy = match fault.kind {
        ErrorKind::Auth | ErrorKind::Billing => "correct the key or token",
        ErrorKind::NotFound | ErrorKind::InvalidInput => {
            "choose another model with --model, or correct the address"
        }
        _ => "look at the connection, or write it all the same with --no-check",
    };
    Failure::new(format_args!(
        "{what} does not work: {fault}\nNothing was written; {remedy}."
    ))
}

/// Without trying it out nobody has chosen a model.
fn complete(answers: &Answers) -> Result<(), Failure> {
    match &answers.model {
        Some(answer) if answer.model.is_empty() => Err(Failure::usage(format_args!(
            "which model of {}? Give it with --model",
            answer.provider
        ))),
        _ => Ok(()),
    }
}

/// Shows what will change, without secrets.
fn agreed(session: &Session<'_>, answers: &Answers) -> Result<bool, Failure> {
    let changes = answers.changes(session.setting.config.value());
    if changes.is_empty() {
        return Ok(true);
    }
    let file = session.setting.paths.config_file.display();
    prompt::say(format_args!("This changes in {file}:"));
    for change in &changes {
        prompt::say(format_args!("  {change}"));
    }
    prompt::confirm("Write it?", true, "")
}

fn make_workspace(session: &Session<'_>, answers: &Answers) -> Result<(), Failure> {
    let Some(folder) = &answers.workspace else {
        return Ok(());
    };
    let folder = session.setting.paths.expand(folder);
    fs::create_dir_all(&folder).map_err(|e| Failure::io(format_args!("make {}", folder.display()), e))
}

fn wants_service(session: &Session<'_>, flags: &Flags) -> Result<bool, Failure> {
    if flags.install_daemon || flags.no_install_daemon || flags.non_interactive {
        return Ok(flags.install_daemon);
    }
    let manager = session
        .env
        .var("XDG_RUNTIME_DIR")
        .map(|folder| format!("{folder}/systemd"));
    let has_manager = manager.is_some_and(|folder| fs::exists(folder).unwrap_or(false));
    if !has_manager || gateway::has_service(session.env, &session.setting.paths) {
        return Ok(false);
    }
    prompt::confirm(
        "Shall the gateway run as a service of yours?",
        true,
        "`openclaw gateway uninstall` undoes it",
    )
}

/// By the command for it, which says what it did.
fn make_service(session: &Session<'_>) -> Result<(), String> {
    let output = Command::new(&session.setting.program)
        .args(["gateway", "install", "--json"])
        .output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.trim().trim_start_matches("error: ").to_owned())
}
