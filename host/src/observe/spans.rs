//! Spans of OpenTelemetry, named by its conventions for generative AI, as a collector takes them in JSON.
//!
//! They say what was called, how long it took and what it used; what was said only where the operator asked for it.
use serde_json::{Value, json};

/// Longest text that a span has, bytes.
const MAX_TEXT: usize = 16 << 10;

/// One span that has ended.
#[derive(Debug, Clone)]
pub struct Span {
    /// The trace.
    pub trace: [u8; 16],
    /// Its id.
    pub id: [u8; 8],
    /// The span that it is part of.
    pub parent: Option<[u8; 8]>,
    /// Its name.
    pub name: String,
    /// It calls another service.
    pub is_client: bool,
    /// When it began, milliseconds since 1970.
    pub began_ms: i64,
    /// When it ended.
    pub ended_ms: i64,
    /// What is known of it.
    pub attributes: Attributes,
    /// What sort of failure it ended with.
    pub error: Option<&'static str>,
}

/// What is known of a span.
#[derive(Debug, Clone, Default)]
pub struct Attributes(Vec<(&'static str, Value)>);

// === impl Attributes ===

impl Attributes {
    /// One more; an empty one is none.
    pub fn text(mut self, name: &'static str, text: &str) -> Self {
        if !text.is_empty() {
            let text = &text[..text.floor_char_boundary(MAX_TEXT)];
            self.0.push((name, json!({ "stringValue": text })));
        }
        self
    }

    /// One more.
    pub fn number(mut self, name: &'static str, number: u64) -> Self {
        // numbers of 64 bits are texts in this JSON
        self.0.push((name, json!({ "intValue": number.to_string() })));
        self
    }

    /// One more, with a fraction; none if it is 0.
    pub fn amount(mut self, name: &'static str, amount: f64) -> Self {
        if amount > 0.0 {
            self.0.push((name, json!({ "doubleValue": amount })));
        }
        self
    }

    /// One more, a list of one.
    pub fn list(mut self, name: &'static str, text: &str) -> Self {
        if !text.is_empty() {
            let values = json!({ "values": [{ "stringValue": text }] });
            self.0.push((name, json!({ "arrayValue": values })));
        }
        self
    }

    fn value(&self) -> Value {
        let all = self.0.iter();
        all.map(|(name, value)| json!({ "key": name, "value": value }))
            .collect()
    }
}

// === impl Span ===

impl Span {
    fn value(&self) -> Value {
        let mut attributes = self.attributes.clone();
        if let Some(error) = self.error {
            attributes = attributes.text("error.type", error);
        }
        let mut span = json!({
            "traceId": hex(&self.trace), "spanId": hex(&self.id), "name": self.name,
            "kind": if self.is_client { 3 } else { 1 },
            "startTimeUnixNano": nanos(self.began_ms), "endTimeUnixNano": nanos(self.ended_ms.max(self.began_ms)),
            "attributes": attributes.value(),
            "status": if self.error.is_some() { json!({ "code": 2 }) } else { json!({}) },
        });
        if let Some(parent) = self.parent {
            span["parentSpanId"] = json!(hex(&parent));
        }
        span
    }
}

/// The body of a request with these spans.
pub fn request(service: &str, spans: &[Span]) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let resource = Attributes::default()
        .text("service.name", service)
        .text("service.version", version);
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource.value() },
        "scopeSpans": [{
            "scope": { "name": "openclaw", "version": version },
            "spans": spans.iter().map(Span::value).collect::<Vec<_>>(),
        }],
    }] })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn nanos(ms: i64) -> String {
    (i128::from(ms.max(0)) * 1_000_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_what_collectors_take() {
        let span = Span {
            trace: [0xab; 16],
            id: [1; 8],
            parent: Some([2; 8]),
            name: "chat m".into(),
            is_client: true,
            began_ms: 1_700_000_000_000,
            ended_ms: 1_700_000_000_250,
            attributes: Attributes::default()
                .number("gen_ai.usage.input_tokens", 7)
                .text("a", ""),
            error: Some("timeout"),
        };
        let body = request("openclaw", &[span]);
        let span = &body["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["traceId"], "ab".repeat(16));
        assert_eq!(
            (&span["startTimeUnixNano"], &span["kind"]),
            (&json!("1700000000000000000"), &json!(3))
        );
        assert_eq!(
            span["attributes"][0],
            json!({ "key": "gen_ai.usage.input_tokens", "value": { "intValue": "7" } })
        );
        assert_eq!(
            span["attributes"][1]["value"]["stringValue"], "timeout",
            "no empty attribute"
        );
        assert_eq!(span["status"]["code"], 2);
    }
}
