//! Finds out whether what was answered works: the plugins that it concerns are started by themselves and asked.
//!
//! Nothing is written, and nothing that comes in meanwhile is taken. Texts of plugins are shown without the secrets that
//! were given.
use super::{
    answers::{Answers, ChannelAnswer, Given, ModelAnswer},
    session::Session,
};
use crate::{
    app::trial::{Trial, TrialOptions},
    cli::{Failure, setting::Setting, trial},
    models::Source,
    plugins::plugin::Spec,
};
use openclaw_plugin_api::{Error, ErrorKind};
use std::fmt;

/// Stands for a model that nobody has chosen yet.
const ANY: &str = "any";
/// Models that a person can look through.
const MAX_SHOWN: usize = 200;
/// Where a messenger's bot is, unless the operator named it.
const DEFAULT_ACCOUNT: &str = "default";

/// Why something does not work.
#[derive(Debug)]
pub(in crate::cli) struct Fault {
    /// What kind of error it is.
    pub(in crate::cli) kind: ErrorKind,
    text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The models of a provider, as its plugin knows them with this key; the first one is its own choice.
pub(in crate::cli) fn models(
    session: &Session<'_>,
    answer: &ModelAnswer,
) -> Result<Result<Vec<String>, Fault>, Failure> {
    let answers = Answers {
        model: Some(ModelAnswer {
            model: ANY.to_owned(),
            ..answer.clone()
        }),
        ..Answers::default()
    };
    with_trial(session, &answers, async |trial| {
        trial.models(&answer.provider).await.map(|models| {
            let ids = models.into_iter().map(|model| model.id);
            ids.filter(|id| id != ANY).take(MAX_SHOWN).collect()
        })
    })
}

/// Asks the model for a word.
pub(in crate::cli) fn model(
    session: &Session<'_>,
    answer: &ModelAnswer,
) -> Result<Result<(), Fault>, Failure> {
    let answers = Answers {
        model: Some(answer.clone()),
        ..Answers::default()
    };
    let from = match &answer.key {
        Some(Given::Text(_) | Given::Variable(_)) => Source::Config,
        Some(Given::Environment(_)) | None => Source::Environment,
    };
    with_trial(session, &answers, async |trial| {
        trial.ask(&answer.reference(), from).await
    })
}

/// Asks the messenger who the bot is.
pub(in crate::cli) fn channel(
    session: &Session<'_>,
    answer: &ChannelAnswer,
) -> Result<Result<String, Fault>, Failure> {
    let answers = Answers {
        channels: vec![answer.clone()],
        ..Answers::default()
    };
    with_trial(session, &answers, async |trial| {
        let status = trial.probe(&answer.channel, DEFAULT_ACCOUNT).await?;
        Ok(status.identity.chars().filter(|c| !c.is_control()).collect())
    })
}

/// Starts what the answers concern, in a configuration as they would make it.
fn with_trial<T>(
    session: &Session<'_>,
    answers: &Answers,
    work: impl AsyncFnOnce(&Trial) -> openclaw_plugin_api::Result<T>,
) -> Result<Result<T, Fault>, Failure> {
    let config = session.candidate(answers)?;
    let mut setting = Setting::of(config, session.env)?;
    let specs = &mut setting.assembly.specs;
    specs.retain(|spec| concerns(spec, answers));
    if let Some(off) = specs.iter().find(|spec| !spec.reason.is_on()) {
        return Err(Failure::config(format_args!(
            "plugin {} stays off: {}; correct that first",
            off.manifest.id, off.reason
        )));
    }
    for spec in specs {
        let asked = |channel: &str| answers.channels.iter().any(|answer| answer.channel == channel);
        spec.settings
            .accounts
            .retain(|(channel, account)| asked(channel) && account.id == DEFAULT_ACCOUNT);
        // it is for the gateway to insist on a plugin
        spec.settings.required = false;
    }
    let options = TrialOptions {
        specs: setting.assembly.specs,
        config: setting.config,
        paths: setting.paths,
        program: setting.program,
        env: session.env.clone(),
    };
    let outcome = trial::run(options, async |trial| {
        let outcome = work(trial).await;
        match trial.failures().into_iter().next() {
            Some((id, why)) => Err(Error::new(
                ErrorKind::Config,
                format_args!("plugin {id} does not start: {why}"),
            )),
            None => outcome,
        }
    })?;
    Ok(outcome.map_err(|error| fault(&error, answers, session)))
}

/// Does the plugin serve something in the answers?
fn concerns(spec: &Spec, answers: &Answers) -> bool {
    let manifest = &spec.manifest;
    let of_channel = |answer: &ChannelAnswer| manifest.channels.contains(&answer.channel);
    let of_model = |answer: &ModelAnswer| match &answer.service {
        Some(service) => manifest.apis.contains(&service.api),
        None => manifest.providers.contains(&answer.provider),
    };
    answers.channels.iter().any(of_channel) || answers.model.as_ref().is_some_and(of_model)
}

fn fault(error: &Error, answers: &Answers, session: &Session<'_>) -> Fault {
    let keys = answers.model.iter().filter_map(|answer| answer.key.as_ref());
    let tokens = answers
        .channels
        .iter()
        .filter_map(|answer| answer.token.as_ref().map(|(_, token)| token));
    let mut text = error.message().to_owned();
    for given in keys.chain(tokens) {
        let secret = match given {
            Given::Text(secret) => secret.expose(),
            Given::Environment(name) | Given::Variable(name) => session.env.var(name).unwrap_or_default(),
        };
        if !secret.is_empty() {
            text = text.replace(secret, "…");
        }
    }
    Fault {
        kind: error.kind(),
        text,
    }
}
