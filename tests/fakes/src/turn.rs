//! What a fake model says, whichever vendor's words it is put in.
use serde_json::Value;

/// One answer of a fake model.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    /// Its thought, with a proof; empty for none.
    pub thinking: String,
    /// Its text in the pieces in which it comes.
    pub text: Vec<String>,
    /// Tools that it asks for: name and arguments.
    pub calls: Vec<(String, Value)>,
    /// Why it stopped, in the vendor's word. None: what follows from the rest.
    pub stop: Option<String>,
    /// Tokens of input and output.
    pub usage: (u64, u64),
}

impl Turn {
    /// A text, word by word.
    pub fn say(text: &str) -> Self {
        Self {
            text: text.split_inclusive(' ').map(str::to_owned).collect(),
            usage: (10, 5),
            ..Self::default()
        }
    }

    /// Asks for a tool.
    pub fn call(name: &str, arguments: Value) -> Self {
        Self {
            calls: vec![(name.to_owned(), arguments)],
            usage: (10, 5),
            ..Self::default()
        }
    }

    /// With a thought before.
    pub fn thinking(mut self, thought: &str) -> Self {
        self.thinking = thought.to_owned();
        self
    }
}
