//! What clients of the gateway can ask for: one file for each family of methods. The protocol itself is in `gateway`.
mod agent;
mod agents;
mod approvals;
mod artifacts;
mod basis;
mod channels;
mod chat;
mod config;
mod cron;
mod devices;
mod diagnostics;
mod dispatch;
mod extensions;
mod feed;
mod for_agents;
mod health;
mod heartbeat;
mod login;
mod logs;
mod message;
mod models;
mod nodes;
mod offline;
mod pairing;
mod plugins;
mod restart;
mod routes;
mod runs;
mod send;
mod services;
mod sessions;
mod skills;
mod system;
mod themes;
mod tools;
mod work;

pub use offline::Offline;

use crate::{
    agent::Desk,
    app::Gateway,
    config::{Env, Reader},
    gateway::{self, Caller, Code, Events, Failure, Fleet, Handler, Method, Readiness, Responder, Scope},
    journal::{Journal, JournalError},
    observe::Telemetry,
};
use feed::Subscribers;
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{Error, ErrorKind};
use runs::Runs;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::{borrow::Cow, sync::Arc};
use tokio::sync::broadcast;

/// How a plugin's file and settings are read anew for a reload. It waits for the disk.
pub type Reread = Arc<dyn Fn(&str) -> Result<crate::plugins::plugin::Spec, String> + Send + Sync>;

/// What clients' wishes take beside the running gateway.
pub struct Backstage {
    /// How a plugin is read anew.
    pub reread: Reread,
    /// The environment.
    pub env: Env,
    /// Has the configuration read and followed.
    pub reader: Reader,
}

/// Answers clients.
pub struct Methods {
    gateway: Arc<Gateway>,
    fleet: Fleet,
    reread: Reread,
    files: Arc<config::Files>,
    runs: Arc<Runs>,
    subscribers: Arc<Subscribers>,
    telemetry: Arc<Telemetry>,
    logins: login::Logins,
}

impl Methods {
    /// For a running gateway.
    pub fn new(gateway: Arc<Gateway>, fleet: Fleet, backstage: Backstage) -> Self {
        system::begin();
        let files = config::Files::new(gateway.clone(), backstage.env, backstage.reader);
        let files = Arc::new(files);
        for_agents::ForAgents::open(&gateway, &files);
        let runs = Arc::<Runs>::default();
        gateway.desk().live.observe(runs.observer());
        Self {
            files,
            telemetry: diagnostics::watch(&gateway),
            gateway,
            fleet,
            reread: backstage.reread,
            runs,
            subscribers: Arc::default(),
            logins: login::Logins::default(),
        }
    }

    /// Tells the clients of a server what happens, from now on.
    pub fn tell(&self, events: &Events) {
        feed::start(&self.gateway, events, &self.subscribers, &self.runs);
        self.files.tell(events);
        plugins::tell(&self.gateway, events);
        approvals::tell(&self.gateway, events);
        extensions::forward(&self.gateway, events);
        forward("cron", self.gateway.cron().watch(), events);
        forward("heartbeat", self.gateway.heart().watch(), events);
    }
}

/// Tells everybody what somebody else says under this name, as long as he does.
fn forward(name: &'static str, mut news: broadcast::Receiver<Value>, events: &Events) {
    let events = events.clone();
    tokio::spawn(async move {
        loop {
            match news.recv().await {
                Ok(payload) => events.broadcast(name, &payload),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
}

/// All rows, family by family.
pub(crate) fn table() -> Vec<Method> {
    [
        agent::methods(),
        agents::methods(),
        approvals::methods(),
        artifacts::methods(),
        channels::methods(),
        chat::methods(),
        config::methods(),
        cron::methods(),
        devices::methods(),
        diagnostics::methods(),
        extensions::own_methods(),
        heartbeat::methods(),
        login::methods(),
        logs::methods(),
        message::methods(),
        models::methods(),
        nodes::methods(),
        pairing::methods(),
        plugins::methods(),
        restart::methods(),
        send::methods(),
        sessions::methods(),
        system::methods(),
        themes::methods(),
        tools::methods(),
        skills::methods(),
        work::methods(),
    ]
    .concat()
}

/// Answers what is about devices and nodes.
pub(crate) async fn of_fleet(
    fleet: &Fleet,
    method: &str,
    params: Value,
    caller: &Caller,
) -> Result<Value, Failure> {
    if method.starts_with("device.") {
        devices::call(&fleet.devices, method, params, caller).await
    } else {
        nodes::call(&fleet.nodes, method, params, caller).await
    }
}

impl Handler for Methods {
    fn methods(&self) -> Vec<Method> {
        table()
    }

    fn events(&self) -> Vec<Cow<'static, str>> {
        [
            "agent",
            "chat",
            "chat.send_timing",
            "config.changed",
            "plugins.changed",
            "cron",
            "exec.approval.requested",
            "exec.approval.resolved",
            "heartbeat",
            "sessions.changed",
            "session.message",
        ]
        .map(Cow::from)
        .to_vec()
    }

    fn capabilities(&self) -> Vec<Cow<'static, str>> {
        vec!["published-model-catalog".into()]
    }

    fn extra(&self, method: &str) -> Option<Method> {
        extensions::find(&self.gateway, method)
    }

    fn extras(&self) -> Vec<Method> {
        extensions::methods(&self.gateway)
    }

    fn routes(&self) -> Option<Arc<dyn gateway::Routes>> {
        Some(Arc::new(routes::OfPlugins::new(&self.gateway.registry)))
    }

    fn figures(&self) -> Option<BoxFuture<'_, (String, &'static str)>> {
        let on = self.gateway.desk().config().diagnostics.has_metrics();
        on.then(|| -> BoxFuture<'_, _> { Box::pin(diagnostics::figures(&self.telemetry, &self.gateway)) })
    }

    fn readiness(&self) -> Readiness {
        health::readiness(&self.gateway)
    }

    fn snapshot(&self, caller: &Caller) -> Map<String, Value> {
        let mut snapshot = Map::from_iter([(
            "sessionDefaults".to_owned(),
            agents::session_defaults(&self.gateway),
        )]);
        snapshot.insert("appliedConfigHash".into(), json!(self.gateway.applied().hash()));
        if caller.principal.scopes().permit(Scope::Admin) {
            let paths = self.gateway.paths();
            snapshot.insert("configPath".into(), json!(paths.config_file));
            snapshot.insert("stateDir".into(), json!(paths.state_dir));
        }
        snapshot
    }

    fn policy(&self) -> Map<String, Value> {
        chat::policy()
    }

    fn health<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Map<String, Value>> {
        Box::pin(health::health(&self.gateway, params))
    }

    fn status<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Map<String, Value>> {
        Box::pin(health::status(&self.gateway, params))
    }

    fn call<'a>(
        &'a self,
        method: &'a str,
        params: Value,
        caller: &'a Caller,
        respond: &'a mut Responder,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(self.answer(method, params, caller, respond))
    }
}

impl std::fmt::Debug for Methods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Methods").finish_non_exhaustive()
    }
}

/// The parameters of a method. None at all are the same as an empty object.
fn params<T: DeserializeOwned>(method: &str, params: Value) -> Result<T, Failure> {
    let params = if params.is_null() { json!({}) } else { params };
    serde_json::from_value(params).map_err(|error| Failure::params(method, error))
}

/// Asks the journal.
async fn journal<T: Send + 'static>(
    desk: &Desk,
    work: impl FnOnce(&Journal) -> Result<T, JournalError> + Send + 'static,
) -> Result<T, Failure> {
    let done = desk.journal.run(work).await;
    done.map_err(|error| Failure::unavailable(error.to_string()))
}

/// What went wrong, as the protocol tells it.
fn failed(error: &Error) -> Failure {
    let code = match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::NotFound => Code::InvalidRequest,
        _ => Code::Unavailable,
    };
    Failure::new(code, error.to_string())
}

/// A failure of a run, with the run's own record beside it.
fn failed_run(run_id: &str, message: String) -> Failure {
    let payload = json!({ "runId": run_id, "status": "error", "summary": message });
    Failure::unavailable(message).with_payload(payload)
}
