//! Carriers of phone calls on loopback: their REST interfaces, and what they send to a webhook.
//!
//! Requests are checked against the carriers' own descriptions where these are at hand; what does not fit is refused and
//! noted as a complaint. Signatures are made here from the carriers' documents, not with code of those who check them.
mod sign;
mod spec;

pub use sign::{Ed25519, plivo_v3, twilio_form};

use crate::server::{Asked, Fault, Reply, Server, Vendor};
use serde_json::{Value, json};
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Which carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Twilio.
    Twilio,
    /// Telnyx.
    Telnyx,
    /// Plivo.
    Plivo,
}

/// A carrier's REST interface.
#[derive(Debug)]
pub struct Rest {
    server: Server,
    desk: Arc<Desk>,
}

/// One request that a carrier took.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// Path without its query.
    pub path: String,
    /// The fields of a form; empty for JSON.
    pub form: Vec<(String, String)>,
    /// The body as JSON; null for a form.
    pub json: Value,
}

#[derive(Debug)]
struct Desk {
    carrier: Carrier,
    /// What `Authorization` has to be.
    authorization: String,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    taken: Vec<Request>,
    complaints: Vec<String>,
    dialled: u32,
    /// Calls that are over, by the carrier's id.
    over: Vec<String>,
}

struct Clerk(Arc<Desk>);

// === impl Request ===

impl Request {
    fn of(asked: &Asked) -> Self {
        let is_form = asked
            .header("content-type")
            .starts_with("application/x-www-form-urlencoded");
        let body = String::from_utf8_lossy(&asked.body);
        Self {
            method: asked.method.to_string(),
            path: asked.path.split('?').next().unwrap_or_default().to_owned(),
            form: if is_form { form(&body) } else { Vec::new() },
            json: if is_form { Value::Null } else { asked.json() },
        }
    }

    /// A field of the form; empty if it is not there.
    pub fn field(&self, name: &str) -> &str {
        let found = self.form.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

// === impl Rest ===

impl Rest {
    /// Starts one that knows this account.
    pub async fn start(carrier: Carrier, user: &str, secret: &str) -> io::Result<Self> {
        let authorization = match carrier {
            Carrier::Telnyx => format!("Bearer {secret}"),
            Carrier::Twilio | Carrier::Plivo => {
                format!("Basic {}", sign::base64(format!("{user}:{secret}").as_bytes()))
            }
        };
        let desk = Arc::new(Desk {
            carrier,
            authorization,
            state: Mutex::default(),
            news: Notify::new(),
        });
        Ok(Self {
            server: Server::start(Clerk(desk.clone())).await?,
            desk,
        })
    }

    /// Its address, for `apiRoot`.
    pub fn root(&self) -> String {
        self.server.url()
    }

    /// What goes wrong with the next requests, one each.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.server.script(faults);
    }

    /// The requests that came, answered or not.
    pub fn arrived(&self) -> Vec<Request> {
        self.server.asked().iter().map(Request::of).collect()
    }

    /// The requests that it took.
    pub fn taken(&self) -> Vec<Request> {
        self.desk.state().taken.clone()
    }

    /// Waits until it has taken so many; gives the last of them.
    pub async fn until(&self, count: usize) -> Request {
        loop {
            let news = self.desk.news.notified();
            let taken = self.taken();
            if let Some(request) = taken.get(count - 1) {
                return request.clone();
            }
            news.await;
        }
    }

    /// A call is over, and this interface says so from now on.
    pub fn end(&self, id: &str) {
        self.desk.state().over.push(id.to_owned());
    }

    /// What was wrong with requests.
    pub fn complaints(&self) -> Vec<String> {
        self.desk.state().complaints.clone()
    }
}

// === impl Desk ===

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, status: u16, why: String) -> Reply {
        self.state().complaints.push(why.clone());
        Reply::json(status, &json!({ "message": why, "errors": [{ "detail": why }] }))
    }

    fn call(&self, id: &str) -> Reply {
        let over = self.state().over.iter().any(|known| known == id);
        match (self.carrier, over) {
            (Carrier::Twilio, _) => {
                let status = if over { "completed" } else { "in-progress" };
                Reply::json(200, &json!({ "sid": id, "status": status }))
            }
            (Carrier::Telnyx, _) => Reply::json(
                200,
                &json!({ "data": { "call_control_id": id, "is_alive": !over } }),
            ),
            (Carrier::Plivo, true) => Reply::json(404, &json!({ "error": "not found" })),
            (Carrier::Plivo, false) => Reply::json(200, &json!({ "call_uuid": id, "end_time": null })),
        }
    }

    fn dial(&self) -> Reply {
        let number = {
            let mut state = self.state();
            state.dialled += 1;
            state.dialled
        };
        match self.carrier {
            Carrier::Twilio => Reply::json(
                201,
                &json!({ "sid": format!("CA{number:032}"), "status": "queued" }),
            ),
            Carrier::Telnyx => Reply::json(
                200,
                &json!({ "data": { "call_control_id": format!("v3:call-{number}"), "is_alive": false } }),
            ),
            Carrier::Plivo => Reply::json(
                201,
                &json!({ "message": "call fired", "request_uuid": format!("req-{number}") }),
            ),
        }
    }
}

impl Vendor for Clerk {
    fn answer(&self, asked: &Asked) -> Reply {
        let desk = &self.0;
        let request = Request::of(asked);
        if asked.header("authorization") != desk.authorization {
            return desk.refuse(401, "not authorised".into());
        }
        if let Err(why) = spec::check(desk.carrier, &request) {
            return desk.refuse(400, why);
        }
        desk.state().taken.push(request.clone());
        desk.news.notify_waiters();
        let dials = match desk.carrier {
            Carrier::Twilio => request.path.ends_with("/Calls.json"),
            Carrier::Telnyx => request.path == "/v2/calls",
            Carrier::Plivo => request.path.ends_with("/Call/"),
        };
        if dials {
            return desk.dial();
        }
        let id = spec::id(&request.path);
        let ends = request.method == "DELETE"
            || request.field("Status") == "completed"
            || request.path.ends_with("/actions/hangup");
        if ends {
            let gone = desk.state().over.contains(&id);
            desk.end(&id);
            if gone {
                return Reply::json(404, &json!({ "message": "not found" }));
            }
        }
        desk.call(&id)
    }
}

impl Desk {
    fn end(&self, id: &str) {
        self.state().over.push(id.to_owned());
    }
}

/// Reads a form.
fn form(body: &str) -> Vec<(String, String)> {
    let pairs = body.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|d| char::from(*d).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).expect("two digits are a byte"));
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Writes a form.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        });
        bytes.collect()
    };
    let pairs = fields
        .iter()
        .map(|(key, value)| format!("{}={}", escape(key), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}
