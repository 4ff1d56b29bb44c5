//! The transcript of a conversation as a turn uses it: what was said before, and what this turn adds.
//!
//! What a turn says is in the journal before it has consequences: a model's wish before its tool runs, a tool's answer
//! before the model hears it. So a turn that a killed process left goes on where it was.
use crate::{
    agent::tokens,
    journal::{Entry, EntryKind, Journal, JournalError},
};
use openclaw_plugin_api::{Content, Message, Role};
use serde::{Deserialize, Serialize};

/// A summary that stands for the beginning of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compacted {
    /// What was said, in short.
    pub summary: String,
    /// Messages that are kept beside it.
    pub kept: Vec<Message>,
    /// How long the conversation was, tokens.
    pub tokens_before: u64,
}

/// The end of a conversation, as far as it fits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// The summary of what was before, if there is one.
    pub summary: Option<String>,
    /// Messages, oldest first.
    pub messages: Vec<Message>,
    /// How long it is, tokens.
    pub tokens: u64,
}

/// Reads a conversation from its end back to the budget or the last compaction.
pub async fn read(journal: &Journal, session_id: &str, budget: u64) -> Result<History, JournalError> {
    let id = session_id.to_owned();
    let entries = journal.run(move |j| j.tail(&id, 0, budget)).await?;
    Ok(History::of(&entries))
}

/// What an unfinished turn has left in the transcript, oldest first.
pub async fn of_turn(journal: &Journal, session_id: &str, turn: &str) -> Result<Vec<Entry>, JournalError> {
    let (id, turn) = (session_id.to_owned(), turn.to_owned());
    journal.run(move |j| j.turn(&id, &turn)).await
}

/// What was said in these.
pub fn messages(entries: &[Entry]) -> Vec<Message> {
    entries.iter().filter_map(message).collect()
}

/// A message as an entry.
pub fn entry(turn: &str, message: &Message) -> Entry {
    let body = serde_json::to_string(message).unwrap_or_default();
    let length = tokens::of_message(message);
    Entry::new(
        turn,
        EntryKind::Message,
        body,
        u32::try_from(length).unwrap_or(u32::MAX),
    )
}

/// A shortened history as an entry: it stands for everything before it.
pub fn compaction(turn: &str, history: &History, tokens_before: u64) -> Entry {
    let compacted = Compacted {
        summary: history.summary.clone().unwrap_or_default(),
        kept: history.messages.clone(),
        tokens_before,
    };
    let body = serde_json::to_string(&compacted).unwrap_or_default();
    Entry::new(
        turn,
        EntryKind::Compaction,
        body,
        u32::try_from(history.tokens).unwrap_or(u32::MAX),
    )
}

/// Calls in the last message of a model that have no answer yet.
pub fn open_calls(messages: &[Message]) -> Vec<(String, String, serde_json::Value)> {
    let Some(at) = messages
        .iter()
        .rposition(|message| message.role == Role::Assistant)
    else {
        return Vec::new();
    };
    let answered: Vec<_> = messages[at..]
        .iter()
        .map(|message| message.tool_call_id.as_str())
        .collect();
    let calls = messages[at].content.iter().filter_map(|part| match part {
        Content::ToolCall {
            id, name, arguments, ..
        } if !answered.contains(&id.as_str()) => Some((id.clone(), name.clone(), arguments.clone())),
        _ => None,
    });
    calls.collect()
}

/// A summary with the messages that are kept beside it, as an entry.
pub fn shortened(turn: &str, summary: &str, kept: Vec<Message>, tokens_before: u64) -> Entry {
    let history = History {
        tokens: tokens::of_text(summary) + tokens::of_messages(&kept),
        summary: Some(summary.to_owned()),
        messages: kept,
    };
    compaction(turn, &history, tokens_before)
}

fn message(entry: &Entry) -> Option<Message> {
    (entry.kind == EntryKind::Message)
        .then(|| serde_json::from_str(&entry.body).ok())
        .flatten()
}

impl History {
    /// The messages as a model gets them, with the summary ahead of them.
    pub fn for_model(&self) -> Vec<Message> {
        let summary = self.summary.as_ref().map(|summary| {
            let text = format!("[Summary of the conversation until here, made by the gateway]\n{summary}");
            Message::text(Role::User, text)
        });
        summary.into_iter().chain(self.messages.iter().cloned()).collect()
    }

    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut history = Self {
            tokens: entries.iter().map(|entry| u64::from(entry.tokens)).sum(),
            ..Self::default()
        };
        for entry in entries {
            match entry.kind {
                EntryKind::Compaction => {
                    if let Ok(compacted) = serde_json::from_str::<Compacted>(&entry.body) {
                        history.summary = Some(compacted.summary);
                        history.messages = compacted.kept;
                    }
                }
                EntryKind::Message => history.messages.extend(message(entry)),
                EntryKind::Note => {}
            }
        }
        if history.summary.is_none() {
            history.begin_with_a_person();
        }
        history
    }

    /// A conversation that was cut begins with what a person said: vendors refuse one that begins with the answer of a
    /// tool.
    fn begin_with_a_person(&mut self) {
        let first = self
            .messages
            .iter()
            .position(|message| message.role == Role::User)
            .unwrap_or(self.messages.len());
        self.messages.drain(..first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(id: &str) -> Message {
        Message {
            role: Role::Assistant,
            content: vec![Content::ToolCall {
                id: id.into(),
                name: "t".into(),
                arguments: json!({}),
                signature: String::new(),
            }],
            ..Message::default()
        }
    }

    fn result(id: &str) -> Message {
        Message {
            role: Role::ToolResult,
            tool_call_id: id.into(),
            ..Message::default()
        }
    }

    #[test]
    fn calls_without_an_answer_are_found() {
        assert!(open_calls(&[call("a"), result("a")]).is_empty());
        let open = open_calls(&[call("a"), result("a"), call("b")]);
        assert_eq!(open.iter().map(|call| call.0.as_str()).collect::<Vec<_>>(), ["b"]);
        assert!(open_calls(&[Message::text(Role::User, "x")]).is_empty());
    }

    #[test]
    fn a_cut_conversation_begins_with_a_person() {
        let said = Message::text(Role::User, "x");
        let entries: Vec<_> = [call("a"), result("a"), said.clone()]
            .iter()
            .map(|m| entry("t", m))
            .collect();
        assert_eq!(History::of(&entries).messages, [said]);
    }

    #[test]
    fn a_summary_stands_for_what_was_before() {
        let shortened = History {
            summary: Some("short".into()),
            messages: vec![Message::text(Role::User, "kept")],
            tokens: 5,
        };
        let entries = [
            compaction("t", &shortened, 9),
            entry("t", &Message::text(Role::User, "new")),
        ];
        let history = History::of(&entries);
        assert_eq!(
            (history.summary.as_deref(), history.messages.len()),
            (Some("short"), 2)
        );
    }
}
