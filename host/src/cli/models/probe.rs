//! `openclaw models status --probe`: every model in use is asked for a word, with this machine's plugins and keys. A
//! running gateway is not disturbed, and nothing is kept of it.
use super::super::{Failure, output, setting::Setting, trial};
use crate::{
    app::trial::{Trial, TrialOptions},
    clock::Clock,
    config::{Env, SecretInput},
    models::Source,
    observe::redact,
    plugins::registry::refuse_clashes,
};
use openclaw_plugin_api::ErrorKind;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// What stands for a secret in a plugin's words.
const HIDDEN: &str = "…";

/// A model that is asked.
#[derive(Debug, PartialEq)]
struct Target {
    model: String,
    provider: String,
    plugin: String,
    auth: String,
}

/// How it went.
struct Outcome {
    status: &'static str,
    error: Option<String>,
    elapsed: Duration,
}

/// Asks the models in use of an answer of `models.authStatus`, or of one provider, each for so long.
pub(super) fn probe(
    answer: &Value,
    provider: Option<&str>,
    limit: Duration,
    env: &Env,
) -> Result<Value, Failure> {
    let targets = targets(answer, provider);
    let setting = Setting::read(env)?;
    let secrets = secrets(answer, &setting, env);
    let plugins: BTreeSet<_> = targets.iter().map(|target| target.plugin.as_str()).collect();
    let mut specs = refuse_clashes(setting.assembly.specs);
    specs.retain(|spec| spec.reason.is_on() && plugins.contains(spec.manifest.id.as_str()));
    for spec in &mut specs {
        spec.settings.accounts.clear();
        // it is for the gateway to insist on a plugin
        spec.settings.required = false;
    }
    let options = TrialOptions {
        specs,
        config: setting.config,
        paths: setting.paths,
        program: setting.program,
        env: env.clone(),
    };
    let clock = Clock::system();
    let begun_ms = clock.now_ms();
    let outcomes = trial::run(options, async |trial| {
        let mut outcomes = Vec::new();
        for target in &targets {
            outcomes.push(ask(trial, target, limit).await);
        }
        outcomes
    })?;
    let ended_ms = clock.now_ms();
    let results = targets
        .iter()
        .zip(&outcomes)
        .map(|(target, outcome)| told(target, outcome, &secrets));
    Ok(json!({
        "startedAt": begun_ms, "finishedAt": ended_ms, "durationMs": ended_ms.saturating_sub(begun_ms),
        "totalTargets": targets.len(), "results": results.collect::<Vec<_>>(),
        "options": { "provider": provider, "timeoutMs": u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) },
    }))
}

fn targets(answer: &Value, only: Option<&str>) -> Vec<Target> {
    let only = only.map(crate::config::provider_id);
    let rows: Vec<_> = output::list(&answer["providers"]).collect();
    let used = output::list(&answer["auth"]["modelsInUse"]).filter_map(Value::as_str);
    let targets = used.filter_map(|model| {
        let (provider, _) = model.split_once('/')?;
        let row = rows.iter().find(|row| row["provider"] == *provider)?;
        let wanted = only.as_ref().is_none_or(|only| only == provider);
        wanted.then(|| Target {
            model: model.to_owned(),
            provider: provider.to_owned(),
            plugin: output::text(&row["plugin"]),
            auth: output::text(&row["auth"]),
        })
    });
    targets.collect()
}

async fn ask(trial: &Trial, target: &Target, limit: Duration) -> Outcome {
    let source = match target.auth.as_str() {
        "profile" => Source::Profile,
        "config" => Source::Config,
        "env" => Source::Environment,
        _ => Source::None,
    };
    let begun = Instant::now();
    let failures = trial.failures();
    let failed = failures.into_iter().find(|(id, _)| *id == target.plugin);
    let (status, error) = match failed {
        Some((id, why)) => ("unknown", Some(format!("plugin {id} does not start: {why}"))),
        None => match tokio::time::timeout(limit, trial.ask(&target.model, source)).await {
            Ok(Ok(())) => ("ok", None),
            Ok(Err(error)) => (status(error.kind()), Some(error.message().to_owned())),
            Err(_) => {
                let text = format!("no answer within {} ms", limit.as_millis());
                ("timeout", Some(text))
            }
        },
    };
    Outcome {
        status,
        error,
        elapsed: begun.elapsed(),
    }
}

fn status(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Auth => "auth",
        ErrorKind::Billing => "billing",
        ErrorKind::RateLimited | ErrorKind::Overloaded => "rate_limit",
        ErrorKind::Timeout => "timeout",
        ErrorKind::InvalidInput | ErrorKind::Rejected => "format",
        ErrorKind::NotFound => "no_model",
        _ => "unknown",
    }
}

fn told(target: &Target, outcome: &Outcome, secrets: &[String]) -> Value {
    let mut told = json!({
        "provider": target.provider, "model": target.model, "source": target.auth, "status": outcome.status,
        "latencyMs": u64::try_from(outcome.elapsed.as_millis()).unwrap_or(u64::MAX),
    });
    if let Some(error) = &outcome.error {
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), HIDDEN);
        told["error"] = json!(redact(&secrets.iter().fold(error.clone(), hide)));
    }
    told
}

/// The keys that a plugin's words may not show.
fn secrets(answer: &Value, setting: &Setting, env: &Env) -> Vec<String> {
    let providers = setting.config.models.providers.values();
    let written = providers.filter_map(|provider| provider.api_key.as_ref().and_then(SecretInput::secret));
    let written = written.map(|secret| secret.expose().to_owned());
    let variables = output::list(&answer["providers"]).flat_map(|row| output::list(&row["variables"]));
    let set = variables.filter_map(|name| env.var(name.as_str()?).map(str::to_owned));
    written.chain(set).filter(|secret| !secret.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_in_use_are_asked_once_each() {
        let answer = json!({
            "auth": { "modelsInUse": ["v/m", "w/x/y"] },
            "providers": [
                { "provider": "v", "plugin": "pv", "auth": "env" }, { "provider": "w", "plugin": "", "auth": "unserved" },
            ],
        });
        let models = |only| {
            let targets = targets(&answer, only);
            targets.into_iter().map(|target| target.model).collect::<Vec<_>>()
        };
        assert_eq!(models(None), ["v/m", "w/x/y"]);
        assert_eq!(models(Some("W")), ["w/x/y"]);
        assert_eq!(models(Some("nobody")), Vec::<String>::new());
    }

    #[test]
    fn no_key_stands_in_what_is_told() {
        let target = Target {
            model: "v/m".into(),
            provider: "v".into(),
            plugin: "pv".into(),
            auth: "config".into(),
        };
        let mut outcome = Outcome {
            status: status(ErrorKind::Auth),
            error: Some("wrong key hunter2".into()),
            elapsed: Duration::from_millis(5),
        };
        let secrets = ["hunter2".to_owned()];
        let expected = json!({
            "provider": "v", "model": "v/m", "source": "config", "status": "auth", "latencyMs": 5,
            "error": "wrong key …",
        });
        assert_eq!(told(&target, &outcome, &secrets), expected);
        outcome.error = None;
        assert!(told(&target, &outcome, &secrets)["error"].is_null());
    }
}
