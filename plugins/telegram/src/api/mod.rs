//! The Bot API: one function for each request, one type for each failure.
//!
//! Invariant: the token is in the URL of every request and nowhere else; [`Api::scrub`] takes it out of every text that
//! leaves this module.
mod failure;
mod types;

pub(crate) use failure::{Failure, Refusal};
pub(crate) use types::{
    Callback, Chat, ChatMemberUpdated, Entity, File, Me, Message, MessageOrigin, Reaction, ReactionUpdated,
    Update, User,
};

use openclaw_plugin_api::{FetchResponse, Host, Multipart, RequestBuilder, Result, Secret};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt, time::Duration};

/// Where the Bot API is, if the operator doesn't say.
const DEFAULT_ROOT: &str = "https://api.telegram.org";
/// Longest answer to a request, bytes. A hundred updates with long texts stay far below.
const MAX_ANSWER: u64 = 16 << 20;
/// Longest silence within an answer.
const SILENCE: Duration = Duration::from_secs(15);
/// Deadline of requests that ask or configure.
pub(crate) const ASK: Duration = Duration::from_secs(15);
/// Deadline of requests that deliver, files aside; below the host's own for a call.
pub(crate) const DELIVER: Duration = Duration::from_secs(25);

/// What a failure in the middle of a request means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Asking twice is as good as asking once.
    Repeatable,
    /// It shows in a chat: if it is not known whether it happened, it must not happen again.
    Once,
}

/// One bot's way to the Bot API. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    host: Host,
    root: String,
    token: Secret,
    proxy: String,
}

/// The envelope of every answer.
#[derive(Deserialize)]
struct Envelope<T> {
    ok: bool,
    result: Option<T>,
    #[serde(default)]
    error_code: u16,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl Api {
    pub(crate) fn new(host: Host, token: Secret, root: Option<&str>, proxy: Option<&str>) -> Self {
        let root = root
            .map(str::trim)
            .filter(|root| !root.is_empty())
            .unwrap_or(DEFAULT_ROOT);
        Self {
            host,
            root: root.trim_end_matches('/').to_owned(),
            token,
            proxy: proxy.unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Id of the bot, which is what its token begins with.
    pub(crate) fn bot_id(&self) -> &str {
        let token = self.token.expose();
        token.split_once(':').map_or("", |(id, _)| id)
    }

    /// The same token, compared without showing it.
    pub(crate) fn is_same_bot(&self, other: &Self) -> bool {
        self.token.expose() == other.token.expose()
    }

    /// A request that may be repeated.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, method: &str, body: &Value) -> Result<T, Failure> {
        self.call(method, body, ASK, Effect::Repeatable).await
    }

    /// A request that shows in a chat.
    pub(crate) async fn deliver<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &Value,
    ) -> Result<T, Failure> {
        self.call(method, body, DELIVER, Effect::Once).await
    }

    /// A request with a deadline of its own.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &Value,
        deadline: Duration,
        effect: Effect,
    ) -> Result<T, Failure> {
        let request = self
            .request("POST", &format!("bot{}/{method}", self.token.expose()))
            .json(body);
        let sent = request.timeout(deadline).max_bytes(MAX_ANSWER).send().await;
        self.read(method, sent, effect).await
    }

    /// A request that carries files, which need this time beside that of any request.
    pub(crate) async fn upload<T: DeserializeOwned>(
        &self,
        method: &str,
        form: Multipart,
        more: Duration,
    ) -> Result<T, Failure> {
        let request = self.request("POST", &format!("bot{}/{method}", self.token.expose()));
        let request = request.timeout(DELIVER + more).max_bytes(MAX_ANSWER);
        let sent = request.multipart(form).send().await;
        self.read(method, sent, Effect::Once).await
    }

    /// Begins the download of a file.
    pub(crate) async fn download(&self, path: &str) -> Result<FetchResponse, Failure> {
        let request = self.request(
            "GET",
            &format!("file/bot{}/{}", self.token.expose(), path.trim_start_matches('/')),
        );
        let sent = request
            .timeout(ASK)
            .send()
            .await
            .map_err(|error| self.lost("download", &error, Effect::Repeatable))?;
        match sent.status() {
            200..=299 => Ok(sent),
            status => Err(Failure::refused("download", status, "the file can't be had")),
        }
    }

    /// Takes the token out of a text.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let token = self.token.expose();
        if token.is_empty() {
            return text.to_owned();
        }
        let escaped = token.replace(':', "%3A");
        let clean = text
            .replace(token, "***")
            .replace(&escaped, "***")
            .replace(&escaped.to_lowercase(), "***");
        match token.split_once(':') {
            Some((_, key)) if key.len() >= 8 => clean.replace(key, "***"),
            _ => clean,
        }
    }

    fn request(&self, verb: &str, path: &str) -> RequestBuilder {
        let request = self.host.http().request(verb, format!("{}/{path}", self.root));
        let request = request.idle_timeout(Some(SILENCE)).redirects(0);
        if self.proxy.is_empty() {
            request
        } else {
            request.proxy(self.proxy.clone())
        }
    }

    async fn read<T: DeserializeOwned>(
        &self,
        method: &str,
        sent: Result<FetchResponse>,
        effect: Effect,
    ) -> Result<T, Failure> {
        let answer = sent.map_err(|error| self.lost(method, &error, effect))?;
        let (status, waiting) = (answer.status(), answer.retry_after());
        let body = answer
            .bytes()
            .await
            .map_err(|error| self.lost(method, &error, effect))?;
        let Ok(envelope) = serde_json::from_slice::<Envelope<Value>>(&body) else {
            return Err(match status {
                200..=299 | 500.. if effect == Effect::Once => {
                    Failure::unknown(method, "its answer can't be read")
                }
                _ => Failure::refused(method, status, "its answer is not the JSON of the Bot API"),
            });
        };
        if let (true, Some(result)) = (envelope.ok, envelope.result) {
            return serde_json::from_value(result).map_err(|error| {
                Failure::unknown(method, format_args!("its result is not as expected: {error}"))
            });
        }
        let code = if envelope.error_code == 0 {
            status
        } else {
            envelope.error_code
        };
        if code >= 500 && effect == Effect::Once {
            return Err(Failure::unknown(
                method,
                format_args!("the service failed with {code}"),
            ));
        }
        let wait = envelope
            .parameters
            .retry_after
            .map(Duration::from_secs)
            .or(waiting);
        Err(Failure::Refused(Refusal {
            method: method.to_owned(),
            code,
            description: self.scrub(&envelope.description),
            retry_after: wait,
            migrate_to: envelope.parameters.migrate_to_chat_id,
        }))
    }

    fn lost(&self, method: &str, error: &openclaw_plugin_api::Error, effect: Effect) -> Failure {
        Failure::lost(method, error, &self.scrub(error.message()), effect)
    }
}

/// Without the token.
impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("root", &self.scrub(&self.root))
            .finish_non_exhaustive()
    }
}
