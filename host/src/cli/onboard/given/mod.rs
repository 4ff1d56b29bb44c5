//! Answers from flags and environment, for a run in which nobody can be asked.
//!
//! What is not given stays as it is. A gateway that could not answer afterwards is refused here, with what to give.
mod gateway;

pub(in crate::cli) use gateway::{check_secret, names_a_gateway, new_token};

use super::{
    answers::{Answers, ChannelAnswer, Given, ModelAnswer, Service},
    args::{Flags, Mode, SecretMode},
    offers::{ChannelOffer, ProviderOffer, flag_of},
    session::Session,
};
use crate::cli::Failure;
use openclaw_plugin_api::Secret;

/// The choice of a service that no plugin knows by name.
pub(in crate::cli) const CUSTOM: &str = "custom-api-key";
/// The choice of no model.
pub(in crate::cli) const SKIP: &str = "skip";
/// The choice of whatever vendor's key is given.
const BY_GIVEN_KEY: &str = "apikey";
/// What a service is called unless somebody names it.
pub(in crate::cli) const CUSTOM_ID: &str = "custom";
/// The variable of its key.
pub(in crate::cli) const CUSTOM_KEY: &str = "CUSTOM_API_KEY";
/// Which parts are set up.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Parts {
    pub(in crate::cli) model: bool,
    pub(in crate::cli) workspace: bool,
    pub(in crate::cli) gateway: bool,
    pub(in crate::cli) channels: bool,
    pub(in crate::cli) plugins: bool,
}

/// The answers that flags and environment give.
pub(in crate::cli) fn answers(
    session: &Session<'_>,
    flags: &Flags,
    parts: Parts,
) -> Result<Answers, Failure> {
    check_names(session, flags)?;
    let mut answers = Answers::default();
    if parts.gateway {
        answers.gateway = gateway::gateway(session, flags)?;
    }
    // whoever only speaks to a gateway elsewhere needs nothing else
    if flags.mode == Some(Mode::Remote) {
        return Ok(answers);
    }
    if parts.model {
        answers.model = model(session, flags)?;
    }
    if parts.workspace {
        answers.workspace.clone_from(&flags.workspace);
    }
    if parts.channels && !flags.skip_channels {
        answers.channels = channels(session, flags)?;
    }
    if parts.plugins {
        answers.plugins = plugins(session, flags)?;
    }
    Ok(answers)
}

/// Do flags say who answers?
pub(in crate::cli) fn names_a_model(session: &Session<'_>, flags: &Flags) -> bool {
    let texts = [&flags.auth_choice, &flags.model, &flags.custom_base_url];
    texts.iter().any(|text| text.is_some()) || by_flag(session, flags).is_some()
}

/// Do flags name a messenger, or a token of one?
pub(in crate::cli) fn names_a_channel(session: &Session<'_>, flags: &Flags) -> bool {
    let mut offers = session.offers.channels.iter();
    let has_secret = |offer: &ChannelOffer| {
        flags
            .secret
            .iter()
            .any(|(name, _)| offer.variables.contains(name))
    };
    !flags.channel.is_empty() || offers.any(has_secret)
}

/// The secret in one of these variables: given as a flag, or in the environment and meant to be stored.
pub(in crate::cli) fn secret_of(
    session: &Session<'_>,
    flags: &Flags,
    names: &[String],
) -> Result<Option<Given>, Failure> {
    let flag = flags.secret.iter().find(|(name, _)| names.contains(name));
    if let Some((name, secret)) = flag {
        if secret.is_empty() {
            return Err(Failure::usage(format_args!("--{} has no value", flag_of(name))));
        }
        return Ok(Some(Given::Text(secret.clone())));
    }
    let Some(name) = session.set_variable(names) else {
        return Ok(None);
    };
    Ok(Some(match flags.secret_input_mode {
        // a service has another environment than this command
        None if !flags.install_daemon => Given::Environment(name.clone()),
        Some(SecretMode::Ref) => Given::Variable(name.clone()),
        None | Some(SecretMode::File | SecretMode::Plaintext) => {
            Given::Text(Secret::new(session.env.var(name).unwrap_or_default()))
        }
    }))
}

/// The service that an address and the API that it speaks describe.
pub(in crate::cli) fn service(session: &Session<'_>, url: &str, speaks: &str) -> Result<Service, Failure> {
    let parsed = url::Url::parse(url).ok();
    if !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return Err(Failure::usage(format_args!(
            "{url} is no address of a service; write https://…"
        )));
    }
    let api = session.offers.api(speaks).ok_or_else(|| {
        Failure::usage(format_args!(
            "no plugin speaks \"{speaks}\"; there is {}",
            session.offers.apis.join(", ")
        ))
    })?;
    Ok(Service {
        base_url: url.trim_end_matches('/').to_owned(),
        api: api.to_owned(),
    })
}

fn check_names(session: &Session<'_>, flags: &Flags) -> Result<(), Failure> {
    let offers = &session.offers;
    let variables = offers.providers.iter().flat_map(|offer| &offer.variables);
    let variables = variables.chain(offers.channels.iter().flat_map(|offer| &offer.variables));
    let known: Vec<_> = variables.map(String::as_str).chain([CUSTOM_KEY]).collect();
    let strange = flags
        .secret
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()));
    match strange {
        None => Ok(()),
        Some((name, _)) => Err(Failure::usage(format_args!(
            "unexpected argument --{}: no plugin here reads {name}; `openclaw plugins list` shows which there are",
            flag_of(name)
        ))),
    }
}

fn model(session: &Session<'_>, flags: &Flags) -> Result<Option<ModelAnswer>, Failure> {
    let choice = flags.auth_choice.as_deref().unwrap_or_default();
    if choice == SKIP {
        return Ok(None);
    }
    if choice == CUSTOM || flags.custom_base_url.is_some() {
        return custom(session, flags).map(Some);
    }
    let offers = &session.offers;
    let offer = match choice {
        "" => match by_model(session, flags).or_else(|| by_flag(session, flags)) {
            Some(offer) => offer,
            None if session.ready_model().is_some() => return Ok(None),
            None => by_environment(session).ok_or_else(|| unchosen(session))?,
        },
        word if word.eq_ignore_ascii_case(BY_GIVEN_KEY) => by_flag(session, flags)
            .or_else(|| by_environment(session))
            .ok_or_else(|| unchosen(session))?,
        word => offers.provider(word).ok_or_else(|| {
            Failure::usage(format_args!(
                "there is no --auth-choice {word}; there is {}, {CUSTOM}, {SKIP}",
                offers.choices().join(", ")
            ))
        })?,
    };
    let key = secret_of(session, flags, &offer.variables)?;
    // whoever names the vendor alone knows that it asks for none
    let needs_one = !offer.is_free && !offer.variables.is_empty() && choice != offer.id;
    if key.is_none() && needs_one && !session.has_key(offer) {
        let name = &offer.variables[0];
        return Err(Failure::usage(format_args!(
            "no key for {}: set {name} in the environment, or give --{}",
            offer.id,
            flag_of(name)
        )));
    }
    Ok(Some(ModelAnswer {
        provider: offer.id.clone(),
        key,
        service: None,
        model: model_id(flags.model.as_deref(), &offer.id)?,
    }))
}

fn custom(session: &Session<'_>, flags: &Flags) -> Result<ModelAnswer, Failure> {
    let missing = |flag: &str| Failure::usage(format_args!("a service of your own needs {flag}"));
    let url = flags
        .custom_base_url
        .as_deref()
        .ok_or_else(|| missing("--custom-base-url"))?;
    let model = flags
        .custom_model_id
        .clone()
        .ok_or_else(|| missing("--custom-model-id"))?;
    let usual = session
        .offers
        .apis
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let speaks = flags.custom_compatibility.as_deref().unwrap_or(usual);
    Ok(ModelAnswer {
        provider: flags
            .custom_provider_id
            .clone()
            .unwrap_or_else(|| CUSTOM_ID.to_owned()),
        // no plugin looks for this one by itself
        key: match secret_of(session, flags, &[CUSTOM_KEY.to_owned()])? {
            Some(Given::Environment(name)) => Some(Given::Variable(name)),
            key => key,
        },
        service: Some(service(session, url, speaks)?),
        model,
    })
}

/// The id of a model that is written with or without its provider.
fn model_id(written: Option<&str>, provider: &str) -> Result<String, Failure> {
    let Some(written) = written else {
        return Ok(String::new());
    };
    match written.split_once('/') {
        Some((of, model)) if of == provider => Ok(model.to_owned()),
        Some(("", _)) => Err(Failure::usage("--model: write provider/model")),
        // ids of models have slashes of their own
        _ => Ok(written.to_owned()),
    }
}

fn by_model<'s>(session: &'s Session<'_>, flags: &Flags) -> Option<&'s ProviderOffer> {
    let (provider, _) = flags.model.as_deref()?.split_once('/')?;
    session.offers.providers.iter().find(|offer| offer.id == provider)
}

fn by_flag<'s>(session: &'s Session<'_>, flags: &Flags) -> Option<&'s ProviderOffer> {
    let given = |offer: &&ProviderOffer| {
        flags
            .secret
            .iter()
            .any(|(name, _)| offer.variables.contains(name))
    };
    session.offers.providers.iter().find(given)
}

fn by_environment<'s>(session: &'s Session<'_>) -> Option<&'s ProviderOffer> {
    let set = |offer: &&ProviderOffer| session.set_variable(&offer.variables).is_some();
    session.offers.providers.iter().find(set)
}

fn unchosen(session: &Session<'_>) -> Failure {
    Failure::usage(format_args!(
        "which model shall answer? Set a vendor's key in the environment, or give --auth-choice: {}, {CUSTOM}, {SKIP}",
        session.offers.choices().join(", ")
    ))
}

fn channels(session: &Session<'_>, flags: &Flags) -> Result<Vec<ChannelAnswer>, Failure> {
    let offers = &session.offers.channels;
    for id in &flags.channel {
        if !offers.iter().any(|offer| offer.id == *id) {
            let all: Vec<_> = offers.iter().map(|offer| offer.id.as_str()).collect();
            return Err(Failure::usage(format_args!(
                "no plugin offers the channel {id}; there is {}",
                all.join(", ")
            )));
        }
    }
    let wanted = |offer: &&ChannelOffer| {
        let has_secret = flags
            .secret
            .iter()
            .any(|(name, _)| offer.variables.contains(name));
        flags.channel.contains(&offer.id) || has_secret
    };
    let chosen = offers.iter().filter(wanted);
    chosen.map(|offer| channel(session, flags, offer)).collect()
}

fn channel(session: &Session<'_>, flags: &Flags, offer: &ChannelOffer) -> Result<ChannelAnswer, Failure> {
    let block = &session.setting.config.value()["channels"][&*offer.id];
    let token = match (&offer.token, secret_of(session, flags, &offer.variables)?) {
        (Some(key), None) if !block[&**key].is_string() && block.get("accounts").is_none() => {
            let name = offer.variables.first().cloned().unwrap_or_default();
            return Err(Failure::usage(format_args!(
                "no token for {}: set {name} in the environment, or give --{}",
                offer.id,
                flag_of(&name)
            )));
        }
        (Some(key), Some(given)) => Some((key.clone(), given)),
        _ => None,
    };
    Ok(ChannelAnswer {
        channel: offer.id.clone(),
        token,
    })
}

fn plugins(session: &Session<'_>, flags: &Flags) -> Result<Vec<String>, Failure> {
    let known = |id: &&String| session.setting.found.plugins.contains_key(*id);
    if let Some(strange) = flags.plugin.iter().find(|id| !known(id)) {
        return Err(Failure::usage(format_args!(
            "there is no plugin {strange}; `openclaw plugins list` shows what there is"
        )));
    }
    Ok(flags.plugin.clone())
}
