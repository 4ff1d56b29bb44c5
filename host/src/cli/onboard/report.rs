//! What was done and what comes next, for people and for programs. No secret is in it.
use super::{
    answers::{Answers, Given, word_of},
    given::{CUSTOM, SKIP},
    offers::BY_KEY,
    session::{Session, Written},
};
use crate::{
    cli::{Failure, connect::Target, dashboard, output, setting::Setting, vault},
    config::{AuthMethod, BindMode, GatewayMode},
    gateway::Scope,
};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a gateway that runs may take to say so.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found out on the way.
#[derive(Debug, Default)]
pub(in crate::cli) struct Findings {
    /// The model answered.
    pub(in crate::cli) model: bool,
    /// Who the bots are, by channel.
    pub(in crate::cli) bots: Vec<(String, String)>,
    /// What became of the service; None: nobody wanted one.
    pub(in crate::cli) service: Option<Result<(), String>>,
}

/// All of it. The configuration is read once more, because it is what counts.
pub(in crate::cli) fn show(
    session: &Session<'_>,
    answers: &Answers,
    written: &Written,
    findings: &Findings,
    as_json: bool,
) -> Result<(), Failure> {
    let setting = Setting::look(session.env)?;
    let report = report(session, &setting, answers, written, findings)?;
    if as_json {
        output::json(&report)?;
    } else {
        print(&report, findings);
    }
    match &findings.service {
        Some(Err(_)) if as_json => Err(Failure::silent()),
        Some(Err(why)) => Err(Failure::new(format_args!(
            "everything is written, and the service could not be made: {why}"
        ))),
        _ => Ok(()),
    }
}

fn report(
    session: &Session<'_>,
    setting: &Setting,
    answers: &Answers,
    written: &Written,
    findings: &Findings,
) -> Result<Value, Failure> {
    let config = &setting.config;
    let agents = config.agents();
    let agent = agents.default_agent();
    let is_remote = config.gateway.mode == Some(GatewayMode::Remote);
    let port = config.gateway.port();
    let url = dashboard::page(&format!("ws://127.0.0.1:{port}"), config)?;
    let read = Setting::for_client(session.env);
    let running = read.as_ref().is_ok_and(|setting| runs(session, setting));
    let channels: Vec<_> = answers
        .channels
        .iter()
        .map(|answer| {
            let bot = findings
                .bots
                .iter()
                .find(|(channel, _)| *channel == answer.channel);
            json!({ "channel": answer.channel, "checked": bot.is_some(), "bot": bot.map(|(_, name)| name) })
        })
        .collect();
    let secrets = written.secrets.then(|| setting.paths.state_dir.join(vault::FILE));
    let service = findings.service.as_ref();
    Ok(json!({
        "ok": !matches!(service, Some(Err(_))),
        "mode": if is_remote { "remote" } else { "local" },
        "configPath": setting.paths.config_file,
        "changed": written.changed,
        "secretsPath": secrets,
        "workspace": agent.workspace(&setting.paths),
        "authChoice": choice(answers),
        "model": agent.model.primary,
        "modelChecked": findings.model,
        "gateway": {
            "port": port,
            "bind": word_of(config.gateway.bind.unwrap_or(BindMode::Loopback)),
            "authMode": auth_mode(setting),
            "tailscaleMode": "off",
            "running": running,
        },
        "channels": channels,
        "plugins": answers.plugins,
        "environment": variables(answers),
        "installDaemon": matches!(service, Some(Ok(()))),
        "problem": service.and_then(|service| service.as_ref().err()),
        "dashboard": url,
        "next": next(answers, setting, running, &url),
    }))
}

fn runs(session: &Session<'_>, setting: &Setting) -> bool {
    let asked = Target::default().ask(session.env, setting, Scope::Read, "health", json!({}), PATIENCE);
    asked.is_ok()
}

/// How a script would write who answers.
fn choice(answers: &Answers) -> String {
    match &answers.model {
        None => SKIP.to_owned(),
        Some(answer) if answer.service.is_some() => CUSTOM.to_owned(),
        Some(answer) if answer.key.is_none() => answer.provider.clone(),
        Some(answer) => format!("{}{BY_KEY}", answer.provider),
    }
}

fn auth_mode(setting: &Setting) -> &'static str {
    match setting.config.gateway.auth.mode {
        Some(AuthMethod::None) => "none",
        Some(AuthMethod::Password) => "password",
        Some(AuthMethod::TrustedProxy) => "trusted-proxy",
        Some(AuthMethod::Token) | None => "token",
    }
}

/// Variables that the gateway needs in its environment.
fn variables(answers: &Answers) -> Vec<&str> {
    let keys = answers.model.iter().filter_map(|answer| answer.key.as_ref());
    let tokens = answers
        .channels
        .iter()
        .filter_map(|answer| answer.token.as_ref().map(|(_, given)| given));
    let own = answers.gateway.auth.iter().map(|(_, given)| given);
    keys.chain(tokens)
        .chain(own)
        .filter_map(|given| match given {
            Given::Environment(name) | Given::Variable(name) => Some(name.as_str()),
            Given::Text(_) => None,
        })
        .collect()
}

fn next(answers: &Answers, setting: &Setting, running: bool, url: &str) -> Vec<String> {
    let mut steps = Vec::new();
    if setting.config.gateway.mode == Some(GatewayMode::Remote) {
        steps.push("`openclaw status` asks the gateway elsewhere how it is doing".to_owned());
        return steps;
    }
    let names = variables(answers);
    if !names.is_empty() {
        let file = setting.paths.state_dir.join("gateway.env");
        steps.push(format!(
            "{} has to be in the environment of the gateway; for a service, in {}",
            names.join(", "),
            file.display()
        ));
    }
    if !running {
        steps.push("`openclaw gateway` starts it; `openclaw gateway install` makes it a service".to_owned());
    } else if answers.gateway.port.is_some()
        || answers.gateway.bind.is_some()
        || answers.gateway.auth.is_some()
    {
        steps.push(
            "the gateway runs; where it listens and who gets in changes when it is started again".to_owned(),
        );
    }
    steps.push("`openclaw tui` chats here, `openclaw agent --message hello` says one thing".to_owned());
    for answer in &answers.channels {
        let channel = &answer.channel;
        steps.push(format!(
            "write to your bot on {channel}; it answers with a code: `openclaw pairing approve {channel} <code>` lets you in"
        ));
    }
    steps.push(format!("`openclaw dashboard` opens {url} and signs you in"));
    steps
}

fn print(report: &Value, findings: &Findings) {
    let file = output::text(&report["configPath"]);
    match report["changed"] == true {
        true => anstream::println!("Updated {file}"),
        false => anstream::println!("{file} says all of it already."),
    }
    if let Some(secrets) = report["secretsPath"].as_str() {
        anstream::println!("Secrets are in {secrets}, which only you can read.");
    }
    let model = output::text(&report["model"]);
    if !model.is_empty() {
        let checked = if findings.model { " (it answers)" } else { "" };
        anstream::println!("Model      {model}{checked}");
    }
    anstream::println!("Workspace  {}", output::text(&report["workspace"]));
    for (channel, bot) in &findings.bots {
        anstream::println!("Chats      {channel}: {bot}");
    }
    if report["installDaemon"] == true {
        anstream::println!("Service    installed and started");
    }
    anstream::println!("\nWhat comes next:");
    for step in output::list(&report["next"]) {
        anstream::println!("  {}", step.as_str().unwrap_or_default());
    }
}
