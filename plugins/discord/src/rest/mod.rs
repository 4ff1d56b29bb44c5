//! Discord's REST API: one function for every request, one type for every failure.
//!
//! It keeps the rate limits, waits where that helps, and repeats what can be repeated without showing twice. Invariant:
//! the token is in one header of every request and in no text that leaves this module.
mod body;
mod bucket;
mod codes;
mod error;
mod limits;
mod request;
mod route;

pub(crate) use error::{Refusal, RestError};
pub(crate) use request::Request;
pub(crate) use route::Route;

use crate::clock;
use bucket::Headers;
use limits::{Limits, Permit};
use openclaw_plugin_api::{Error, ErrorKind, FetchResponse, Host, Secret};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hasher},
    time::{Duration, Instant},
};

/// How Discord wants to be told who asks.
const AGENT: &str = concat!(
    "DiscordBot (https://example.org/openclaw-rs, ",
    env!("CARGO_PKG_VERSION"),
    ")"
);
/// Longest wait for the head of one answer.
const ATTEMPT: Duration = Duration::from_secs(15);
/// The same for a request that carries files, beside the time that they need on the way.
const UPLOAD: Duration = Duration::from_secs(25);
/// Longest silence within an answer.
const SILENCE: Duration = Duration::from_secs(10);
/// Tries of one request.
const TRIES: u32 = 3;
/// First wait after a failure of the service; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Wait that a refusal for too many requests asks for if it doesn't say.
const DEFAULT_PAUSE: Duration = Duration::from_secs(5);
/// Longest text of others in an error, characters.
const MAX_TEXT: usize = 300;
/// Fields of a refusal that are told.
const MAX_FIELDS: usize = 5;

/// One bot's way to the API. Cheap to clone; all clones keep the same limits.
#[derive(Clone)]
pub(crate) struct Rest {
    host: Host,
    token: Secret,
    base: String,
    proxy: String,
    limits: Limits,
}

/// What one try came to.
enum Try {
    /// The body of a success.
    Done(Vec<u8>),
    /// Not carried out. Another try is as good as this one; a refusal for too many requests has paused its limit.
    Again(RestError),
    /// It failed, and another try after a wait can do no harm.
    Failed(RestError),
    /// Another try would fail too, or could show twice.
    Never(RestError),
}

impl Rest {
    /// A way to the API with this token. The base is everything before a route, `https://discord.com/api/v10`.
    pub(crate) fn new(host: Host, token: Secret, base: String, proxy: Option<String>) -> Self {
        Self {
            host,
            token,
            base: base.trim_end_matches('/').to_owned(),
            proxy: proxy.unwrap_or_default(),
            limits: Limits::default(),
        }
    }

    /// Sends a request and reads the answer. An answer without a body is null.
    pub(crate) async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, RestError> {
        let bytes = self.bytes(&request).await?;
        let bytes: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(bytes).map_err(|error| RestError::Answer {
            route: request.name(),
            why: format!("{error}; report it with the version of this plugin"),
        })
    }

    /// Sends a request whose answer doesn't matter.
    pub(crate) async fn done(&self, request: Request) -> Result<(), RestError> {
        self.bytes(&request).await.map(drop)
    }

    async fn bytes(&self, request: &Request) -> Result<Vec<u8>, RestError> {
        let until = clock::now() + request.deadline + request.sending_time();
        let mut wait = FIRST_WAIT;
        for number in 1.. {
            let error = match self.attempt(request, until).await {
                Try::Done(bytes) => return Ok(bytes),
                Try::Never(error) => return Err(error),
                Try::Again(error) => error,
                Try::Failed(error) => {
                    let pause = half_random(wait);
                    wait *= 2;
                    if number < TRIES && clock::now() + pause < until {
                        self.host.sleep(pause).await;
                    }
                    error
                }
            };
            if number >= TRIES || clock::now() >= until {
                return Err(error);
            }
            tracing::debug!(request = request.name(), number, %error, "asked again");
        }
        unreachable!("the number of tries ends the loop")
    }

    async fn attempt(&self, request: &Request, until: Instant) -> Try {
        let permit = match self.limits.turn(&self.host, request, until).await {
            Ok(permit) => permit,
            Err(error) => return Try::Never(error),
        };
        let left = until.saturating_duration_since(clock::now());
        let longest = if request.files.is_empty() {
            ATTEMPT
        } else {
            UPLOAD + request.sending_time()
        };
        // The host has the same deadline for the head; this one is for the whole, a slow body included.
        match self
            .host
            .timeout(left, self.exchange(request, left.min(longest), permit))
            .await
        {
            Ok(outcome) => outcome,
            Err(error) => self.lost(request, error),
        }
    }

    async fn exchange(&self, request: &Request, deadline: Duration, permit: Permit) -> Try {
        let answer = match self.send(request, deadline).await {
            Ok(answer) => answer,
            Err(error) => return self.lost(request, error),
        };
        let (status, headers) = (answer.status(), Headers::of(&answer));
        if status == 429 {
            return self.too_many(request, answer, headers, permit).await;
        }
        self.limits.answered(request, status, false);
        permit.answered(&headers, None);
        let is_success = answer.is_success();
        let body = match body::read(answer).await {
            Ok(body) => body,
            Err(_) if !is_success => Vec::new(),
            Err(error) => return self.lost(request, error),
        };
        if is_success {
            return Try::Done(body);
        }
        let refusal = self.refusal(request, status, &body);
        if status < 500 {
            return Try::Never(refusal);
        }
        if request.repeatable {
            return Try::Failed(refusal);
        }
        Try::Never(RestError::Unknown {
            route: request.name(),
            why: format!("the service failed with {status}"),
        })
    }

    async fn send(&self, request: &Request, deadline: Duration) -> Result<FetchResponse, Error> {
        let mut builder = self
            .host
            .http()
            .request(request.method, request.url(&self.base))
            .header("user-agent", AGENT)
            .timeout(deadline)
            .idle_timeout(Some(SILENCE))
            .redirects(0)
            .max_bytes(body::MAX_ANSWER);
        if !request.route.is_own_authority() {
            builder = builder.header("authorization", format!("Bot {}", self.token.expose()));
        }
        if let Some(reason) = request.encoded_reason() {
            builder = builder.header("x-audit-log-reason", reason);
        }
        if !self.proxy.is_empty() {
            builder = builder.proxy(self.proxy.clone());
        }
        if !request.files.is_empty() {
            return builder.multipart(request.form()?).send().await;
        }
        match &request.body {
            Some(body) => builder.json(body).send().await,
            // Servers want to know that nothing comes.
            None if matches!(request.method, "GET" | "DELETE") => builder.send().await,
            None => builder.body(Vec::new()).send().await,
        }
    }

    /// Too many requests: nothing was carried out. The limit is paused, so the next try waits for it.
    async fn too_many(
        &self,
        request: &Request,
        answer: FetchResponse,
        headers: Headers,
        permit: Permit,
    ) -> Try {
        let scope = answer.header("x-ratelimit-scope").unwrap_or_default().to_owned();
        let (is_flagged, told) = (
            answer.header("x-ratelimit-global").is_some(),
            answer.retry_after(),
        );
        let body = body::read(answer).await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let seconds = body["retry_after"].as_f64();
        let wait = seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .or(told)
            .unwrap_or(DEFAULT_PAUSE);
        // What has no JSON comes from the door in front of Discord, and holds for this address.
        let is_global = scope == "global" || is_flagged || body["global"] == true || body.is_null();
        self.limits.answered(request, 429, scope == "shared");
        if is_global {
            self.limits.pause_all(wait);
        }
        permit.answered(&headers, Some(wait));
        tracing::debug!(request = request.name(), scope, is_global, wait = ?wait, "too many requests");
        Try::Again(RestError::limited(request.name(), wait))
    }

    /// There is no answer, or not all of it.
    fn lost(&self, request: &Request, error: Error) -> Try {
        let (route, why) = (request.name(), self.scrub(request, error.message()));
        // The host says `sent: false` where the connection was never made.
        let is_unsent = error.detail().get("sent").and_then(Value::as_bool) == Some(false);
        let is_in_doubt = matches!(
            error.kind(),
            ErrorKind::Network
                | ErrorKind::Timeout
                | ErrorKind::Server
                | ErrorKind::Internal
                | ErrorKind::Cancelled
        );
        if is_in_doubt && !is_unsent && !request.repeatable {
            return Try::Never(RestError::Unknown { route, why });
        }
        let is_transient = error.kind().is_transient();
        let error = RestError::Lost {
            route,
            error: Box::new(Error::new(error.kind(), why)),
        };
        match is_transient {
            true if is_unsent || request.repeatable => Try::Failed(error),
            _ => Try::Never(error),
        }
    }

    fn refusal(&self, request: &Request, status: u16, body: &[u8]) -> RestError {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut fields = Vec::new();
        gather(&body["errors"], &mut String::new(), &mut fields);
        let message = body["message"].as_str().unwrap_or("without a reason");
        RestError::Refused(Box::new(Refusal {
            route: request.name(),
            status,
            code: body["code"]
                .as_u64()
                .and_then(|code| code.try_into().ok())
                .unwrap_or(0),
            message: self.scrub(request, message),
            fields,
        }))
    }

    fn scrub(&self, request: &Request, text: &str) -> String {
        let text = match self.token.expose() {
            "" => text.to_owned(),
            token => text.replace(token, "***"),
        };
        let text = text.replace(request.route.path(), request.route.template());
        text.chars().take(MAX_TEXT).collect()
    }
}

/// Without the token.
impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// The messages of a tree of errors, each with the path of its field.
fn gather(tree: &Value, path: &mut String, fields: &mut Vec<String>) {
    let Some(tree) = tree.as_object() else { return };
    for (name, inner) in tree {
        if fields.len() >= MAX_FIELDS {
            return;
        }
        if name == "_errors" {
            let words = inner[0]["message"].as_str().unwrap_or("wrong");
            fields.push(format!("{path}: {words}"));
            continue;
        }
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(name);
        gather(inner, path, fields);
        path.truncate(length);
    }
}

/// Half of the wait fixed, half random.
fn half_random(wait: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 1000;
    wait / 2 + (wait / 2).mul_f64(random as f64 / 1000.0)
}

#[cfg(test)]
mod tests;
