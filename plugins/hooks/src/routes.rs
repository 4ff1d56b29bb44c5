//! The route, from the head of a call to its acknowledgement.
use crate::{
    auth::Auth,
    config::Hooks,
    mapping::Mappings,
    reply::Reply,
    request::{self, Order},
    session::Rules,
    template::Scope,
};
use openclaw_plugin_api::{
    Answer, Error, ErrorKind, Host, HttpCall, HttpRoutes, Result, Route, RouteAuth, Submission, SystemEvent,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Where webhooks are.
pub(crate) const PATH: &str = "/hooks";
/// Longest body if the operator says nothing, bytes.
const MAX_BODY: u64 = 256 * 1024;
/// Time for a body to arrive, milliseconds.
const BODY_TIME_MS: u64 = 10_000;
/// How long a call by which an agent was woken is remembered, so that its repeat wakes nobody.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// The webhooks.
pub(crate) struct Webhooks {
    host: Host,
    auth: Auth,
    rules: Rules,
    mappings: Mappings,
    max_body: u64,
    waking: Waking,
}

/// Keys of calls that are waking an agent right now: as many as calls are under way.
#[derive(Default)]
struct Waking(Mutex<BTreeSet<String>>);

/// Dropping it lets the next call with this key in.
struct Turn<'a> {
    waking: &'a Waking,
    key: &'a str,
}

impl Webhooks {
    /// Fails without a token: nobody could be told from anybody.
    pub(crate) fn new(host: Host, hooks: Hooks) -> Result<Self> {
        let token = hooks
            .token
            .clone()
            .filter(|token| !token.expose().trim().is_empty());
        if hooks.enabled && token.is_none() {
            return Err(Error::new(
                ErrorKind::Config,
                "hooks.enabled needs hooks.token: set it to a long random word that callers bring",
            ));
        }
        Ok(Self {
            host,
            auth: Auth::new(token.filter(|_| hooks.enabled)),
            rules: Rules::new(&hooks),
            mappings: if hooks.enabled {
                Mappings::new(&hooks)
            } else {
                Mappings::default()
            },
            max_body: hooks.max_body_bytes.unwrap_or(MAX_BODY),
            waking: Waking::default(),
        })
    }

    async fn reply(&self, call: &HttpCall) -> Reply {
        let name = call.path.strip_prefix(PATH).unwrap_or_default().trim_matches('/');
        let body: Value = match call.body.as_slice() {
            [] => json!({}),
            body => match serde_json::from_slice(body) {
                Ok(body) => body,
                Err(error) => return Reply::wrong(format!("the body is no JSON: {error}")),
            },
        };
        if !body.is_object() {
            return Reply::wrong("the body is no JSON object");
        }
        let key = request::key(call, &body);
        let order = match name {
            "" => return Reply::missing(),
            "wake" => request::wake(&self.rules, call, body),
            "agent" => request::ask(&self.rules, call, &key, body),
            name => {
                let Some(mapping) = self.mappings.find(name, &body) else {
                    return Reply::missing();
                };
                let scope = Scope {
                    payload: &body,
                    headers: &call.headers,
                    query: &call.query,
                    path: name,
                };
                mapping.order(&self.rules, call, &key, scope)
            }
        };
        let done = match order {
            Err(why) => return Reply::wrong(why),
            Ok(Order::Ask(message)) => self.ask(*message).await,
            Ok(Order::Wake(event)) => self.wake(&key, event).await,
        };
        done.unwrap_or_else(|error| Reply::from(&error))
    }

    async fn ask(&self, mut message: Submission) -> Result<Reply> {
        let taken = match self.host.agents().submit(&message).await {
            // an agent that is gone leaves its work to the one that answers where none is named
            Err(error) if error.kind() == ErrorKind::NotFound && !message.agent_id.is_empty() => {
                tracing::warn!(
                    "a webhook asks for an agent that is not there: {}",
                    error.message()
                );
                message.agent_id.clear();
                self.host.agents().submit(&message).await?
            }
            taken => taken?,
        };
        Ok(Reply::done(202, json!({ "ok": true, "runId": taken.run_id })))
    }

    async fn wake(&self, key: &str, event: SystemEvent) -> Result<Reply> {
        let (seen, store) = (format!("wake:{key}"), self.host.store());
        let told = |outcome| {
            let mode = if event.wake { "now" } else { "next-heartbeat" };
            Reply::done(200, json!({ "ok": true, "mode": mode, "eventOutcome": outcome }))
        };
        // Told first and noted then, so that nothing is lost; meanwhile a repeat knows nothing of it.
        let _turn = self.waking.turn(key)?;
        if !key.is_empty() && store.get(&seen).await?.is_some() {
            return Ok(told("coalesced"));
        }
        self.host.agents().tell(&event).await?;
        if !key.is_empty() {
            store.add(&seen, Vec::new(), Some(REMEMBERED)).await?;
        }
        Ok(told("queued"))
    }
}

impl Waking {
    /// The turn of a call; none is needed without a key. A repeat at the same time may come again.
    fn turn<'a>(&'a self, key: &'a str) -> Result<Option<Turn<'a>>> {
        if key.is_empty() {
            return Ok(None);
        }
        if !self.lock().insert(key.to_owned()) {
            let text = "a call with the same key is being worked on; send it again in a moment";
            return Err(Error::new(ErrorKind::Overloaded, text));
        }
        Ok(Some(Turn { waking: self, key }))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.waking.lock().remove(self.key);
    }
}

impl HttpRoutes for Webhooks {
    fn routes(&self) -> Vec<Route> {
        vec![Route {
            path: PATH.into(),
            prefix: true,
            methods: vec!["POST".into()],
            auth: RouteAuth::Signature,
            check_head: true,
            max_body_bytes: self.max_body,
            body_timeout_ms: BODY_TIME_MS,
            ..Route::default()
        }]
    }

    fn check(&self, head: &HttpCall) -> Result<()> {
        self.auth.check(head)
    }

    fn verify(&self, call: &HttpCall) -> Result<()> {
        self.auth.verify(call)
    }

    async fn handle(&self, call: HttpCall, answer: Answer) -> Result<()> {
        self.reply(&call).await.send(answer).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_calls_with_one_key_take_turns() {
        let waking = Waking::default();
        let first = waking.turn("k").expect("it is the first");
        let error = waking.turn("k").err().expect("the first is not through");
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        assert!(waking.turn("other").is_ok() && waking.turn("").is_ok());
        drop(first);
        assert!(waking.turn("k").is_ok());
    }
}
