//! The call model with carriers whose REST is a script.
mod carriers;
mod inbound;
mod lifetime;
mod meanwhile;
mod outbound;
mod window;

use crate::{
    call::{CallId, Record},
    clock::Clock,
    config::{Config, E164},
    phone::Phone,
    provider::Reply,
    settings::{Credentials, Settings},
    webhook::Verified,
};
use openclaw_plugin_api::{
    Error, ErrorKind, Secret,
    testing::{FakeAnswer, FakeRequest, TestHost},
};
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};
use url::form_urlencoded;

/// Somebody who may call.
pub(super) const ADA: &str = "+15550001111";
/// The gateway's number.
pub(super) const OURS: &str = "+15550009999";

/// A phone, and what its carrier was asked.
pub(super) struct Lab {
    pub(super) host: TestHost,
    pub(super) phone: Phone,
    pub(super) now: Arc<AtomicU64>,
    pub(super) asked: Asked,
    /// What the carrier answers to the next requests: a status each.
    pub(super) faults: Arc<Mutex<Vec<u16>>>,
    config: Value,
    carrier: &'static str,
    webhooks: AtomicU64,
}

/// What a carrier was asked.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<Mutex<Vec<Request>>>);

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) form: Vec<(String, String)>,
    pub(super) json: Value,
}

// === impl Request ===

impl Request {
    fn of(request: &FakeRequest) -> Self {
        let url: url::Url = request.head.url.parse().expect("an address");
        Self {
            method: request.head.method.clone(),
            path: url.path().to_owned(),
            form: form_urlencoded::parse(&request.body).into_owned().collect(),
            json: serde_json::from_slice(&request.body).unwrap_or_default(),
        }
    }

    /// A field of the form.
    pub(super) fn field(&self, name: &str) -> &str {
        let found = self.form.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

// === impl Asked ===

impl Asked {
    pub(super) fn all(&self) -> Vec<Request> {
        self.0.lock().expect("nobody panicked").clone()
    }

    pub(super) fn last(&self) -> Request {
        self.all().pop().expect("something was asked")
    }
}

// === impl Lab ===

impl Lab {
    pub(super) fn new(carrier: &'static str, config: Value) -> Self {
        Self::on(TestHost::new(), carrier, config)
    }

    /// On a host that may remember calls.
    pub(super) fn on(host: TestHost, carrier: &'static str, config: Value) -> Self {
        let (asked, faults) = (Asked::default(), Arc::<Mutex<Vec<u16>>>::default());
        let (log, script) = (asked.clone(), faults.clone());
        let host = host.agent_answer("Nice to hear you.").web(move |request| {
            log.0.lock().expect("nobody panicked").push(Request::of(&request));
            let mut script = script.lock().expect("nobody panicked");
            let fault = if script.is_empty() { 200 } else { script.remove(0) };
            match fault {
                0 => Err(Error::new(
                    ErrorKind::Network,
                    "AC1 and its token stand in this text",
                )),
                200 => Ok(FakeAnswer::json(
                    201,
                    &json!({
                        "sid": "CA1", "status": "in-progress", "request_uuid": "req-1",
                        "data": { "call_control_id": "v3:abc", "is_alive": true },
                    }),
                )),
                status => Ok(FakeAnswer::json(status, &json!({"message": "no"}))),
            }
        });
        let now = Arc::new(AtomicU64::new(1_000_000));
        let clock = now.clone();
        let clock = Clock::from_fn(move || clock.load(Ordering::Relaxed));
        let phone = Phone::new(
            host.host(),
            settings(carrier, &config),
            clock,
            crate::ways::Ways::default(),
        );
        Self {
            host,
            phone,
            now,
            asked,
            faults,
            config,
            carrier,
            webhooks: AtomicU64::new(0),
        }
    }

    /// The same host after the process was killed.
    pub(super) async fn killed(self) -> Self {
        let Self {
            host,
            now,
            config,
            carrier,
            webhooks,
            ..
        } = self;
        let mut lab = Self::on(host, carrier, config);
        // no two webhooks are alike
        lab.webhooks = webhooks;
        lab.now.store(now.load(Ordering::Relaxed), Ordering::Relaxed);
        lab
    }

    /// The next webhook is the last one once more.
    pub(super) fn as_before(&self) {
        self.webhooks.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes up what the process left.
    pub(super) async fn restored(&self) {
        self.phone.calls.restore().await.expect("a store");
        self.phone.calls.verify().await;
    }

    /// A webhook with a form; gives the document that answers it.
    pub(super) async fn form(&self, query: &str, params: &[(&str, &str)]) -> String {
        self.hook(query, params, b"").await.body
    }

    /// A webhook with JSON.
    pub(super) async fn told(&self, body: &Value) -> String {
        self.hook("", &[], body.to_string().as_bytes()).await.body
    }

    async fn hook(&self, query: &str, params: &[(&str, &str)], body: &[u8]) -> Reply {
        let key = format!("key-{}", self.webhooks.fetch_add(1, Ordering::Relaxed));
        let webhook = Verified::made_up(&key, query, params, body);
        let incoming = self.phone.carrier.read(&webhook);
        let taken = self
            .phone
            .calls
            .take(&incoming, webhook.webhook())
            .await
            .expect("taken");
        let reply = self.phone.carrier.answer(&taken.step, taken.leg.as_ref());
        self.phone.calls.follow_up(taken.after).await;
        reply
    }

    /// The only call.
    pub(super) async fn call(&self) -> Record {
        let mut records = self.phone.calls.history(10).await.expect("a store");
        assert_eq!(records.len(), 1, "{records:#?}");
        records.remove(0)
    }

    /// Waits until so much was asked.
    pub(super) async fn until_asked(&self, count: usize) -> Request {
        for _ in 0..10_000 {
            let asked = self.asked.all();
            if asked.len() >= count {
                // and until what was answered has been taken in
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                return asked[count - 1].clone();
            }
            tokio::task::yield_now().await;
        }
        panic!("{count} requests were waited for; {:#?}", self.asked.all());
    }

    /// Time passes, and what is due is done.
    pub(super) async fn pass(&self, ms: u64) {
        self.now.fetch_add(ms, Ordering::Relaxed);
        self.phone.calls.tick().await;
    }

    /// The newest call's id.
    pub(super) fn id(&self) -> CallId {
        self.phone.calls.active().last().expect("a call").call_id.clone()
    }
}

fn settings(carrier: &str, config: &Value) -> Settings {
    let mut config = config.clone();
    config["provider"] = json!(carrier);
    let defaults = [
        ("publicUrl", json!("https://voice.example.com/voice/webhook")),
        ("inboundPolicy", json!("allowlist")),
        ("allowFrom", json!([ADA])),
    ];
    for (key, value) in defaults {
        if config.get(key).is_none() {
            config[key] = value;
        }
    }
    let config: Config = serde_json::from_value(config).expect("it fits");
    let credentials = match carrier {
        "twilio" => Credentials::Twilio {
            account_sid: "AC1".into(),
            auth_token: Secret::new("hush"),
            region: crate::config::Region::Us1,
        },
        "telnyx" => Credentials::Telnyx {
            api_key: Secret::new("hush"),
            connection_id: "conn".into(),
            public_key: "k".into(),
        },
        "plivo" => Credentials::Plivo {
            auth_id: "MA1".into(),
            auth_token: Secret::new("hush"),
        },
        _ => Credentials::Mock,
    };
    let public_url = config.public_url.as_deref().filter(|url| !url.is_empty());
    Settings {
        public_url: public_url.map(|url| url.parse().expect("an address")),
        config,
        credentials,
        from: E164::parse(OURS).expect("a number"),
        ngrok_token: None,
        ngrok_domain: None,
    }
}

/// The part of a text between two others.
pub(super) fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let rest = text
        .split_once(from)
        .unwrap_or_else(|| panic!("{from} in {text}"))
        .1;
    rest.split_once(to).unwrap_or_else(|| panic!("{to} in {rest}")).0
}

/// The query of the first link to the webhook in a document, as Twilio sends it back.
pub(super) fn action(document: &str) -> String {
    between(
        document,
        "action=\"https://voice.example.com/voice/webhook?",
        "\"",
    )
    .replace("&amp;", "&")
}
