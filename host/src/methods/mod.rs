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
mod extensions;
mod feed;
mod for_agents;
mod health;
mod heartbeat;
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

/// Is it about devices and nodes?
fn is_of_fleet(method: &str) -> bool {
    let mut rows = devices::methods().into_iter().chain(nodes::methods());
    rows.any(|row| row.name == method)
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
        let gateway = &self.gateway;
        Box::pin(async move {
            match method {
                "agent" => agent::run(gateway, caller, params, respond).await,
                "agent.wait" => agent::wait(gateway, &self.runs, params).await,
                "agent.identity.get" => agents::identity(gateway, params),
                "agents.list" => agents::list(gateway, caller, params).await,
                "agents.create" => agents::create(gateway, params).await,
                "agents.update" => agents::update(gateway, params).await,
                "agents.delete" => agents::delete(gateway, params).await,
                "agents.files.list" => agents::list_files(gateway, params).await,
                "agents.files.get" => agents::get_file(gateway, params).await,
                "agents.files.set" => agents::set_file(gateway, params).await,
                "chat.send" => chat::send(gateway, caller, params, respond).await,
                "chat.abort" => chat::abort(gateway, params).await,
                "chat.history" => chat::history(gateway, params).await,
                "chat.startup" => chat::startup(gateway, params).await,
                "chat.message.get" => chat::message(gateway, params).await,
                "chat.inject" => chat::inject(gateway, params).await,
                "chat.metadata" => chat::metadata(gateway, params).await,
                "commands.list" => chat::list_commands(gateway, params),
                "commands.run" => extensions::run_command(gateway, params).await,
                "channels.status" => channels::status(gateway, params).await,
                "channels.start" => channels::start(gateway, params).await,
                "channels.stop" => channels::stop(gateway, params).await,
                "channels.logout" => channels::logout(gateway, params).await,
                "logs.tail" => logs::tail(params).await,
                "models.list" => models::list(gateway, params).await,
                "models.authStatus" => models::auth_status(gateway, params),
                "plugins.list"
                | "plugins.inspect"
                | "plugins.setEnabled"
                | "plugins.reload"
                | "plugins.catalog.browse"
                | "plugins.catalog.get" => {
                    plugins::call(&self.files, &self.reread, method, params, caller).await
                }
                "channels.pairing.list" | "channels.pairing.approve" | "channels.pairing.dismiss" => {
                    pairing::call(&self.files, method, params, caller).await
                }
                "tools.catalog" | "tools.effective" | "tools.invoke" => {
                    tools::call(gateway, method, params, caller).await
                }
                _ if method.starts_with("gateway.restart.") => {
                    restart::call(gateway, method, params, respond)
                }
                "system.info" | "update.status" => Ok(system::call(method)),
                "themes.list" => themes::list(gateway, params),
                "message.action" => message::act(gateway, caller, params).await,
                "diagnostics.stability" => diagnostics::stability(&self.telemetry, gateway, params),
                "diagnostics.lanes" | "tasks.list" => work::call(gateway, method, params).await,
                "send" => send::send(gateway, params).await,
                "sessions.list" => sessions::list(gateway, params).await,
                "sessions.get" => sessions::get(gateway, params).await,
                "sessions.describe" => sessions::describe(gateway, params).await,
                "sessions.preview" => sessions::preview(gateway, params).await,
                "sessions.resolve" => sessions::resolve(gateway, params).await,
                "sessions.create" => sessions::create(gateway, caller, params).await,
                "sessions.send" => {
                    chat::sessions_send(gateway, caller, "sessions.send", params, respond).await
                }
                "sessions.steer" => {
                    chat::sessions_send(gateway, caller, "sessions.steer", params, respond).await
                }
                "sessions.abort" => sessions::abort(gateway, params).await,
                "sessions.compact" => sessions::compact(gateway, params).await,
                "sessions.groups.list" => Ok(sessions::groups()),
                "sessions.groups.defaults" => Ok(sessions::group_defaults()),
                "sessions.subscribe"
                | "sessions.unsubscribe"
                | "sessions.messages.subscribe"
                | "sessions.messages.unsubscribe" => {
                    sessions::subscribe(gateway, &self.subscribers, caller, method, params).await
                }
                "sessions.usage" => sessions::usage(gateway, params).await,
                "sessions.usage.timeseries" => sessions::timeseries(gateway, params).await,
                "sessions.usage.logs" => sessions::logs(gateway, params).await,
                "usage.cost" => sessions::cost(gateway, params).await,
                "usage.status" => Ok(sessions::status(gateway)),
                "sessions.patch" => sessions::patch(gateway, params).await,
                "sessions.reset" => sessions::reset(gateway, params).await,
                "sessions.delete" => sessions::delete(gateway, params).await,
                "config.get"
                | "config.set"
                | "config.apply"
                | "config.patch"
                | "config.schema"
                | "config.schema.lookup"
                | "secrets.reload" => config::call(&self.files, method, params, caller).await,
                "wake" | "system-event" | "last-heartbeat" | "set-heartbeats" => {
                    heartbeat::call(gateway, method, params).await
                }
                _ if method.starts_with("skills.") => skills::call(gateway, method, params).await,
                _ if method.starts_with("exec.approval")
                    || method.starts_with("approval.")
                    || method.ends_with(".approval.list") =>
                {
                    approvals::call(gateway, method, params, caller, respond).await
                }
                _ if method.starts_with("artifacts.") => artifacts::call(gateway, method, params).await,
                _ if method.starts_with("cron.") => cron::call(gateway, method, params).await,
                _ if is_of_fleet(method) => of_fleet(&self.fleet, method, params, caller).await,
                _ => extensions::call(gateway, method, params, caller).await,
            }
        })
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
