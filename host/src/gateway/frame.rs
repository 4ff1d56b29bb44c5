//! The three frames on the wire, requests in and responses and events out.
//!
//! Payloads are written once and kept as text, so that an event to many clients and a repeated answer cost no second
//! serialisation.
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

use super::{failure::Failure, schema::Schema};

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) params: Value,
}

/// A message that is no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadFrame {
    /// Not JSON.
    NotJson,
    /// JSON, but not a request.
    Invalid {
        /// The id to answer to.
        id: String,
        /// What is wrong.
        problems: String,
    },
}

/// The part of a response that doesn't depend on the request's id.
#[derive(Debug, Clone)]
pub(crate) struct Answer(Arc<str>);

static REQUEST: LazyLock<Schema> = LazyLock::new(|| {
    Schema::new(&json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["type", "id", "method"],
        "properties": {
            "type": {"const": "req"},
            "id": {"type": "string", "minLength": 1, "maxLength": 256},
            "method": {"type": "string", "minLength": 1, "maxLength": 256},
            "params": {},
            "traceparent": {"type": "string", "maxLength": 128},
            "expectedProfileId": {"type": "string", "maxLength": 256},
        },
    }))
});

/// Properties of any frame, for an object that doesn't say which one it is.
const KNOWN: [&str; 6] = [
    "type",
    "id",
    "method",
    "params",
    "traceparent",
    "expectedProfileId",
];

// === impl Request ===

impl Request {
    /// Reads a message.
    pub(crate) fn parse(message: &[u8]) -> Result<Self, BadFrame> {
        let frame: Value = serde_json::from_slice(message).map_err(|_| BadFrame::NotJson)?;
        let id = || {
            frame
                .get("id")
                .and_then(Value::as_str)
                .filter(|id| id.len() <= 256)
        };
        let invalid = |problems| BadFrame::Invalid {
            id: id().unwrap_or("invalid").to_owned(),
            problems,
        };
        if let Some(untyped) = frame.as_object().filter(|frame| !frame.contains_key("type")) {
            return Err(invalid(untyped_problems(untyped.keys())));
        }
        REQUEST.check(&frame).map_err(invalid)?;
        let Value::Object(mut frame) = frame else {
            unreachable!("the schema admits objects only")
        };
        let mut take = |key: &str| frame.remove(key);
        let text = |value: Option<Value>| match value {
            Some(Value::String(text)) => text,
            _ => unreachable!("the schema requires a string"),
        };
        Ok(Self {
            id: text(take("id")),
            method: text(take("method")),
            params: take("params")
                .filter(|params| !params.is_null())
                .unwrap_or_else(|| json!({})),
        })
    }
}

fn untyped_problems<'a>(keys: impl Iterator<Item = &'a String>) -> String {
    let unknown = keys
        .filter(|key| !KNOWN.contains(&key.as_str()))
        .take(super::limits::MAX_PROBLEMS);
    let mut problems = vec!["must have required property 'type'".to_owned()];
    problems.extend(unknown.map(|key| {
        let key: String = key.chars().take(64).collect();
        format!("at root: unexpected property '{key}'")
    }));
    problems.join("; ")
}

// === impl Answer ===

impl Answer {
    pub(crate) fn ok(payload: &Value) -> Self {
        #[derive(Serialize)]
        struct Body<'a> {
            ok: bool,
            payload: &'a Value,
        }
        Self::from_body(&Body { ok: true, payload })
    }

    pub(crate) fn failed(failure: &Failure) -> Self {
        #[derive(Serialize)]
        struct Body<'a> {
            ok: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            payload: Option<&'a Value>,
            error: &'a Failure,
        }
        Self::from_body(&Body {
            ok: false,
            payload: failure.payload.as_deref(),
            error: failure,
        })
    }

    pub(crate) fn of(result: &Result<Value, Failure>) -> Self {
        match result {
            Ok(payload) => Self::ok(payload),
            Err(failure) => Self::failed(failure),
        }
    }

    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The whole response to a request.
    pub(crate) fn to(&self, id: &str) -> String {
        format!("{{\"type\":\"res\",\"id\":{},{}", quoted(id), &self.0[1..])
    }

    fn from_body(body: &impl Serialize) -> Self {
        Self(
            serde_json::to_string(body)
                .expect("values of JSON serialise")
                .into(),
        )
    }
}

/// An event: its payload is written already; `seq` and `stateVersion` are per connection and per state.
pub(crate) fn event(name: &str, payload: &str, seq: Option<u64>, state_version: Option<&str>) -> String {
    let mut frame = format!(
        "{{\"type\":\"event\",\"event\":{},\"payload\":{payload}",
        quoted(name)
    );
    if let Some(seq) = seq {
        frame.push_str(&format!(",\"seq\":{seq}"));
    }
    if let Some(version) = state_version {
        frame.push_str(&format!(",\"stateVersion\":{version}"));
    }
    frame.push('}');
    frame
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string serialises")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(frame: Value) -> (String, String) {
        match Request::parse(frame.to_string().as_bytes()) {
            Err(BadFrame::Invalid { id, problems }) => (id, problems),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bad_frames_name_what_is_wrong() {
        let table = [
            (
                json!({"type": "req", "method": "health"}),
                "invalid",
                "must have required property 'id'",
            ),
            (
                json!({"foo": 1}),
                "invalid",
                "must have required property 'type'; at root: unexpected property 'foo'",
            ),
            (
                json!({"type": "req", "id": "", "method": "health"}),
                "",
                "at /id: must not have fewer than 1 characters",
            ),
            (
                json!({"type": "req", "id": "z", "method": "health", "extra": 1}),
                "z",
                "at root: unexpected property 'extra'",
            ),
        ];
        for (frame, id, text) in table {
            assert_eq!(problem(frame), (id.to_owned(), text.to_owned()));
        }
        assert_eq!(Request::parse(b"garbage").unwrap_err(), BadFrame::NotJson);
    }

    #[test]
    fn frames_are_json_in_the_order_of_the_protocol() {
        let failure = Failure::unknown_method("x").with_payload(json!({"runId": "r"}));
        let text = Answer::failed(&failure).to("a\"b");
        assert!(
            text.starts_with(
                r#"{"type":"res","id":"a\"b","ok":false,"payload":{"runId":"r"},"error":{"code""#
            ),
            "{text}"
        );
        let event = event("health", "{}", Some(3), Some(r#"{"presence":1,"health":2}"#));
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(event["seq"], 3);
        assert_eq!(event["stateVersion"]["health"], 2);
    }
}
