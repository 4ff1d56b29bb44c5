//! The last log lines of this process, kept for whoever asks the gateway. Bounded in lines and bytes; without secrets.
use super::{file::LogFile, redact::redact_field};
use serde_json::{Map, Value};
use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::{Mutex, PoisonError},
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

/// Lines that are kept.
const MAX_LINES: usize = 5_000;
/// Bytes that are kept.
const MAX_BYTES: usize = 2 << 20;
/// Longest line, bytes; the rest of a longer text is cut.
const MAX_TEXT: usize = 8_192;

/// The last lines.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
    /// Lines since the start.
    written: u64,
}

/// Some lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// Each a JSON object.
    pub lines: Vec<String>,
    /// What to ask with for the lines after these.
    pub cursor: u64,
    /// Lines between the caller's cursor and these are left out.
    pub truncated: bool,
    /// The caller's cursor is of another process: these are the last lines of this one.
    pub reset: bool,
}

/// Brings events into the ring, and into the file if there is one.
#[derive(Debug)]
pub(super) struct Keep {
    pub(super) ring: &'static Recent,
    pub(super) file: Option<&'static LogFile>,
}

static RECENT: Recent = Recent(Mutex::new(Kept {
    lines: VecDeque::new(),
    bytes: 0,
    written: 0,
}));

/// The last lines of this process.
pub fn recent() -> &'static Recent {
    &RECENT
}

// === impl Recent ===

impl Recent {
    /// The lines after a cursor, or the last ones: the newest `limit` of them that fit into `bytes`.
    pub fn tail(&self, cursor: Option<u64>, limit: usize, bytes: usize) -> Tail {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reset = cursor.is_some_and(|cursor| cursor > kept.written);
        let first = kept.written - u64::try_from(kept.lines.len()).unwrap_or(0);
        let from = cursor.filter(|_| !reset).unwrap_or(first);
        let wanted = usize::try_from(kept.written - from).unwrap_or(usize::MAX);
        let mut left = bytes;
        let newest = kept.lines.iter().rev().take(wanted.min(limit));
        let mut lines: Vec<_> = newest
            .take_while(|line| {
                let fits = line.len() <= left;
                left = left.saturating_sub(line.len());
                fits
            })
            .cloned()
            .collect();
        lines.reverse();
        Tail {
            truncated: cursor.is_some() && !reset && lines.len() < wanted,
            cursor: kept.written,
            lines,
            reset,
        }
    }

    fn push(&self, line: String) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += line.len();
        kept.written += 1;
        kept.lines.push_back(line);
        while kept.lines.len() > MAX_LINES || kept.bytes > MAX_BYTES {
            let gone = kept.lines.pop_front().map_or(0, |line| line.len());
            kept.bytes -= gone;
        }
    }
}

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let subsystem = super::format::subsystem(metadata.target());
        let line = super::file::line(*metadata.level(), subsystem, &fields.message(), &fields.rest);
        if let Some(file) = &self.file {
            file.write(line.clone());
        }
        self.ring.push(line);
    }
}

/// What an event says, without secrets.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) rest: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, name: &str, text: &str) {
        let text = redact_field(name, cut(text));
        match name {
            "message" => self.message = text,
            name => {
                self.rest.insert(name.to_owned(), Value::String(text));
            }
        }
    }

    /// The message with its fields, as on standard error.
    fn message(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in &self.rest {
            let _ = write!(text, " {name}={}", value.as_str().unwrap_or_default());
        }
        text
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(tail: &Tail) -> Vec<&str> {
        tail.lines.iter().map(String::as_str).collect()
    }

    #[test]
    fn a_cursor_goes_on_where_the_last_look_ended() {
        let recent = Recent::default();
        for line in ["a", "b", "c"] {
            recent.push(line.into());
        }
        let first = recent.tail(None, 2, 100);
        assert_eq!(
            (texts(&first), first.cursor, first.truncated),
            (vec!["b", "c"], 3, false)
        );
        recent.push("d".into());
        let next = recent.tail(Some(first.cursor), 10, 100);
        assert_eq!(
            (texts(&next), next.reset, next.truncated),
            (vec!["d"], false, false)
        );
        let cut = recent.tail(Some(0), 10, 2);
        assert_eq!((texts(&cut), cut.truncated), (vec!["c", "d"], true));
        let other = recent.tail(Some(99), 10, 100);
        assert!(
            other.reset && other.lines.len() == 4,
            "a gateway that was started anew"
        );
    }

    #[test]
    fn old_lines_go() {
        let recent = Recent::default();
        for number in 0..MAX_LINES + 3 {
            recent.push(number.to_string());
        }
        let tail = recent.tail(Some(0), MAX_LINES * 2, usize::MAX);
        assert_eq!(
            (tail.lines.len(), tail.lines[0].as_str(), tail.truncated),
            (MAX_LINES, "3", true)
        );
        recent.push("x".repeat(MAX_BYTES));
        assert_eq!(recent.tail(None, 9, usize::MAX).lines.len(), 1);
    }

    #[test]
    fn what_is_called_a_secret_is_hidden_wherever_it_stands_in_a_line() {
        let mut fields = Fields::default();
        fields.put("message", "signed in");
        fields.put("access_token", "hunter22");
        assert_eq!(fields.message(), "signed in access_token=***");
    }

    #[test]
    fn events_become_lines_without_secrets() {
        use tracing_subscriber::prelude::*;
        static OWN: Recent = Recent(Mutex::new(Kept {
            lines: VecDeque::new(),
            bytes: 0,
            written: 0,
        }));
        let subscriber = tracing_subscriber::registry().with(Keep {
            ring: &OWN,
            file: None,
        });
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "plugin::demo", count = 2, "asked with Bearer abcdef123456");
        });
        let tail = OWN.tail(None, 1, 1000);
        let line: Value = serde_json::from_str(&tail.lines[0]).expect("JSON");
        assert_eq!(
            (&line["level"], &line["subsystem"], &line["fields"]["count"]),
            (&json!("warn"), &json!("demo"), &json!("2"))
        );
        assert_eq!(line["message"], "asked with Bearer *** count=2");
    }
}
