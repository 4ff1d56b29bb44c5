//! A collector of OpenTelemetry: takes traces by OTLP over HTTP in JSON and keeps their spans.
//!
//! Invariant: what is no such request is refused as a collector refuses it.
use crate::server::{Asked, Reply, Server, Vendor};
use serde_json::{Value, json};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Notify;

/// A running fake.
#[derive(Debug)]
pub struct Collector {
    /// Requests and faults.
    pub server: Server,
    kept: Arc<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Mutex<Vec<Value>>,
    grown: Notify,
}

struct Traces(Arc<Kept>);

impl Collector {
    /// Starts one on a free port.
    pub async fn start() -> io::Result<Self> {
        let kept = Arc::<Kept>::default();
        let server = Server::start(Traces(kept.clone())).await?;
        Ok(Self { server, kept })
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Value> {
        self.kept
            .spans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for a span whose name begins so.
    pub async fn span(&self, name: &str) -> Value {
        loop {
            let grown = self.kept.grown.notified();
            let spans = self.spans();
            let found = spans
                .iter()
                .find(|span| span["name"].as_str().is_some_and(|known| known.starts_with(name)));
            match found {
                Some(span) => return span.clone(),
                None => grown.await,
            }
        }
    }
}

/// An attribute of a span, whatever its type; null if it has none of the name.
pub fn attribute(span: &Value, name: &str) -> Value {
    let all = span["attributes"].as_array().into_iter().flatten();
    let found = all.clone().find(|attribute| attribute["key"] == name);
    let value = found.and_then(|attribute| attribute["value"].as_object()?.values().next().cloned());
    value.unwrap_or_default()
}

impl Vendor for Traces {
    fn answer(&self, asked: &Asked) -> Reply {
        let refused = |status, why: &str| Reply::json(status, &json!({ "code": 3, "message": why }));
        if asked.method != "POST" || asked.path != "/v1/traces" {
            return refused(404, "there is nothing here");
        }
        if asked.header("content-type") != "application/json" {
            return refused(415, "the content type is not known");
        }
        let body = asked.json();
        let found: Vec<_> = parts(&body, "resourceSpans")
            .flat_map(|resource| parts(resource, "scopeSpans"))
            .flat_map(|scope| parts(scope, "spans"))
            .cloned()
            .collect();
        if found.is_empty() || !found.iter().all(is_span) {
            return refused(400, "the spans are not valid");
        }
        self.0
            .spans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(found);
        self.0.grown.notify_waiters();
        Reply::json(200, &json!({ "partialSuccess": {} }))
    }
}

fn parts<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

fn is_span(span: &Value) -> bool {
    let hex = |value: &Value, digits: usize| {
        let text = value.as_str().unwrap_or_default();
        text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let time = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    hex(&span["traceId"], 32)
        && hex(&span["spanId"], 16)
        && (span["parentSpanId"].is_null() || hex(&span["parentSpanId"], 16))
        && span["name"].as_str().is_some_and(|name| !name.is_empty())
        && time(&span["startTimeUnixNano"]) > 0
        && time(&span["endTimeUnixNano"]) >= time(&span["startTimeUnixNano"])
}
