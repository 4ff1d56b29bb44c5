//! A client of a gateway for our own command line.
//!
//! It connects, authenticates, calls, and passes events on. It does not reconnect: a command that lost its gateway says so.
//!
//! Invariants: every wait has the caller's deadline; an error says what to do next and holds no secret.
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, mpsc},
    time::{self, Instant},
};

use super::{limits, random};
use openclaw_plugin_api::Secret;

mod greet;
mod identity;
mod pump;

pub use identity::Identity;

/// A program that talks to a gateway.
#[derive(Debug, Clone)]
pub struct ClientInfo {
    /// Program, as the protocol knows it.
    pub id: &'static str,
    /// How it is used, as the protocol knows it.
    pub mode: &'static str,
    /// Version.
    pub version: String,
    /// What it asks to be allowed.
    pub scopes: Vec<super::Scope>,
}

/// What opens a gateway. With both, the token is tried.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// Its token.
    pub token: Option<Secret>,
    /// Its password.
    pub password: Option<Secret>,
    /// Who asks, for a gateway on another machine or one without a secret.
    pub device: Option<Arc<Identity>>,
}

/// An authenticated connection. It closes when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Client {
    url: Arc<str>,
    hello: Arc<Value>,
    calls: mpsc::Sender<pump::Call>,
    events: broadcast::Sender<Event>,
}

/// An event of the gateway.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// What it tells.
    pub payload: Value,
    /// Its place among the events of this connection.
    pub seq: Option<u64>,
}

/// Receives events. `Lagged` tells that the program was too slow and lost some.
pub type Events = broadcast::Receiver<Event>;

/// The responses to one call.
#[derive(Debug)]
pub struct Responses {
    url: Arc<str>,
    responses: mpsc::Receiver<Result<Value, Error>>,
    deadline: Instant,
    ended: bool,
}

/// One response.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// Another one follows.
    Interim(Value),
    /// The last one.
    Final(Value),
}

/// Why a gateway could not be asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Nobody listens.
    #[error(
        "no gateway answers at {url} ({reason}): start it with `openclaw gateway`, or name another with --url"
    )]
    NotRunning {
        /// Where.
        url: Arc<str>,
        /// What the network says.
        reason: String,
    },
    /// Somebody listens who is no gateway.
    #[error("{url} is not a gateway ({reason}): check --url and gateway.port")]
    NotAGateway {
        /// Where.
        url: Arc<str>,
        /// What came instead.
        reason: String,
    },
    /// The gateway does not let us in.
    #[error("the gateway at {url} refused the connection: {message}; {}", next_step(.details))]
    Refused {
        /// Where.
        url: Arc<str>,
        /// Its words.
        message: String,
        /// What a program can read.
        details: Value,
    },
    /// The gateway's owner has to let this device in.
    #[error(
        "the gateway at {url} does not know this device: run `openclaw devices approve {request}` on its machine, then retry"
    )]
    NotPaired {
        /// Where.
        url: Arc<str>,
        /// What the owner approves.
        request: String,
    },
    /// It takes too long.
    #[error("the gateway at {url} did not answer {what} in time: retry, or raise --timeout")]
    TimedOut {
        /// Where.
        url: Arc<str>,
        /// What was asked.
        what: String,
    },
    /// The gateway went away.
    #[error("the gateway at {url} closed the connection ({code} {reason}): see its log, then retry")]
    Closed {
        /// Where.
        url: Arc<str>,
        /// Close code; 1006 if there was none.
        code: u16,
        /// Its words.
        reason: String,
    },
    /// The request failed.
    #[error("{message} ({code})")]
    Failed {
        /// Kind, as the protocol names it.
        code: String,
        /// The gateway's words.
        message: String,
        /// May it succeed later?
        retryable: bool,
        /// What a program can read.
        details: Value,
        /// Payload beside the error.
        payload: Value,
    },
}

// === impl ClientInfo ===

impl ClientInfo {
    /// Our command line, asking for these scopes.
    pub fn cli(scopes: impl IntoIterator<Item = super::Scope>) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self {
            id: "cli",
            mode: "cli",
            version,
            scopes: scopes.into_iter().collect(),
        }
    }
}

// === impl Client ===

impl Client {
    /// Connects and authenticates with a token, all within `deadline`.
    pub async fn connect(
        url: &str,
        token: Option<&Secret>,
        info: &ClientInfo,
        deadline: Duration,
    ) -> Result<Self, Error> {
        let login = Login {
            token: token.cloned(),
            ..Login::default()
        };
        Self::log_in(url, &login, info, deadline).await
    }

    /// Connects and authenticates, all within `deadline`.
    pub async fn log_in(
        url: &str,
        login: &Login,
        info: &ClientInfo,
        deadline: Duration,
    ) -> Result<Self, Error> {
        let url: Arc<str> = shown(url).into();
        let opening = async {
            let (mut sender, mut receiver) = greet::open(&url, deadline).await?;
            let challenge = greet::challenge(&url, &mut receiver).await?;
            let params = greet::introduction(login, info, &challenge);
            let hello = greet::introduce(&url, (&mut sender, &mut receiver), params).await?;
            Ok((sender, receiver, hello))
        };
        let timed_out = || Error::TimedOut {
            url: url.clone(),
            what: "connect".into(),
        };
        let (sender, receiver, hello) = time::timeout(deadline, opening)
            .await
            .map_err(|_| timed_out())??;
        let (calls, waiting) = mpsc::channel(limits::CLIENT_CALLS);
        let (events, _) = broadcast::channel(limits::CLIENT_EVENTS);
        tokio::spawn(pump::run(
            url.clone(),
            (sender, receiver),
            waiting,
            events.clone(),
        ));
        Ok(Self {
            url,
            hello: Arc::new(hello),
            calls,
            events,
        })
    }

    /// What the gateway said when it let us in.
    pub fn hello(&self) -> &Value {
        &self.hello
    }

    /// The events from now on.
    pub fn events(&self) -> Events {
        self.events.subscribe()
    }

    /// Calls a method and waits for its first response.
    pub async fn call(&self, method: &str, params: Value, deadline: Duration) -> Result<Value, Error> {
        let mut responses = self.call_streaming(method, params, deadline).await?;
        match responses.next().await {
            Some(Ok(Response::Interim(payload) | Response::Final(payload))) => Ok(payload),
            Some(Err(error)) => Err(error),
            None => Err(pump::lost(&self.url)),
        }
    }

    /// Calls a method whose final response follows an interim one; both within `deadline`.
    pub async fn call_streaming(
        &self,
        method: &str,
        params: Value,
        deadline: Duration,
    ) -> Result<Responses, Error> {
        let deadline = Instant::now() + deadline;
        // two responses at most: the pump never waits here
        let (reply, responses) = mpsc::channel(2);
        let id = random::uuid();
        let call = pump::Call {
            id,
            method: method.to_owned(),
            params,
            reply,
        };
        match time::timeout_at(deadline, self.calls.send(call)).await {
            Ok(Ok(())) => Ok(Responses {
                url: self.url.clone(),
                responses,
                deadline,
                ended: false,
            }),
            Ok(Err(_)) => Err(pump::lost(&self.url)),
            Err(_) => Err(Error::TimedOut {
                url: self.url.clone(),
                what: method.to_owned(),
            }),
        }
    }
}

// === impl Responses ===

impl Responses {
    /// The next response; `None` after the final one or an error.
    pub async fn next(&mut self) -> Option<Result<Response, Error>> {
        if self.ended {
            return None;
        }
        let response = match time::timeout_at(self.deadline, self.responses.recv()).await {
            Ok(Some(response)) => response.map(|payload| {
                let accepted = payload.get("status").and_then(Value::as_str) == Some("accepted");
                if accepted {
                    Response::Interim(payload)
                } else {
                    Response::Final(payload)
                }
            }),
            Ok(None) => Err(pump::lost(&self.url)),
            Err(_) => Err(Error::TimedOut {
                url: self.url.clone(),
                what: "the call".into(),
            }),
        };
        self.ended = !matches!(response, Ok(Response::Interim(_)));
        Some(response)
    }
}

/// What whoever was refused can do.
fn next_step(details: &Value) -> &'static str {
    match details["code"].as_str() {
        Some("AUTH_RATE_LIMITED") => "wait, then retry",
        Some("AUTH_PASSWORD_MISSING" | "AUTH_PASSWORD_MISMATCH") => {
            "set the password with --password or OPENCLAW_GATEWAY_PASSWORD"
        }
        Some("AUTH_TOKEN_NOT_CONFIGURED") => "or run this on its machine",
        Some("AUTH_UNAUTHORIZED" | "AUTH_IDENTITY_HEADER_REQUIRED") => {
            "come by the proxy, or set gateway.auth.password there and give it with --password"
        }
        _ => {
            "set the token with --token or OPENCLAW_GATEWAY_TOKEN; if gateway.auth has changed since the gateway started, \
             restart it"
        }
    }
}

/// A URL without what may be secret in it.
fn shown(url: &str) -> String {
    let Ok(mut url) = url::Url::parse(url) else {
        return url.to_owned();
    };
    // URLs that can't have these have none
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}
