//! What is on the screen of a conversation: from the gateway's history, and from what happens now.
//!
//! Invariant: it is bounded; the oldest leaves first.
use serde_json::Value;
use std::collections::VecDeque;

/// Entries that are kept; older ones are in the gateway.
pub(super) const MAX_ENTRIES: usize = 1_000;
/// Tools of one run that are shown.
const MAX_TOOLS: usize = 200;

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    entries: VecDeque<Entry>,
}

/// One thing on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A person's message.
    Person {
        /// Its run, if it was said here.
        run: String,
        text: String,
        sent: Sent,
    },
    /// An agent's answer.
    Answer(Answer),
    /// This program's own words.
    Note(String),
    /// What went wrong.
    Fault(String),
}

/// How far a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The gateway has not said that it has it.
    Waiting,
    /// The gateway has it.
    Yes,
    /// The gateway does not take it.
    Refused,
}

/// An agent's answer, as far as it is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) run: String,
    pub(super) thoughts: String,
    pub(super) tools: Vec<Tool>,
    pub(super) text: String,
    /// More may come.
    pub(super) open: bool,
    /// Somebody stopped it.
    pub(super) stopped: bool,
}

/// A tool at work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) id: String,
    pub(super) name: String,
    /// None: it works.
    pub(super) well: Option<bool>,
}

impl Transcript {
    /// All of it, the oldest first.
    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Adds one.
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        if self.entries.len() > MAX_ENTRIES {
            self.entries.pop_front();
        }
    }

    /// The answer of a run that goes on; begun if there is none.
    pub(super) fn answer(&mut self, run: &str) -> &mut Answer {
        let found = self
            .entries
            .iter()
            .rposition(|entry| matches!(entry, Entry::Answer(answer) if answer.run == run));
        let at = match found {
            Some(at) => at,
            None => {
                self.push(Entry::Answer(Answer {
                    run: run.to_owned(),
                    open: true,
                    ..Answer::default()
                }));
                self.entries.len() - 1
            }
        };
        match &mut self.entries[at] {
            Entry::Answer(answer) => answer,
            _ => unreachable!("an answer was found or made here"),
        }
    }

    /// Is there anything of this run's answer?
    pub(super) fn knows(&self, run: &str) -> bool {
        let mut entries = self.entries.iter().rev();
        entries.any(|entry| matches!(entry, Entry::Answer(answer) if answer.run == run))
    }

    /// Notes how far the message of a run came.
    pub(super) fn sent(&mut self, of: &str, how: Sent) {
        for entry in self.entries.iter_mut().rev() {
            if let Entry::Person { run, sent, .. } = entry
                && run == of
            {
                *sent = how;
            }
        }
    }

    /// Puts the gateway's history in the place of everything but what the gateway does not have yet.
    pub(super) fn replace(&mut self, history: &Value, waiting: &[(String, String)]) {
        self.entries.clear();
        let rows = history["messages"].as_array().into_iter().flatten();
        let mut known = Vec::new();
        for row in rows {
            known.extend(row["idempotencyKey"].as_str().map(str::to_owned));
            self.read(row);
        }
        for (run, text) in waiting {
            if !known.contains(&format!("{run}:user")) {
                self.push(Entry::Person {
                    run: run.clone(),
                    text: text.clone(),
                    sent: Sent::Waiting,
                });
            }
        }
    }

    fn read(&mut self, row: &Value) {
        match row["role"].as_str().unwrap_or_default() {
            "user" => self.push(Entry::Person {
                run: String::new(),
                text: words(&row["content"]),
                sent: Sent::Yes,
            }),
            "assistant" => self.read_answer(row),
            "toolResult" => {
                let id = row["toolCallId"].as_str().unwrap_or_default();
                let answers = self.entries.iter_mut().rev().filter_map(|entry| match entry {
                    Entry::Answer(answer) => Some(answer),
                    _ => None,
                });
                let mut tools = answers.flat_map(|answer| answer.tools.iter_mut());
                if let Some(tool) = tools.find(|tool| tool.id == id) {
                    tool.well = Some(row["isError"] != true);
                }
            }
            "system" => self.push(Entry::Note(words(&row["content"]))),
            _ => {}
        }
    }

    fn read_answer(&mut self, row: &Value) {
        let run = row["__openclaw"]["runId"].as_str().unwrap_or_default();
        let mut answer = Answer {
            run: run.to_owned(),
            text: words(&row["content"]),
            stopped: row["openclawAbort"]["aborted"] == true,
            ..Answer::default()
        };
        for part in row["content"].as_array().into_iter().flatten() {
            answer
                .thoughts
                .push_str(part["thinking"].as_str().unwrap_or_default());
            if part["type"] == "toolCall" && answer.tools.len() < MAX_TOOLS {
                answer.tools.push(Tool {
                    id: text(&part["id"]),
                    name: text(&part["name"]),
                    well: None,
                });
            }
        }
        let fault = row["errorMessage"].as_str().map(str::to_owned);
        if !answer.text.is_empty() || !answer.tools.is_empty() || fault.is_none() {
            // the steps of one run stand together
            let same = |last: &&mut Answer| !run.is_empty() && last.run == run;
            let last = self.entries.back_mut().and_then(|entry| match entry {
                Entry::Answer(last) => Some(last),
                _ => None,
            });
            match last.filter(same) {
                Some(last) => last.join(answer),
                None => self.push(Entry::Answer(answer)),
            }
        }
        if let Some(fault) = fault {
            self.push(Entry::Fault(fault));
        }
    }
}

impl Answer {
    /// A tool begins or ends.
    pub(super) fn tool(&mut self, id: &str, name: &str, well: Option<bool>) {
        if let Some(tool) = self.tools.iter_mut().find(|tool| tool.id == id) {
            tool.well = well.or(tool.well);
        } else if self.tools.len() < MAX_TOOLS {
            self.tools.push(Tool {
                id: id.to_owned(),
                name: name.to_owned(),
                well,
            });
        }
    }

    fn join(&mut self, next: Self) {
        let between = if self.text.is_empty() || next.text.is_empty() {
            ""
        } else {
            "\n\n"
        };
        self.text.push_str(between);
        self.text.push_str(&next.text);
        self.thoughts.push_str(&next.thoughts);
        self.tools.extend(next.tools);
        self.stopped |= next.stopped;
    }
}

/// The words of a message.
pub(super) fn words(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let shown = parts.iter().filter_map(|part| match part["type"].as_str() {
                Some("text") => part["text"].as_str(),
                Some("image") => Some("[picture]"),
                _ => None,
            });
            shown.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_history_is_read_and_what_waits_stays() {
        let history = json!({"messages": [
            {"role": "user", "content": "hi", "idempotencyKey": "r1:user"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "looking"},
                {"type": "toolCall", "id": "t1", "name": "clock", "arguments": {}},
            ], "__openclaw": {"runId": "r1"}},
            {"role": "toolResult", "toolCallId": "t1", "content": [], "isError": true},
            {"role": "assistant", "content": [{"type": "text", "text": "late"}], "__openclaw": {"runId": "r1"}},
            {"role": "assistant", "content": [], "errorMessage": "no key", "__openclaw": {"runId": "r2"}},
        ]});
        let mut transcript = Transcript::default();
        let waiting = [
            ("r1".to_owned(), "hi".to_owned()),
            ("r3".to_owned(), "more".to_owned()),
        ];
        transcript.replace(&history, &waiting);
        let entries: Vec<_> = transcript.entries().cloned().collect();
        assert_eq!(entries.len(), 4, "{entries:#?}");
        let Entry::Answer(answer) = &entries[1] else {
            panic!("an answer: {entries:#?}")
        };
        assert_eq!(
            (answer.text.as_str(), answer.thoughts.as_str()),
            ("looking\n\nlate", "hm")
        );
        assert_eq!(answer.tools[0].well, Some(false));
        assert_eq!(entries[2], Entry::Fault("no key".into()));
        assert!(matches!(&entries[3], Entry::Person { run, sent: Sent::Waiting, .. } if run == "r3"));
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let mut transcript = Transcript::default();
        (0..MAX_ENTRIES + 5).for_each(|n| transcript.push(Entry::Note(n.to_string())));
        assert_eq!(transcript.entries().count(), MAX_ENTRIES);
        assert_eq!(transcript.entries().next(), Some(&Entry::Note("5".into())));
        let answer = transcript.answer("r");
        (0..MAX_TOOLS + 5).for_each(|n| answer.tool(&n.to_string(), "t", None));
        assert_eq!(answer.tools.len(), MAX_TOOLS);
    }
}
