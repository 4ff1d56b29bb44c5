//! The plugin as a whole: its state, and what is there once calls can be made.
use crate::{
    call::{Calls, MediaEvents},
    clock::Clock,
    config::Config,
    provider::Carrier,
    reach::{self, Reach},
    settings::{self, Settings, Setup},
    stream::Streams,
    ways::{self, Ways},
    webhook::{Gate, Replays},
};
use openclaw_plugin_api::{Error, ErrorKind, Health, Host, Result, Service, TaskHandle};
use serde_json::{Value, json};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use url::Url;

/// Where everything finds the phone, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Line(Arc<Mutex<State>>);

/// How the plugin is.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// It has not started, or has stopped.
    Stopped,
    /// Switched off by `config.enabled`.
    Disabled,
    /// Something is missing.
    Incomplete(Vec<String>),
    /// It can't work as it is set up, and why.
    Refused(String),
    /// Calls can be taken or made.
    Ready(Arc<Phone>),
}

/// What is there once calls can be made.
#[derive(Debug)]
pub(crate) struct Phone {
    pub(crate) host: Host,
    pub(crate) settings: Arc<Settings>,
    pub(crate) carrier: Arc<Carrier>,
    pub(crate) reach: Reach,
    pub(crate) gate: Gate,
    pub(crate) replays: Replays,
    pub(crate) calls: Calls,
    pub(crate) ways: Ways,
    /// What the streams tell goes here as long as there is a phone.
    ears: Ears,
}

/// The call model as streams see it.
struct Ears(Arc<dyn MediaEvents>);

/// Brings the phone up and down.
#[derive(Debug)]
pub(crate) struct VoiceCall {
    host: Host,
    config: Config,
    line: Line,
    clock: Clock,
    streams: Streams,
    /// Keeps the ways in open.
    task: Mutex<Option<TaskHandle>>,
}

// === impl Line ===

impl Line {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State::Stopped)))
    }

    /// The phone; or why there is none, which every command and method says.
    pub(crate) fn phone(&self) -> Result<Arc<Phone>> {
        match &*self.state() {
            State::Ready(phone) => Ok(phone.clone()),
            other => Err(Error::new(ErrorKind::Config, other.problem())),
        }
    }

    /// How the plugin is, for people and for programs.
    pub(crate) fn report(&self) -> Value {
        match &*self.state() {
            State::Ready(phone) => phone.report(),
            State::Incomplete(missing) => {
                json!({ "ready": false, "state": "setup incomplete", "missing": missing })
            }
            other => json!({ "ready": false, "state": other.problem() }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.state() = state;
    }
}

// === impl State ===

impl State {
    fn problem(&self) -> String {
        match self {
            Self::Ready(_) => String::new(),
            Self::Stopped => "voice-call has not started yet".to_owned(),
            Self::Disabled => {
                "voice-call is disabled; set plugins.entries.voice-call.config.enabled to true".to_owned()
            }
            Self::Incomplete(missing) => format!("voice-call: setup incomplete: {}", missing.join("; ")),
            Self::Refused(why) => format!("voice-call: {why}"),
        }
    }
}

// === impl Phone ===

impl Phone {
    pub(crate) fn new(host: Host, settings: Settings, clock: Clock, ways: Ways) -> Self {
        let settings = Arc::new(settings);
        let carrier = Arc::new(Carrier::new(&host, &settings));
        let reach = Reach::new(&settings);
        let calls = Calls::new(
            host.clone(),
            settings.clone(),
            carrier.clone(),
            reach.clone(),
            clock.clone(),
        );
        Self {
            gate: Gate::new(settings.clone(), reach.clone(), clock),
            replays: Replays::new(&host),
            host,
            settings,
            carrier,
            reach,
            ears: Ears(Arc::new(calls.clone())),
            calls,
            ways,
        }
    }

    fn report(&self) -> Value {
        let url = self.reach.webhook();
        let config = &self.settings.config;
        let mut report = json!({
            "ready": true,
            "state": "ready",
            "provider": self.carrier.name(),
            "fromNumber": self.settings.from,
            "inbound": format!("{:?}", config.inbound_policy).to_lowercase(),
            "webhookUrl": url,
            "calls": self.calls.active().len(),
        });
        if let Some(problem) = self.ways.problem() {
            report["degraded"] = json!(problem);
        }
        if url.is_none() {
            report["note"] = match (config.expects_tunnel(), self.carrier.name()) {
                (_, "mock") => json!("webhooks of the mock carrier are taken on this machine only"),
                (true, _) => json!("the tunnel is not up: no webhook can arrive"),
                (false, _) => json!("no webhook can arrive: only outbound notify calls can be made"),
            };
        }
        report
    }
}

// === impl VoiceCall ===

impl VoiceCall {
    pub(crate) fn new(host: Host, config: Config, line: Line, clock: Clock, streams: Streams) -> Self {
        Self {
            host,
            config,
            line,
            clock,
            streams,
            task: Mutex::default(),
        }
    }

    async fn bring_up(&self) -> Result<State> {
        let settings = match settings::settle(&self.host, self.config.clone()).await? {
            Setup::Disabled => return Ok(State::Disabled),
            Setup::Incomplete(missing) => return Ok(State::Incomplete(missing)),
            Setup::Ready(settings) => *settings,
        };
        if let Some(why) = reach::refusal(&settings) {
            return Ok(State::Refused(why));
        }
        let (ways, tunnel) = Ways::new(&settings);
        let phone = Phone::new(self.host.clone(), settings, self.clock.clone(), ways);
        let phone = Arc::new(phone);
        if self.streams.is_wanted() {
            phone.calls.hear(Arc::new(self.streams.clone()));
            self.streams.start(Arc::downgrade(&phone.ears.0));
        }
        let public = phone.reach.webhook().and_then(|url| Url::parse(&url).ok());
        self.streams.reached_by(public.as_ref());
        phone.calls.restore().await?;
        let calls = phone.calls.clone();
        self.host.spawn(async move { calls.verify().await });
        let open = ways::keep_open(self.host.clone(), phone.clone(), self.streams.clone(), tunnel);
        let open = self.host.spawn(open);
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
        Ok(State::Ready(phone))
    }
}

impl Service for VoiceCall {
    const ID: &'static str = "voicecall";

    async fn start(&self) -> Result<()> {
        let state = self.bring_up().await?;
        match &state {
            State::Ready(phone) => tracing::info!(
                provider = phone.carrier.name(),
                webhook = phone.reach.webhook(),
                "voice-call: Runtime initialized"
            ),
            other => tracing::warn!(problem = other.problem(), "voice-call: no calls"),
        }
        self.line.set(state);
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
        self.streams.reached_by(None);
        self.line.set(State::Stopped);
        Ok(())
    }

    async fn health(&self) -> Result<Health> {
        let report = self.line.report();
        let problem = match &*self.line.state() {
            State::Ready(phone) => phone.ways.problem(),
            State::Disabled => None,
            other => Some(other.problem()),
        };
        Ok(Health {
            ok: problem.is_none(),
            problem: problem.unwrap_or_default(),
            details: report.as_object().cloned().unwrap_or_default(),
        })
    }
}

impl fmt::Debug for Ears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ears")
    }
}
