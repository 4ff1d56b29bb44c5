//! What the fake says in one turn, in words that both APIs share.
use super::Api;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::watch;

/// One answer.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    /// What it consists of, in order.
    pub parts: Vec<Part>,
    /// Tokens: of the prompt, of those from the cache, of the answer.
    pub usage: (u64, u64, u64),
    /// Why it ends before it is whole: `length` or `content_filter`.
    pub stop: Option<String>,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// How long it thinks before it says anything.
    pub delay: Duration,
    /// Where it waits for a test.
    pub(super) hold: Option<Hold>,
}

/// A place in a turn where it waits.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    /// Events before it.
    pub(super) after: usize,
    /// Goes on when the valve is opened or gone.
    pub(super) opened: watch::Receiver<bool>,
}

/// Keeps a turn waiting; see [`Turn::held`]. A dropped one is open.
#[derive(Debug)]
pub struct Valve(watch::Sender<bool>);

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text, in the pieces in which it comes.
    Text(Vec<String>),
    /// A thought.
    Thought(String),
    /// A refusal.
    Refusal(String),
    /// A wish for a tool.
    Call {
        /// Id that the result refers to.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments as text, which may be no JSON.
        arguments: String,
    },
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// An error in place of an answer.
    Status {
        /// HTTP status.
        status: u16,
        /// `type`
        kind: String,
        /// `code`; empty for none.
        code: String,
        /// `message`
        message: String,
        /// `retry-after`, seconds.
        retry_after: Option<u64>,
    },
    /// The connection breaks.
    Cut {
        /// Events before it.
        after: usize,
    },
    /// The answer ends in good order, but too early.
    Close {
        /// Events before it.
        after: usize,
    },
    /// An event is no JSON, and the answer ends.
    Malformed {
        /// Events before it.
        after: usize,
    },
    /// The vendor says in the stream that it failed.
    Failed {
        /// Events before it.
        after: usize,
        /// `code`
        code: String,
        /// `message`
        message: String,
    },
    /// Nothing comes any more, and the connection stays open.
    Silent {
        /// Events before it.
        after: usize,
    },
}

// === impl Turn ===

impl Turn {
    /// Text, word by word.
    pub fn text(text: &str) -> Self {
        Self::default().and_text(text)
    }

    /// A wish for a tool.
    pub fn call(id: &str, name: &str, arguments: &Value) -> Self {
        Self::default().and_call(id, name, arguments)
    }

    /// An error in place of an answer.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let kind = if status < 500 {
            "invalid_request_error"
        } else {
            "server_error"
        };
        Self::default().fault(Fault::Status {
            status,
            kind: kind.into(),
            code: code.into(),
            message: message.into(),
            retry_after: None,
        })
    }

    /// 429 with a time to wait, seconds.
    pub fn rate_limit(retry_after: u64) -> Self {
        Self::default().fault(Fault::Status {
            status: 429,
            kind: "requests".into(),
            code: "rate_limit_exceeded".into(),
            message: "Rate limit reached for requests".into(),
            retry_after: Some(retry_after),
        })
    }

    /// More text, word by word.
    pub fn and_text(mut self, text: &str) -> Self {
        let words = text.split_inclusive(' ').map(str::to_owned).collect();
        self.parts.push(Part::Text(words));
        self
    }

    /// A thought.
    pub fn and_thought(mut self, text: &str) -> Self {
        self.parts.push(Part::Thought(text.into()));
        self
    }

    /// A wish for a tool.
    pub fn and_call(mut self, id: &str, name: &str, arguments: &Value) -> Self {
        self.parts.push(Part::Call {
            id: id.into(),
            name: name.into(),
            arguments: arguments.to_string(),
        });
        self
    }

    /// What it costs: tokens of the prompt, of those from the cache, of the answer.
    pub fn usage(mut self, prompt: u64, cached: u64, output: u64) -> Self {
        self.usage = (prompt, cached, output);
        self
    }

    /// Ends before it is whole: `length` or `content_filter`.
    pub fn stop(mut self, reason: &str) -> Self {
        self.stop = Some(reason.into());
        self
    }

    /// Goes wrong.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Thinks first.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Waits after so many events until the valve is opened.
    pub fn held(mut self, after: usize) -> (Self, Valve) {
        let (valve, opened) = watch::channel(false);
        self.hold = Some(Hold { after, opened });
        (self, Valve(valve))
    }

    /// Does it ask for tools?
    pub(super) fn asks(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Call { .. }))
    }

    /// What is said without a script.
    pub(super) fn echo(api: Api, body: &Value) -> Self {
        let list = match api {
            Api::Responses => &body["input"],
            Api::Completions => &body["messages"],
        };
        let Some(last) = list.as_array().and_then(|list| list.last()) else {
            return Self::text(list.as_str().unwrap_or_default());
        };
        let answered = last["type"] == "function_call_output" || last["role"] == "tool";
        let text = plain(if answered && api == Api::Responses {
            &last["output"]
        } else {
            &last["content"]
        });
        let words = u64::try_from(text.split_whitespace().count()).unwrap_or(u64::MAX);
        let turn = if answered {
            Self::text(&format!("The tool answered: {text}"))
        } else if let Some(wish) = text.strip_prefix("/tool ") {
            let (name, arguments) = wish.split_once(' ').unwrap_or((wish, "{}"));
            let part = Part::Call {
                id: format!("call_{}", list.as_array().map_or(0, Vec::len)),
                name: name.into(),
                arguments: arguments.trim().into(),
            };
            Self {
                parts: vec![part],
                ..Self::default()
            }
        } else {
            Self::text(&format!("You said: {text}"))
        };
        turn.usage(words, 0, words + 2)
    }
}

// === impl Valve ===

impl Valve {
    /// The turn goes on.
    pub fn open(self) {
        self.0.send_replace(true);
    }

    /// Waits until whoever asked has hung up.
    pub async fn abandoned(&self) {
        self.0.closed().await;
    }
}

// === impl Hold ===

impl Hold {
    pub(super) async fn wait(mut self) {
        // a valve that is gone is open
        let _ = self.opened.wait_for(|opened| *opened).await;
    }
}

/// The text of a message in either form.
fn plain(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<_> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}
