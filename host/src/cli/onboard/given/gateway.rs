//! The gateway's own part: where it listens, and who gets in.
use super::secret_of;
use crate::{
    cli::{
        Failure,
        gateway::door,
        onboard::{
            answers::{GatewayAnswer, Given},
            args::{Auth, Flags, Mode, SecretMode},
            session::Session,
        },
    },
    config::{AuthMethod, BindMode, GatewayMode},
};
use openclaw_plugin_api::Secret;
use std::net::{IpAddr, Ipv4Addr};

/// The variables of the gateway's own secrets.
const TOKEN: &str = "OPENCLAW_GATEWAY_TOKEN";
const PASSWORD: &str = "OPENCLAW_GATEWAY_PASSWORD";
/// Bytes of a token that is made here.
const TOKEN_BYTES: usize = 24;

/// Do flags say where the gateway listens, or who gets in?
pub(in crate::cli) fn names_a_gateway(flags: &Flags) -> bool {
    flags.gateway_port.is_some()
        || flags.gateway_bind.is_some()
        || flags.gateway_auth.is_some()
        || flags.gateway_token.is_some()
        || flags.gateway_token_ref_env.is_some()
        || flags.gateway_password.is_some()
}

/// A new token, as nobody can guess it.
pub(in crate::cli) fn new_token() -> Result<Secret, Failure> {
    let mut random = [0_u8; TOKEN_BYTES];
    getrandom::fill(&mut random).map_err(Failure::new)?;
    let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Secret::new(text))
}

/// Refuses a secret that the gateway would refuse.
pub(in crate::cli) fn check_secret(name: &str, secret: &Secret, bind: BindMode) -> Result<(), Failure> {
    let ip = match bind {
        BindMode::Loopback => Ipv4Addr::LOCALHOST,
        BindMode::Auto | BindMode::Lan | BindMode::Tailnet | BindMode::Custom => Ipv4Addr::UNSPECIFIED,
    };
    door::check(name, secret, IpAddr::from(ip))
}

pub(super) fn gateway(session: &Session<'_>, flags: &Flags) -> Result<GatewayAnswer, Failure> {
    if flags.mode == Some(Mode::Remote) {
        return remote(session, flags);
    }
    let config = &session.setting.config.gateway;
    let bind = flags.gateway_bind.or(config.bind).unwrap_or(BindMode::Loopback);
    if bind == BindMode::Custom && config.custom_bind_host.is_none() {
        return Err(Failure::usage(
            "--gateway-bind custom needs the address in gateway.customBindHost; set it first",
        ));
    }
    Ok(GatewayAnswer {
        mode: (config.mode.is_none() || flags.mode.is_some()).then_some(GatewayMode::Local),
        port: flags.gateway_port,
        bind: flags.gateway_bind,
        auth: gateway_auth(session, flags, bind)?,
        remote: None,
    })
}

fn gateway_auth(
    session: &Session<'_>,
    flags: &Flags,
    bind: BindMode,
) -> Result<Option<(AuthMethod, Given)>, Failure> {
    let password = flags.gateway_auth == Some(Auth::Password) || flags.gateway_password.is_some();
    let (method, given, name) = match password {
        true => (AuthMethod::Password, &flags.gateway_password, PASSWORD),
        false => (AuthMethod::Token, &flags.gateway_token, TOKEN),
    };
    if let Some(secret) = given {
        check_secret("secret", secret, bind)?;
        return Ok(Some((method, Given::Text(secret.clone()))));
    }
    if let Some(name) = flags.gateway_token_ref_env.as_ref().filter(|_| !password) {
        return Ok(Some((method, Given::Variable(name.clone()))));
    }
    if session.env.var(name).is_some() {
        // the gateway reads it by itself; whoever wants to have it elsewhere says so
        let given = secret_of(session, flags, &[name.to_owned()])?;
        return Ok(given
            .filter(|given| !matches!(given, Given::Environment(_)))
            .map(|given| (method, given)));
    }
    match (password, session.has_gateway_secret()) {
        (_, true) if flags.gateway_auth.is_none() => Ok(None),
        (true, _) => Err(Failure::usage(format_args!(
            "--gateway-auth password needs a password: set {PASSWORD}, or give --gateway-password"
        ))),
        (false, true) => Ok(None),
        (false, false) if session.secrets == SecretMode::Ref => Err(Failure::usage(format_args!(
            "with --secret-input-mode ref the gateway's token has to be in {TOKEN}; `openssl rand -hex 24` makes one"
        ))),
        (false, false) => Ok(Some((method, Given::Text(new_token()?)))),
    }
}

fn remote(session: &Session<'_>, flags: &Flags) -> Result<GatewayAnswer, Failure> {
    let url = flags
        .remote_url
        .clone()
        .or_else(|| session.setting.config.gateway.remote.url.clone());
    let url = url.ok_or_else(|| Failure::usage("--mode remote needs --remote-url"))?;
    if !url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "ws" | "wss")) {
        return Err(Failure::usage("--remote-url has to be ws://… or wss://…"));
    }
    let token = flags.remote_token.clone().map(Given::Text);
    Ok(GatewayAnswer {
        mode: Some(GatewayMode::Remote),
        remote: Some((url, token)),
        ..GatewayAnswer::default()
    })
}
