//! What a fake model says, whichever vendor's words it is put in; and whether a body is what the vendor describes.
use crate::openai::spec::translate;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

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

/// The check for one schema of the vendor's description, which lies in the folder that `OPENCLAW_SPECS` names, or beside
/// the checkout. Without it nothing is checked, and that is said. `prepare` mends what the description gets wrong.
pub(crate) fn validator(file: &str, name: &str, prepare: fn(&mut Value)) -> Option<Validator> {
    let folder = std::env::var_os("OPENCLAW_SPECS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs"),
        PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        eprintln!("skipped: there is no {file}, so bodies are not checked; set OPENCLAW_SPECS to its folder");
        return None;
    };
    let mut spec: Value = serde_json::from_str(&text).expect("the description is JSON");
    let mut components = spec["components"].take();
    translate(&mut components);
    prepare(&mut components["schemas"]);
    let schema = json!({ "$ref": format!("#/components/schemas/{name}"), "components": components });
    Some(jsonschema::validator_for(&schema).expect("the vendor's description is a schema"))
}

/// The first thing in a body that the vendor would not take.
pub(crate) fn problem(validator: Option<&Validator>, body: &Value) -> Option<String> {
    let error = validator?.iter_errors(body).next()?;
    Some(format!("{}: {}", error.instance_path(), error.masked()))
}
