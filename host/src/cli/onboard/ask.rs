//! The questions: who answers, with which key, in which chats, and what else there is to decide.
//!
//! What does not work is said at once, and asked again. Nothing is written here.
use super::{
    answers::{ChannelAnswer, GatewayAnswer, Given, ModelAnswer, word_of},
    args::SecretMode,
    check,
    given::{CUSTOM_ID, check_secret, new_token, service},
    offers::{ChannelOffer, ProviderOffer},
    prompt,
    session::Session,
};
use crate::{
    cli::Failure,
    config::{AuthMethod, BindMode, GatewayMode},
};
use openclaw_plugin_api::Secret;

/// What can be done about something that does not work.
enum Then {
    Again,
    Keep,
    Leave,
}

/// Who answers. None: nobody for now.
pub(in crate::cli) fn model(session: &Session<'_>, is_checked: bool) -> Result<Option<ModelAnswer>, Failure> {
    let providers = &session.offers.providers;
    let mut options: Vec<_> = providers.iter().map(|offer| label(session, offer)).collect();
    // without a plugin that speaks to any address there is none
    let own = (!session.offers.apis.is_empty()).then_some(options.len());
    options.extend(own.map(|_| "a service of your own, by its address".to_owned()));
    options.push("nobody for now".to_owned());
    let by_environment = |offer: &ProviderOffer| session.set_variable(&offer.variables).is_some();
    let usual = providers.iter().position(by_environment).unwrap_or_default();
    loop {
        let chosen = prompt::choose("Who shall answer?", &options, usual)?;
        let answer = match providers.get(chosen) {
            Some(offer) => of_vendor(session, offer, is_checked)?,
            None if Some(chosen) == own => of_ones_own(session, is_checked)?,
            None => return Ok(None),
        };
        if answer.is_some() {
            return Ok(answer);
        }
    }
}

/// Messengers. With `all`, those too that are set up already.
pub(in crate::cli) fn channels(
    session: &Session<'_>,
    all: bool,
    is_checked: bool,
) -> Result<Vec<ChannelAnswer>, Failure> {
    let config = &session.setting.config;
    let open = |offer: &&ChannelOffer| all || !config.channel_enabled(&offer.id);
    let offers: Vec<_> = session.offers.channels.iter().filter(open).collect();
    if offers.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = offers.iter().map(|offer| offer.name.as_str()).collect();
    let usual: Vec<_> = (0..offers.len())
        .filter(|at| session.set_variable(&offers[*at].variables).is_some())
        .collect();
    let chosen = prompt::choose_some("In which messengers do you want to chat?", &names, &usual)?;
    let mut answers = Vec::new();
    for at in chosen {
        answers.extend(channel(session, offers[at], is_checked)?);
    }
    Ok(answers)
}

/// Plugins that nothing else switches on.
pub(in crate::cli) fn plugins(session: &Session<'_>) -> Result<Vec<String>, Failure> {
    let off: Vec<_> = session
        .offers
        .plugins
        .iter()
        .filter(|offer| !offer.is_on)
        .collect();
    if off.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<_> = off
        .iter()
        .map(|offer| format!("{}: {}", offer.id, offer.description))
        .collect();
    let chosen = prompt::choose_some("What else may it do? (nothing is a good start)", &rows, &[])?;
    Ok(chosen.into_iter().map(|at| off[at].id.clone()).collect())
}

/// The folder of the agent; None: it stays.
pub(in crate::cli) fn workspace(session: &Session<'_>) -> Result<Option<String>, Failure> {
    let setting = &session.setting;
    let agents = setting.config.agents();
    let now = agents
        .default_agent()
        .workspace(&setting.paths)
        .display()
        .to_string();
    let folder = prompt::text("Folder of the agent", &now)?;
    Ok((folder != now).then_some(folder))
}

/// Where the gateway listens, and who gets in.
pub(in crate::cli) fn gateway(session: &Session<'_>) -> Result<GatewayAnswer, Failure> {
    let config = &session.setting.config.gateway;
    let port = loop {
        let text = prompt::text("Port of the gateway", &config.port().to_string())?;
        match text.parse::<u16>() {
            Ok(port) if port > 0 => break port,
            _ => prompt::say("write a port, 1 to 65535"),
        }
    };
    let mut modes = vec![
        BindMode::Loopback,
        BindMode::Lan,
        BindMode::Tailnet,
        BindMode::Auto,
    ];
    if config.custom_bind_host.is_some() {
        modes.push(BindMode::Custom);
    }
    let now = config.bind.unwrap_or(BindMode::Loopback);
    let rows: Vec<_> = modes.iter().map(|mode| reach(*mode)).collect();
    let usual = modes.iter().position(|mode| *mode == now).unwrap_or_default();
    let bind = modes[prompt::choose("Who can reach it?", &rows, usual)?];
    Ok(GatewayAnswer {
        mode: config.mode.is_none().then_some(GatewayMode::Local),
        port: (port != config.port()).then_some(port),
        bind: (bind != now).then_some(bind),
        auth: gateway_secret(session, bind)?,
        remote: None,
    })
}

fn gateway_secret(session: &Session<'_>, bind: BindMode) -> Result<Option<(AuthMethod, Given)>, Failure> {
    let mut rows = vec!["a new token, made here", "a token of mine", "a password of mine"];
    let has = session.has_gateway_secret();
    if has {
        rows.insert(0, "as it is");
    }
    let chosen = prompt::choose("How do clients show that they may connect?", &rows, 0)?;
    let (method, word) = match rows[chosen] {
        "as it is" => return Ok(None),
        "a new token, made here" => return Ok(Some((AuthMethod::Token, Given::Text(new_token()?)))),
        "a token of mine" => (AuthMethod::Token, "token"),
        _ => (AuthMethod::Password, "password"),
    };
    loop {
        let secret = prompt::secret(&format!("The gateway's {word}"), "16 characters or more")?;
        match check_secret(word, &secret, bind) {
            Ok(()) => return Ok(Some((method, Given::Text(secret)))),
            Err(failure) => prompt::say(failure),
        }
    }
}

fn reach(mode: BindMode) -> String {
    let meaning = match mode {
        BindMode::Loopback => "this machine only",
        BindMode::Lan => "every network that this machine is in",
        BindMode::Tailnet => "the private network of the machine's VPN",
        BindMode::Auto => "everybody inside of a container, else this machine",
        BindMode::Custom => "the address in gateway.customBindHost",
    };
    format!("{}: {meaning}", word_of(mode))
}

fn label(session: &Session<'_>, offer: &ProviderOffer) -> String {
    let Some(name) = session.set_variable(&offer.variables) else {
        return match (offer.is_free, offer.is_first) {
            (true, _) => format!("{} (needs no account)", offer.id),
            (false, true) => format!("{} ({})", offer.id, offer.plugin_name),
            (false, false) => offer.id.clone(),
        };
    };
    format!("{} ({name} is set)", offer.id)
}

fn of_vendor(
    session: &Session<'_>,
    offer: &ProviderOffer,
    is_checked: bool,
) -> Result<Option<ModelAnswer>, Failure> {
    loop {
        let mut answer = ModelAnswer {
            provider: offer.id.clone(),
            key: key(session, offer)?,
            service: None,
            model: String::new(),
        };
        answer.model = which_model(session, &answer)?;
        match is_checked.then(|| works(session, &answer)).transpose()? {
            None | Some(Then::Keep) => return Ok(Some(answer)),
            Some(Then::Again) => {}
            Some(Then::Leave) => return Ok(None),
        }
    }
}

fn of_ones_own(session: &Session<'_>, is_checked: bool) -> Result<Option<ModelAnswer>, Failure> {
    loop {
        let url = prompt::text("Its address", "http://127.0.0.1:8080/v1")?;
        let apis = &session.offers.apis;
        let api = prompt::choose("What does it speak?", apis, 0)?;
        let service = match service(session, &url, &apis[api]) {
            Ok(service) => service,
            Err(failure) => {
                prompt::say(failure);
                continue;
            }
        };
        let key = prompt::secret("Its key", "enter alone: it needs none")?;
        let answer = ModelAnswer {
            provider: prompt::text("What shall it be called?", CUSTOM_ID)?,
            key: (!key.is_empty()).then_some(Given::Text(key)),
            service: Some(service),
            model: prompt::some_text("The model's id there")?,
        };
        match is_checked.then(|| works(session, &answer)).transpose()? {
            None | Some(Then::Keep) => return Ok(Some(answer)),
            Some(Then::Again) => {}
            Some(Then::Leave) => return Ok(None),
        }
    }
}

/// The key of a vendor; None: it is there, or none is needed.
fn key(session: &Session<'_>, offer: &ProviderOffer) -> Result<Option<Given>, Failure> {
    if offer.is_free {
        return Ok(None);
    }
    let kept = "the one in the configuration stays";
    if session.has_key(offer) && prompt::confirm(&format!("Keep the key of {}?", offer.id), true, kept)? {
        return Ok(None);
    }
    if let Some(given) = of_environment(session, &offer.variables)? {
        return Ok(Some(given));
    }
    let names = offer
        .variables
        .first()
        .map_or_else(String::new, |name| format!("what {name} would hold; "));
    let help = format!("{names}enter alone: it needs none");
    let key = prompt::secret(&format!("Key of {}", offer.id), &help)?;
    Ok((!key.is_empty()).then_some(Given::Text(key)))
}

/// What is in a variable here, if it shall be used.
fn of_environment(session: &Session<'_>, names: &[String]) -> Result<Option<Given>, Failure> {
    let Some(name) = session.set_variable(names) else {
        return Ok(None);
    };
    let rows = [
        format!("leave it in {name}; the gateway has to have it when it starts"),
        "store it".to_owned(),
        "use another one".to_owned(),
    ];
    let usual = usize::from(session.secrets != SecretMode::Ref);
    Ok(
        match prompt::choose(&format!("{name} is set here."), &rows, usual)? {
            0 => Some(Given::Environment(name.clone())),
            1 => Some(Given::Text(Secret::new(
                session.env.var(name).unwrap_or_default(),
            ))),
            _ => None,
        },
    )
}

fn which_model(session: &Session<'_>, answer: &ModelAnswer) -> Result<String, Failure> {
    prompt::say(format_args!(
        "asking {} which models there are …",
        answer.provider
    ));
    let mut models = match check::models(session, answer)? {
        Ok(models) => models,
        Err(fault) => {
            prompt::say(format_args!("{}: {fault}", answer.provider));
            Vec::new()
        }
    };
    let another = models.len();
    if another > 0 {
        models.push("another one".to_owned());
        let chosen = prompt::choose("Which model?", &models, 0)?;
        if chosen != another {
            return Ok(models.swap_remove(chosen));
        }
    }
    prompt::some_text("The model's id")
}

/// Asks the model, and what to do if it doesn't answer.
fn works(session: &Session<'_>, answer: &ModelAnswer) -> Result<Then, Failure> {
    let reference = answer.reference();
    prompt::say(format_args!("asking {reference} for a word …"));
    match check::model(session, answer)? {
        Ok(()) => {
            prompt::say(format_args!("{reference} answers."));
            Ok(Then::Keep)
        }
        Err(fault) => {
            prompt::say(format_args!("{reference} does not answer: {fault}"));
            what_now()
        }
    }
}

fn what_now() -> Result<Then, Failure> {
    let rows = ["try it with something else", "go on all the same", "leave it out"];
    Ok(match prompt::choose("What now?", &rows, 0)? {
        0 => Then::Again,
        1 => Then::Keep,
        _ => Then::Leave,
    })
}

fn channel(
    session: &Session<'_>,
    offer: &ChannelOffer,
    is_checked: bool,
) -> Result<Option<ChannelAnswer>, Failure> {
    loop {
        let answer = ChannelAnswer {
            channel: offer.id.clone(),
            token: token(session, offer)?,
        };
        if !is_checked {
            return Ok(Some(answer));
        }
        prompt::say(format_args!("asking {} who the bot is …", offer.name));
        match check::channel(session, &answer)? {
            Ok(identity) => {
                prompt::say(format_args!("{}: {identity} is there.", offer.name));
                return Ok(Some(answer));
            }
            Err(fault) => {
                prompt::say(format_args!("{} does not work: {fault}", offer.name));
                match what_now()? {
                    Then::Again => {}
                    Then::Keep => return Ok(Some(answer)),
                    Then::Leave => return Ok(None),
                }
            }
        }
    }
}

fn token(session: &Session<'_>, offer: &ChannelOffer) -> Result<Option<(String, Given)>, Failure> {
    let Some(key) = &offer.token else {
        return Ok(None);
    };
    let with_key = |given| (key.clone(), given);
    if let Some(given) = of_environment(session, &offer.variables)? {
        return Ok(Some(with_key(given)));
    }
    let is_there = session.setting.config.value()["channels"][&*offer.id][&**key].is_string();
    let help = if is_there { "enter alone: it stays" } else { "" };
    let secret = prompt::secret(&format!("Token of the bot on {}", offer.name), help)?;
    Ok((!secret.is_empty()).then(|| with_key(Given::Text(secret))))
}
