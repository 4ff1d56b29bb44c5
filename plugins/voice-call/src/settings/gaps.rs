//! What the configuration leaves open: looked for in the environment, and noted where it is nowhere.
use super::Credentials;
use crate::config::{Carrier, Config, E164, Token, TunnelKind};
use openclaw_plugin_api::{Host, Result, Secret};

/// Looks for what the configuration leaves open, and notes what is nowhere.
pub(super) struct Gaps<'h> {
    host: &'h Host,
    pub(super) missing: Vec<String>,
}

// === impl Gaps ===

impl<'h> Gaps<'h> {
    pub(super) fn new(host: &'h Host) -> Self {
        Self {
            host,
            missing: Vec::new(),
        }
    }

    pub(super) async fn credentials(&mut self, config: &Config) -> Result<Option<Credentials>> {
        let Some(carrier) = config.provider else {
            self.note("provider", None);
            return Ok(None);
        };
        Ok(match carrier {
            Carrier::Mock | Carrier::Log => Some(Credentials::Mock),
            Carrier::Twilio => {
                let own = &config.twilio;
                let sid = self.text(
                    "twilio.accountSid",
                    own.account_sid.as_ref(),
                    "TWILIO_ACCOUNT_SID",
                );
                let account_sid = sid.await?;
                let token = self.secret("twilio.authToken", &own.auth_token, "TWILIO_AUTH_TOKEN");
                account_sid
                    .zip(token.await?)
                    .map(|(account_sid, auth_token)| Credentials::Twilio {
                        account_sid,
                        auth_token,
                        region: own.region.unwrap_or_default(),
                    })
            }
            Carrier::Telnyx => {
                let own = &config.telnyx;
                let key = self
                    .secret("telnyx.apiKey", &own.api_key, "TELNYX_API_KEY")
                    .await?;
                let id = self.text(
                    "telnyx.connectionId",
                    own.connection_id.as_ref(),
                    "TELNYX_CONNECTION_ID",
                );
                let id = id.await?;
                let public = self.text("telnyx.publicKey", own.public_key.as_ref(), "TELNYX_PUBLIC_KEY");
                key.zip(id)
                    .zip(public.await?)
                    .map(|((api_key, connection_id), public_key)| Credentials::Telnyx {
                        api_key,
                        connection_id,
                        public_key,
                    })
            }
            Carrier::Plivo => {
                let own = &config.plivo;
                let id = self
                    .text("plivo.authId", own.auth_id.as_ref(), "PLIVO_AUTH_ID")
                    .await?;
                let token = self.secret("plivo.authToken", &own.auth_token, "PLIVO_AUTH_TOKEN");
                id.zip(token.await?)
                    .map(|(auth_id, auth_token)| Credentials::Plivo { auth_id, auth_token })
            }
        })
    }

    pub(super) async fn from(&mut self, config: &Config) -> Result<Option<E164>> {
        if let Some(number) = config.from_number.clone().or_else(|| config.twilio.from.clone()) {
            return Ok(Some(number));
        }
        match config.provider {
            None => Ok(None),
            Some(Carrier::Mock | Carrier::Log) => Ok(E164::parse(super::MOCK_NUMBER)),
            Some(Carrier::Twilio) => {
                let said = variable(self.host, "TWILIO_FROM_NUMBER").await?;
                let number = said.as_ref().and_then(|said| E164::parse(said.expose().trim()));
                if number.is_none() {
                    self.note("fromNumber", Some("TWILIO_FROM_NUMBER"));
                }
                Ok(number)
            }
            Some(Carrier::Telnyx | Carrier::Plivo) => {
                self.note("fromNumber", None);
                Ok(None)
            }
        }
    }

    /// The token is needed only where the tunnel is.
    pub(super) async fn ngrok(&mut self, config: &Config) -> Result<(Option<Secret>, Option<String>)> {
        let wanted = config.tunnel.provider == TunnelKind::Ngrok && config.public_url.is_none();
        if !wanted {
            return Ok((None, None));
        }
        let token = self.secret(
            "tunnel.ngrokAuthToken",
            &config.tunnel.ngrok_auth_token,
            "NGROK_AUTHTOKEN",
        );
        let token = token.await?;
        let domain = match &config.tunnel.ngrok_domain {
            Some(domain) => Some(domain.clone()),
            None => variable(self.host, "NGROK_DOMAIN")
                .await?
                .map(|domain| domain.expose().to_owned()),
        };
        Ok((token, domain))
    }

    async fn text(&mut self, key: &str, value: Option<&String>, env: &'static str) -> Result<Option<String>> {
        if let Some(value) = value.map(|value| value.trim()).filter(|value| !value.is_empty()) {
            return Ok(Some(value.to_owned()));
        }
        let found = variable(self.host, env)
            .await?
            .map(|secret| secret.expose().to_owned());
        if found.is_none() {
            self.note(key, Some(env));
        }
        Ok(found)
    }

    async fn secret(&mut self, key: &str, value: &Token, env: &'static str) -> Result<Option<Secret>> {
        match value {
            Token::Value(secret) => return Ok(Some(secret.clone())),
            Token::Unresolved => {
                let key = format!("plugins.entries.voice-call.config.{key}");
                self.missing.push(format!(
                    "{key} is a reference that could not be resolved; check its source"
                ));
                return Ok(None);
            }
            Token::Missing => {}
        }
        let found = variable(self.host, env).await?;
        if found.is_none() {
            self.note(key, Some(env));
        }
        Ok(found)
    }

    fn note(&mut self, key: &str, env: Option<&str>) {
        let or = env.map(|env| format!(" (or set {env} env)")).unwrap_or_default();
        self.missing
            .push(format!("plugins.entries.voice-call.config.{key} is required{or}"));
    }
}

pub(super) async fn variable(host: &Host, name: &str) -> Result<Option<Secret>> {
    let found = host.secret(name).await?;
    Ok(found
        .filter(|found| !found.expose().trim().is_empty())
        .map(|found| Secret::new(found.expose().trim())))
}
