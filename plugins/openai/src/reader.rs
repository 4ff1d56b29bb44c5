//! What the two APIs have in common on the way back: events go in one by one, deltas come out.
use crate::errors::Told;
use openclaw_plugin_api::{AnswerReader, Delta};
use serde_json::Value;

/// Tools that one answer may ask for. More is a broken service, not a wish.
pub const MAX_CALLS: usize = 128;

/// Reads the answer of one API, and knows no service by name.
pub trait Reader: AnswerReader<Told = Told> {
    /// Takes an answer that came at once, from a service that doesn't stream.
    fn read_whole(&mut self, answer: &Value, out: &mut Vec<Delta>) -> Result<(), Told>;
}

/// An event's data as JSON.
pub fn parse(data: &str) -> Result<Value, Told> {
    serde_json::from_str(data).map_err(|_| Told::broken("the stream holds an event that is not JSON"))
}

/// Adds text, unless there is none: an empty delta is noise.
pub fn push_text(out: &mut Vec<Delta>, text: &str) {
    if !text.is_empty() {
        out.push(Delta::Text(text.to_owned()));
    }
}

/// Adds a thought, unless there is none.
pub fn push_thought(out: &mut Vec<Delta>, text: &str) {
    if !text.is_empty() {
        out.push(Delta::Thinking(text.to_owned()));
    }
}

/// Adds a piece of arguments, unless there is none.
pub fn push_arguments(out: &mut Vec<Delta>, index: u32, json: &str) {
    if !json.is_empty() {
        out.push(Delta::Arguments {
            index,
            json: json.to_owned(),
        });
    }
}
