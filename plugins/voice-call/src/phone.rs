//! The plugin as a whole: its state, and what is there once calls can be made.
use crate::{
    call::Calls,
    clock::Clock,
    config::Config,
    provider::Carrier,
    reach::{self, Reach},
    settings::{self, Settings, Setup},
    webhook::{Gate, Replays},
};
use openclaw_plugin_api::{Error, ErrorKind, Health, Host, Result, Service};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
}

/// Brings the phone up and down.
#[derive(Debug)]
pub(crate) struct VoiceCall {
    host: Host,
    config: Config,
    line: Line,
    clock: Clock,
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
    pub(crate) fn new(host: Host, settings: Settings, clock: Clock) -> Self {
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
            calls,
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
    pub(crate) fn new(host: Host, config: Config, line: Line, clock: Clock) -> Self {
        Self {
            host,
            config,
            line,
            clock,
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
        let phone = Arc::new(Phone::new(self.host.clone(), settings, self.clock.clone()));
        phone.calls.restore().await?;
        let calls = phone.calls.clone();
        self.host.spawn(async move { calls.verify().await });
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
        self.line.set(State::Stopped);
        Ok(())
    }

    async fn health(&self) -> Result<Health> {
        let report = self.line.report();
        let ok = matches!(*self.line.state(), State::Ready(_) | State::Disabled);
        Ok(Health {
            ok,
            problem: if ok {
                String::new()
            } else {
                self.line.state().problem()
            },
            details: report.as_object().cloned().unwrap_or_default(),
        })
    }
}
