//! What of an answer went out in parts, as the transcript knows it, and what is left of it.
//!
//! A part and its note are written in one transaction. Notes are JSON strings: no model and no client sees them.
use crate::{
    agent::reply,
    journal::{Entry, EntryKind},
};
use openclaw_plugin_api::{Message, Role};

/// What a model is told when it was interrupted while parts of its message had gone out.
const GO_ON: &str = "[The gateway was restarted while you wrote this message. The person has what stands above. Go on \
                     exactly where it ends, without repeating it; if nothing is missing, answer NO_REPLY.]";

/// What an earlier process said of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::agent) struct Told {
    /// What went out, part after part.
    pub(in crate::agent) sent: String,
    /// In how many parts.
    pub(in crate::agent) parts: usize,
    /// What its model has said, message by message.
    pub(in crate::agent) said: Vec<String>,
    /// The last of what was said is a message that broke off.
    pub(in crate::agent) broke_off: bool,
    /// What went out of a message that is not in the transcript.
    pub(in crate::agent) missing: Option<String>,
}

/// The note of a part.
pub(in crate::agent) fn note(turn: &str, part: &str) -> Entry {
    let body = serde_json::to_string(part).unwrap_or_default();
    Entry::new(turn, EntryKind::Note, body, 0)
}

/// What stands in the text behind what went out of it; only white space may differ. A text that went another way is
/// given from where it did.
pub(in crate::agent) fn behind<'a>(text: &'a str, sent: &str) -> &'a str {
    let mut left = text;
    for c in sent.chars().filter(|c| !c.is_whitespace()) {
        let here = left.trim_start();
        match here.strip_prefix(c) {
            Some(rest) => left = rest,
            None => return left,
        }
    }
    left
}

/// Does the text begin with the other, white space aside?
pub(in crate::agent) fn begins_with(text: &str, other: &str) -> bool {
    let mut text = text.chars().filter(|c| !c.is_whitespace());
    let mut other = other.chars().filter(|c| !c.is_whitespace());
    other.all(|c| text.next() == Some(c))
}

// === impl Told ===

impl Told {
    /// What the entries of a turn say of it.
    pub(in crate::agent) fn of(entries: &[Entry]) -> Self {
        let mut told = Self::default();
        for entry in entries {
            match entry.kind {
                EntryKind::Note => {
                    if let Ok(part) = serde_json::from_str::<String>(&entry.body) {
                        told.sent.push_str(&part);
                        told.parts += 1;
                    }
                }
                EntryKind::Message => {
                    if let Ok(message) = serde_json::from_str::<Message>(&entry.body) {
                        told.hear(&message);
                    }
                }
                EntryKind::Compaction => {}
            }
        }
        let whole = reply::so_far(&told.text()).text;
        if begins_with(&told.sent, &whole) {
            let missing = behind(&told.sent, &whole).trim();
            told.missing = (!missing.is_empty()).then(|| missing.to_owned());
        }
        told
    }

    /// What was said, as the answer will have it.
    pub(in crate::agent) fn text(&self) -> String {
        let said = self.said.iter().filter(|text| !text.trim().is_empty());
        said.map(String::as_str).collect::<Vec<_>>().join("\n\n")
    }

    /// A model has said a message. One that repeats the one that broke off stands in its place.
    pub(in crate::agent) fn say(&mut self, text: String) {
        if std::mem::take(&mut self.broke_off) && self.said.last().is_some_and(|old| begins_with(&text, old))
        {
            self.said.pop();
        }
        self.said.push(text);
    }

    /// What is to be written into the transcript, so that the model knows what it has said.
    pub(in crate::agent) fn mend(&mut self) -> Vec<Message> {
        let Some(missing) = self.missing.take() else {
            return Vec::new();
        };
        self.said.push(missing.clone());
        self.broke_off = true;
        vec![
            Message::text(Role::Assistant, missing),
            Message::text(Role::User, GO_ON),
        ]
    }

    fn hear(&mut self, message: &Message) {
        match message.role {
            Role::Assistant => self.say(message.plain_text()),
            Role::User if message.plain_text() == GO_ON => self.broke_off = true,
            _ => {}
        }
    }
}
