//! `config.*` and `secrets.reload`: the configuration as clients see and change it.
//!
//! Invariant: no secret leaves: where one stands clients see a placeholder, and a placeholder that comes back keeps what is
//! stored. What is written is a configuration, or nothing is written.
mod hints;
mod limit;
mod lookup;
mod place;
mod show;
mod write;

pub(super) use limit::Writes;
pub(super) use place::Place;
pub(super) use write::{Change, change};

use super::params;
use crate::{
    app::Gateway,
    config::{Env, Reader},
    gateway::{Caller, Events, Failure, Method, Scope},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    sync::{Arc, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::Mutex;

/// How long the gateway has to follow a change before the caller is answered.
const FOLLOWED: Duration = Duration::from_secs(30);

/// Longest text of a configuration that is taken, bytes.
const MAX_RAW: usize = 8 << 20;

/// What the configuration is read, judged, written and followed with.
pub(super) struct Files {
    pub(super) gateway: Arc<Gateway>,
    env: Env,
    reader: Reader,
    writing: Mutex<()>,
    pub(super) writes: Writes,
    events: OnceLock<Events>,
    /// The state of the file that clients were told last.
    told: std::sync::Mutex<String>,
}

/// Parameters of methods that take none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Parameters of `config.set`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Set {
    raw: String,
    #[serde(default)]
    base_hash: Option<String>,
}

/// Parameters of `config.apply` and `config.patch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Write {
    raw: String,
    #[serde(default)]
    base_hash: Option<String>,
    #[serde(default)]
    note: Option<String>,
    /// For a `config.patch` only.
    #[serde(default)]
    replace_paths: Option<Vec<String>>,
    /// Who is told of a restart; nothing is restarted here.
    #[serde(default, rename = "sessionKey")]
    _session_key: Option<String>,
    #[serde(default, rename = "deliveryContext")]
    _delivery_context: Option<DeliveryContext>,
    #[serde(default, rename = "restartDelayMs")]
    _restart_delay_ms: Option<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeliveryContext {
    #[serde(default, rename = "channel")]
    _channel: Option<String>,
    #[serde(default, rename = "to")]
    _to: Option<String>,
    #[serde(default, rename = "accountId")]
    _account_id: Option<String>,
    #[serde(default, rename = "threadId")]
    _thread_id: Option<Value>,
}

/// Parameters of `config.schema.lookup`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Lookup {
    #[schemars(length(max = 1024))]
    path: String,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("config.get", Scope::Read).with::<Nothing>(),
        Method::new("config.set", Scope::Admin).with::<Set>(),
        Method::new("config.apply", Scope::Admin).with::<Write>(),
        Method::new("config.patch", Scope::Admin).with::<Write>(),
        Method::new("config.schema", Scope::Read).with::<Nothing>(),
        Method::new("config.schema.lookup", Scope::Read).with::<Lookup>(),
        Method::new("secrets.reload", Scope::Admin).with::<Nothing>(),
    ]
}

/// Answers what is about the configuration.
pub(super) async fn call(
    files: &Files,
    method: &str,
    given: Value,
    caller: &Caller,
) -> Result<Value, Failure> {
    match method {
        "config.get" => {
            let with_comments = caller.principal.scopes().permit(Scope::Admin);
            files.aside(move |place| show::answer(place, with_comments)).await
        }
        "config.schema" => files.aside(|place| Ok(hints::answer(place))).await,
        "config.schema.lookup" => {
            let asked: Lookup = params(method, given)?;
            files.aside(move |place| lookup::answer(place, &asked.path)).await
        }
        "secrets.reload" => {
            let warnings = files.followed().await.map_err(Failure::unavailable)?;
            Ok(json!({ "ok": true, "warningCount": warnings }))
        }
        _ => {
            files.writes.take(method, caller)?;
            let change = asked(method, given)?;
            write::change(files, change).await
        }
    }
}

/// The same for agents' own tools: to look, and to change what they were let through with.
pub(super) async fn for_agents(files: &Files, method: &str, given: Value) -> Result<Value, Failure> {
    match method {
        "config.get" => files.aside(|place| show::answer(place, false)).await,
        "config.schema.lookup" => {
            let asked: Lookup = params(method, given)?;
            files.aside(move |place| lookup::answer(place, &asked.path)).await
        }
        "config.patch" => write::change(files, asked(method, given)?).await,
        _ => Err(Failure::unknown_method(method)),
    }
}

fn asked(method: &str, given: Value) -> Result<Change, Failure> {
    let (asked, kind) = match method {
        "config.set" => {
            let Set { raw, base_hash } = params(method, given)?;
            let asked = Write {
                raw,
                base_hash,
                note: None,
                replace_paths: None,
                _session_key: None,
                _delivery_context: None,
                _restart_delay_ms: None,
            };
            (asked, write::Kind::Set)
        }
        "config.apply" => (params(method, given)?, write::Kind::Apply),
        _ => (params(method, given)?, write::Kind::Patch),
    };
    if asked.raw.len() > MAX_RAW {
        return Err(Failure::params(
            method,
            format_args!("raw has more than {MAX_RAW} bytes"),
        ));
    }
    if asked.replace_paths.is_some() && kind != write::Kind::Patch {
        return Err(Failure::params(
            method,
            "at root: unexpected property 'replacePaths'",
        ));
    }
    Ok(Change {
        kind,
        raw: asked.raw,
        base: write::Base::Hash(asked.base_hash),
        note: asked.note,
        replace: asked.replace_paths.unwrap_or_default(),
    })
}

// === impl Files ===

impl Files {
    pub(super) fn new(gateway: Arc<Gateway>, env: Env, reader: Reader) -> Self {
        Self {
            gateway,
            env,
            reader,
            writing: Mutex::default(),
            writes: Writes::default(),
            events: OnceLock::new(),
            told: std::sync::Mutex::default(),
        }
    }

    /// Tells these clients from now on, whoever writes the file.
    pub(super) fn tell(self: &Arc<Self>, events: &Events) {
        if self.events.set(events.clone()).is_err() {
            return;
        }
        let (files, mut applied) = (self.clone(), self.gateway.applied().watch());
        tokio::spawn(async move {
            while applied.changed().await.is_ok() {
                let seen = files
                    .aside(|place| Ok(place.look().hash(&place.fingerprint)))
                    .await;
                if let Ok(Some(hash)) = seen {
                    files.changed(&hash);
                }
            }
        });
    }

    /// Tells clients that the file is another one, once for each state of it.
    fn changed(&self, hash: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told == hash {
            return;
        }
        hash.clone_into(&mut told);
        if let Some(events) = self.events.get() {
            let (path, ts) = (&self.gateway.paths().config_file, self.gateway.now_ms());
            events.broadcast("config.changed", &json!({ "path": path, "hash": hash, "ts": ts }));
        }
    }

    /// Does something with the files, which waits for the disk.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Place) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (gateway, env) = (self.gateway.clone(), self.env.clone());
        let done = tokio::task::spawn_blocking(move || work(&Place::new(&gateway, env))).await;
        done.unwrap_or_else(|ended| Err(Failure::unavailable(ended.to_string())))
    }

    /// Has the files read and waits until what they say runs. The error says why it does not.
    async fn followed(&self) -> Result<usize, String> {
        let slow = || format!("the gateway does not follow within {FOLLOWED:?}; see its log");
        tokio::time::timeout(FOLLOWED, self.reader.read())
            .await
            .unwrap_or_else(|_| Err(slow()))
    }
}
