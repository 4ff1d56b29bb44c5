//! What keeps a turn from going round in circles: how many calls it may make, and how often the same one.
//!
//! Pure. A call that repeats itself with the same outcome earns a warning, then the end of the turn; one whose outcome
//! changes, as that of a poll does, may go on longer.
use openclaw_plugin_api::{Content, Message};
use serde_json::Value;
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

/// Calls of one turn.
const MAX_CALLS: usize = 200;
/// Times that a call gives the same outcome: a warning, and the end.
const SAME: (u32, u32) = (3, 5);
/// Times that the same call is made at all: a warning, and the end.
const ASKED: (u32, u32) = (10, 30);

/// The calls of a turn so far. Bounded by how many there may be.
#[derive(Debug)]
pub(super) struct Guard {
    /// Repetitions are watched.
    watches: bool,
    calls: usize,
    seen: HashMap<u64, Seen>,
    over: Option<String>,
}

#[derive(Debug, Default)]
struct Seen {
    asked: u32,
    same: u32,
    outcome: u64,
}

// === impl Guard ===

impl Guard {
    /// For a turn that begins; `watches` is whether repetitions count.
    pub(super) fn new(watches: bool) -> Self {
        Self {
            watches,
            calls: 0,
            seen: HashMap::new(),
            over: None,
        }
    }

    /// Takes over what the turn did in an earlier process.
    pub(super) fn recall(&mut self, messages: &[Message]) {
        for message in messages {
            for part in &message.content {
                let Content::ToolCall {
                    id, name, arguments, ..
                } = part
                else {
                    continue;
                };
                let result = messages.iter().find(|other| other.tool_call_id == *id);
                if let Some(result) = result.filter(|_| self.before(name, arguments).is_none()) {
                    let _ = self.after(name, arguments, &result.content);
                }
            }
        }
    }

    /// Why a call is not made. None: it is.
    pub(super) fn before(&mut self, name: &str, arguments: &Value) -> Option<String> {
        if self.calls >= MAX_CALLS {
            self.end(format!(
                "the turn made {MAX_CALLS} calls without coming to an end"
            ));
        } else if self.watches {
            let seen = self.seen.get(&hash(&(name, arguments.to_string())));
            let (same, asked) = seen.map_or((0, 0), |seen| (seen.same, seen.asked));
            if same >= SAME.1 {
                self.end(format!(
                    "{name} was called {same} times with the same arguments and the same outcome"
                ));
            } else if asked >= ASKED.1 {
                self.end(format!("{name} was called {asked} times with the same arguments"));
            }
        }
        if let Some(why) = &self.over {
            return Some(format!("not run: {why}; the turn ends here"));
        }
        self.calls += 1;
        None
    }

    /// Takes note of an outcome. Gives what the model is to be told beside it.
    pub(super) fn after(&mut self, name: &str, arguments: &Value, outcome: &[Content]) -> Option<String> {
        if !self.watches {
            return None;
        }
        let outcome = hash(&serde_json::to_string(outcome).unwrap_or_default());
        let seen = self.seen.entry(hash(&(name, arguments.to_string()))).or_default();
        seen.asked += 1;
        seen.same = if seen.outcome == outcome { seen.same + 1 } else { 1 };
        seen.outcome = outcome;
        let (times, end) = match (seen.same, seen.asked) {
            (same, _) if same >= SAME.0 => (same, SAME.1),
            (_, asked) if asked >= ASKED.0 => (asked, ASKED.1),
            _ => return None,
        };
        Some(format!(
            "[The gateway: this is call number {times} of {name} with these arguments. Do something else, or answer with \
             what you have; the turn ends at {end}.]"
        ))
    }

    /// Why the turn has to end.
    pub(super) fn over(&self) -> Option<&str> {
        self.over.as_deref()
    }

    fn end(&mut self, why: String) {
        self.over.get_or_insert(why);
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::Role;
    use serde_json::json;

    fn call(guard: &mut Guard, n: u32, outcome: &str) -> (Option<String>, Option<String>) {
        let arguments = json!({ "n": n });
        let refused = guard.before("t", &arguments);
        let warned = match refused {
            None => guard.after("t", &arguments, &[Content::text(outcome)]),
            Some(_) => None,
        };
        (refused, warned)
    }

    #[test]
    fn the_same_call_with_the_same_outcome_is_warned_of_and_then_refused() {
        let mut guard = Guard::new(true);
        for n in 1..=SAME.1 {
            let (refused, warned) = call(&mut guard, 1, "x");
            assert!(refused.is_none());
            assert_eq!(warned.is_some(), n >= SAME.0, "{n}");
        }
        assert!(guard.over().is_none());
        assert!(
            call(&mut guard, 1, "x")
                .0
                .is_some_and(|why| why.contains("5 times"))
        );
        assert!(guard.over().is_some());
        assert!(
            call(&mut guard, 2, "x").0.is_some(),
            "the turn ends with all of its calls"
        );
    }

    #[test]
    fn a_poll_may_go_on_longer_but_not_for_ever() {
        let mut guard = Guard::new(true);
        for n in 1..=ASKED.1 {
            let (refused, warned) = call(&mut guard, 1, &n.to_string());
            assert!(refused.is_none(), "{n}");
            assert_eq!(warned.is_some(), n >= ASKED.0, "{n}");
        }
        assert!(call(&mut guard, 1, "other").0.is_some());
    }

    #[test]
    fn there_is_an_end_to_calls_also_where_nobody_watches() {
        let mut guard = Guard::new(false);
        for _ in 0..MAX_CALLS {
            assert_eq!(call(&mut guard, 1, "x"), (None, None));
        }
        assert!(call(&mut guard, 1, "x").0.is_some());
    }

    #[test]
    fn what_an_earlier_process_did_counts() {
        let mut guard = Guard::new(true);
        let asked = |id: &str| Message {
            role: Role::Assistant,
            content: vec![Content::ToolCall {
                id: id.into(),
                name: "t".into(),
                arguments: json!({ "n": 1 }),
                signature: String::new(),
            }],
            ..Message::default()
        };
        let answered = |id: &str| Message {
            role: Role::ToolResult,
            tool_call_id: id.into(),
            content: vec![Content::text("x")],
            ..Message::default()
        };
        let messages: Vec<_> = (0..SAME.1)
            .flat_map(|n| [asked(&n.to_string()), answered(&n.to_string())])
            .collect();
        guard.recall(&messages);
        assert!(call(&mut guard, 1, "x").0.is_some());
    }
}
