//! The configuration with everything that it leaves to defaults and to the environment.
//!
//! A *wrong* configuration (two keys that exclude each other) keeps the plugin from starting. An *incomplete* one does
//! not: the plugin runs, takes and makes no calls, and says in one list what is missing.
mod gaps;
mod notes;

use crate::config::{Carrier, Config, E164, Number, Region, TailscaleMode, Tts, TunnelKind};
use gaps::Gaps;
use openclaw_plugin_api::{Error, ErrorKind, Host, Result, Secret};
use std::{borrow::Cow, time::Duration};
use url::Url;

/// Environment variables that may stand in for keys.
pub(crate) const VARIABLES: &[&str] = &[
    "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_FROM_NUMBER",
    "TELNYX_API_KEY",
    "TELNYX_CONNECTION_ID",
    "TELNYX_PUBLIC_KEY",
    "PLIVO_AUTH_ID",
    "PLIVO_AUTH_TOKEN",
    "NGROK_AUTHTOKEN",
    "NGROK_DOMAIN",
    "OPENAI_API_KEY",
];
/// Where webhooks arrive when nobody says where.
pub(crate) const WEBHOOK_PATH: &str = "/voice/webhook";
/// Where sound arrives when nobody says where.
pub(crate) const STREAM_PATH: &str = "/voice/stream";
/// The same for speech to speech.
pub(crate) const REALTIME_PATH: &str = "/voice/stream/realtime";
/// Levels of thinking that agents have.
const LEVELS: [&str; 6] = ["off", "minimal", "low", "medium", "high", "xhigh"];
/// Levels above them.
const BEYOND: [&str; 2] = ["max", "ultra"];
/// The number of a carrier that does not exist.
const MOCK_NUMBER: &str = "+15550000000";

/// What the configuration and the environment come to.
#[derive(Debug)]
pub(crate) enum Setup {
    /// Switched off by `config.enabled`.
    Disabled,
    /// Something is missing; each line says what.
    Incomplete(Vec<String>),
    /// Calls can be taken or made.
    Ready(Box<Settings>),
}

/// A complete configuration.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) credentials: Credentials,
    /// The number that calls come from.
    pub(crate) from: E164,
    /// The public address of the webhook, if the operator named one.
    pub(crate) public_url: Option<Url>,
    /// For a tunnel of ngrok.
    pub(crate) ngrok_token: Option<Secret>,
    /// The name that a tunnel of ngrok should have.
    pub(crate) ngrok_domain: Option<String>,
}

/// What a carrier is asked with, and proves itself with.
#[derive(Debug, Clone)]
pub(crate) enum Credentials {
    Twilio {
        account_sid: String,
        auth_token: Secret,
        region: Region,
    },
    Telnyx {
        api_key: Secret,
        connection_id: String,
        public_key: String,
    },
    Plivo {
        auth_id: String,
        auth_token: Secret,
    },
    Mock,
}

/// Says what is wrong with a configuration that fits the schema, and warns of older names.
pub(crate) fn judge(config: &Config) -> Result<Vec<&'static str>> {
    let carrier = config.provider.unwrap_or(Carrier::Mock);
    let real = !matches!(carrier, Carrier::Mock | Carrier::Log);
    if config.skip_signature_verification && (real || config.provider.is_none()) {
        return Err(wrong(
            "skipSignatureVerification is for provider \"mock\" only: with a real carrier anybody could forge calls; remove it",
        ));
    }
    let sound = config.streaming.enabled || config.realtime.enabled;
    if sound && carrier != Carrier::Twilio && config.provider.is_some() {
        return Err(wrong(
            "streaming and realtime are for provider \"twilio\" only; remove them, and the carrier's own voice is used",
        ));
    }
    if config.streaming.enabled && config.realtime.enabled {
        return Err(wrong(
            "streaming and realtime exclude each other; switch one of them off",
        ));
    }
    if config.realtime.enabled && config.inbound_policy == crate::config::InboundPolicy::Disabled {
        return Err(wrong(
            "realtime is for calls that come in; set inboundPolicy to \"allowlist\" or \"open\"",
        ));
    }
    if let Some(address) = &config.public_url {
        public_url(address, config.webhook_path().as_ref())?;
    }
    Ok(notes::on(config))
}

/// Adds the environment.
pub(crate) async fn settle(host: &Host, config: Config) -> Result<Setup> {
    if config.enabled == Some(false) {
        return Ok(Setup::Disabled);
    }
    let mut gaps = Gaps::new(host);
    let credentials = gaps.credentials(&config).await?;
    let from = gaps.from(&config).await?;
    let (ngrok_token, ngrok_domain) = gaps.ngrok(&config).await?;
    let path = config.webhook_path().into_owned();
    let public_url = config.public_url.as_deref().map(|url| public_url(url, &path));
    match (credentials, from) {
        (Some(credentials), Some(from)) if gaps.missing.is_empty() => Ok(Setup::Ready(Box::new(Settings {
            public_url: public_url.transpose()?,
            config,
            credentials,
            from,
            ngrok_token,
            ngrok_domain,
        }))),
        _ => Ok(Setup::Incomplete(gaps.missing)),
    }
}

// === impl Config ===

impl Config {
    /// Path of the webhook, with a slash before it and none behind.
    pub(crate) fn webhook_path(&self) -> Cow<'_, str> {
        path_or(self.serve.path.as_deref(), WEBHOOK_PATH)
    }

    /// Path of media streams, of those that are wanted.
    pub(crate) fn stream_path(&self) -> Cow<'_, str> {
        match self.realtime.enabled {
            true => path_or(self.realtime.stream_path.as_deref(), REALTIME_PATH),
            false => path_or(self.streaming.stream_path.as_deref(), STREAM_PATH),
        }
    }

    /// How hard the agent behind the voice thinks; none: as it does otherwise. Beyond the highest level is the highest.
    pub(crate) fn consult_thinking(&self) -> Option<&str> {
        let wanted = self.realtime.consult_thinking_level.as_deref()?;
        match BEYOND.contains(&wanted) {
            true => LEVELS.last().copied(),
            false => Some(wanted).filter(|wanted| LEVELS.contains(wanted)),
        }
    }

    /// Path of the webhook at the far end of a tunnel.
    pub(crate) fn tunnel_path(&self) -> Cow<'_, str> {
        let by_tailscale = match self.tunnel.provider {
            TunnelKind::Ngrok => false,
            TunnelKind::TailscaleServe | TunnelKind::TailscaleFunnel => true,
            TunnelKind::None => self.tailscale.mode != TailscaleMode::Off,
        };
        match &self.tailscale.path {
            Some(path) if by_tailscale => Cow::Owned(path_or(Some(path), WEBHOOK_PATH).into_owned()),
            _ => self.webhook_path(),
        }
    }

    /// How a number of ours speaks; any other as all do.
    pub(crate) fn tts_of(&self, number: &str) -> Option<Tts> {
        let own = self.number(number).and_then(|own| own.tts.as_ref());
        match (own, &self.tts) {
            (Some(own), Some(general)) => Some(own.over(general)),
            (own, general) => own.or(general.as_ref()).cloned(),
        }
    }

    /// What differs for calls to this number.
    pub(crate) fn number(&self, dialled: &str) -> Option<&Number> {
        let digits: String = dialled.chars().filter(char::is_ascii_digit).collect();
        let mut numbers = self.numbers.iter();
        numbers
            .find(|(number, _)| number.digits() == digits)
            .map(|(_, own)| own)
    }

    /// Longest call from its answering on.
    pub(crate) fn max_duration(&self) -> Duration {
        Duration::from_secs(self.max_duration_seconds.unwrap_or(300).into())
    }

    /// When a call that nobody answered is given up; `None`: never.
    pub(crate) fn stale_after(&self) -> Option<Duration> {
        let seconds = self.stale_call_reaper_seconds.unwrap_or(120);
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// How long a phone rings.
    pub(crate) fn ring_timeout(&self) -> Duration {
        Duration::from_millis(self.ring_timeout_ms.unwrap_or(30_000).into())
    }

    /// How long what the person on the phone says is waited for.
    pub(crate) fn transcript_timeout(&self) -> Duration {
        Duration::from_millis(self.transcript_timeout_ms.unwrap_or(180_000).into())
    }

    /// Calls at once.
    pub(crate) fn max_calls(&self) -> usize {
        usize::try_from(self.max_concurrent_calls.unwrap_or(1)).unwrap_or(1)
    }

    /// Time between the end of a message and the end of its call.
    pub(crate) fn notify_delay(&self) -> Duration {
        Duration::from_secs(self.outbound.notify_hangup_delay_sec.unwrap_or(3).into())
    }

    /// Does anything lead carriers here that has yet to be found out?
    pub(crate) fn expects_tunnel(&self) -> bool {
        self.tunnel.provider != TunnelKind::None || self.tailscale.mode != TailscaleMode::Off
    }
}

fn path_or<'p>(path: Option<&'p str>, default: &'static str) -> Cow<'p, str> {
    let path = path.unwrap_or(default).trim_matches('/');
    match path.is_empty() {
        true => Cow::Borrowed(default),
        false => Cow::Owned(format!("/{path}")),
    }
}

/// The public address of the webhook. One without a path means the webhook's own.
fn public_url(text: &str, path: &str) -> Result<Url> {
    let mut url = Url::parse(text.trim()).map_err(|e| {
        wrong(format_args!(
            "publicUrl is no address ({e}); write https://host{path}"
        ))
    })?;
    let fine = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none();
    if !fine {
        return Err(wrong(format_args!(
            "publicUrl is an http or https address without a user; write https://host{path}"
        )));
    }
    url.set_query(None);
    url.set_fragment(None);
    if url.path() == "/" {
        url.set_path(path);
    }
    Ok(url)
}

fn wrong(text: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Config,
        format_args!("plugins.entries.voice-call.config: {text}"),
    )
}

#[cfg(test)]
mod tests;
