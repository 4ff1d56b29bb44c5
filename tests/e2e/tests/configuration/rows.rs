//! From a JSON Schema to the keys that it describes, each with its path, type, default and text.
//!
//! A key that says it has no effect is left out with all that is below it. What was told under another path is not told
//! twice: an agent has the keys of `agents.defaults`, a channel those of `channels.<name>`, and a type that stands in
//! several places is shown in the first one.
use super::words::{default_of, is_for_nobody, plain, range, without_default};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Parts of a schema that refer to each other, at most.
const MAX_DEPTH: usize = 16;
/// Keys whose inside is told in words on the page.
const CLOSED: &[&str] = &[
    "agents.list",
    "channels.discord.accounts",
    "channels.telegram.accounts",
];

/// One key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) default: String,
    pub(crate) text: String,
}

/// The keys that were found so far.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    rows: Vec<Row>,
    seen: HashSet<String>,
    /// Where only a hint stands: the same was shown elsewhere.
    hinted: Vec<String>,
}

/// A look at one document.
struct Walk<'w> {
    document: &'w Value,
    /// Where an object with these keys was shown first.
    shown: HashMap<String, String>,
    found: &'w mut Rows,
}

// === impl Rows ===

impl Rows {
    /// Adds the wanted keys of an object of `document`, which stands at `path`.
    pub(crate) fn add_object<'v>(
        &mut self,
        document: &'v Value,
        path: &str,
        object: &'v Value,
        wanted: impl Fn(&str) -> bool,
    ) {
        let shown = HashMap::new();
        let mut walk = Walk {
            document,
            shown,
            found: self,
        };
        for part in walk.parts(object) {
            for (key, inner) in properties(part).filter(|(key, _)| wanted(key)) {
                walk.key(&join(path, key), inner);
            }
        }
    }

    /// All of them. Sections as a whole are headings, not keys.
    pub(crate) fn finish(mut self) -> Vec<Row> {
        self.rows
            .retain(|row| row.kind != "object" || row.path.contains('.'));
        self.rows
    }

    /// Was this key told, here or under the path that it inherits from?
    fn is_told(&self, path: &str) -> bool {
        let told = |path: &str| {
            let below = |hint: &String| {
                path.strip_prefix(hint.as_str())
                    .is_some_and(|rest| rest.starts_with(['.', '[']))
            };
            self.seen.contains(path) || self.hinted.iter().any(below)
        };
        let agent = path
            .strip_prefix("agents.entries.<name>.")
            .map(|rest| format!("agents.defaults.{rest}"));
        let channel = path
            .strip_prefix("channels.")
            .and_then(|rest| rest.split_once('.'));
        let channel = channel
            .filter(|(id, _)| *id != "<name>")
            .map(|(_, rest)| format!("channels.<name>.{rest}"));
        told(path) || agent.or(channel).is_some_and(|usual| told(&usual))
    }
}

// === impl Walk ===

impl<'w> Walk<'w> {
    fn key(&mut self, path: &str, schema: &'w Value) {
        let Some(own) = schema.as_object() else {
            return; // any value, for others to judge
        };
        let parts = self.parts(schema);
        let mut texts = parts.iter().filter_map(|part| part.get("description")?.as_str());
        let text = texts.next().unwrap_or_default();
        let is_new = !self.found.is_told(path);
        self.found.seen.insert(path.to_owned());
        if is_for_nobody(text) {
            return;
        }
        let kind = self.kind(schema);
        let row = is_new.then_some(self.found.rows.len());
        if is_new {
            let (text, mut default) = without_default(text);
            if default.is_empty() && kind != "secret" {
                default = default_of(own);
            }
            let (path, kind) = (path.to_owned(), kind.clone());
            self.found.rows.push(Row {
                path,
                kind,
                default,
                text,
            });
        } else {
            self.also(path, &kind);
        }
        if CLOSED.contains(&path) {
            return self.found.hinted.push(path.to_owned());
        }
        self.inside(path, schema, row);
        let rows = &mut self.found.rows;
        let has_keys = parts.iter().any(|part| part.contains_key("properties"));
        if has_keys
            && kind == "object"
            && row.is_some_and(|row| row + 1 == rows.len() && rows[row].kind == kind)
        {
            rows.pop(); // nothing of it has an effect
        }
    }

    /// A key whose words stand in several forms of an object has all of them.
    fn also(&mut self, path: &str, kind: &str) {
        let row = self.found.rows.iter_mut().find(|row| row.path == path);
        let words = |kind: &str| kind.starts_with('`') && kind.ends_with('`');
        if let Some(row) = row.filter(|row| words(&row.kind) && words(kind) && !row.kind.contains(kind)) {
            row.kind += &format!(", {kind}");
        }
    }

    /// The keys of an object, of the objects of a map, or of those of a list. `row`: what tells of it.
    fn inside(&mut self, path: &str, schema: &'w Value, row: Option<usize>) {
        if self.kind(schema) == "secret" {
            return;
        }
        if let Some(first) = self.shown_at(path, schema) {
            self.found.hinted.push(path.to_owned());
            if let Some(row) = row.and_then(|row| self.found.rows.get_mut(row)) {
                row.kind += &format!(", like `{first}`");
            }
            return;
        }
        for part in self.parts(schema) {
            // what plugins put there is told under their own paths
            if path != "plugins.entries" {
                for (key, inner) in properties(part) {
                    self.key(&join(path, key), inner);
                }
            }
            let patterns = part
                .get("patternProperties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            for inner in patterns
                .map(|(_, inner)| inner)
                .chain(part.get("additionalProperties"))
            {
                self.inside(&format!("{path}.<name>"), inner, row);
            }
            if let Some(inner) = part.get("items") {
                self.inside(&format!("{path}[]"), inner, row);
            }
        }
    }

    /// Where an object with the same keys was shown, if it was.
    fn shown_at(&mut self, path: &str, schema: &'w Value) -> Option<String> {
        let parts = self.parts(schema);
        let mut keys = parts
            .iter()
            .filter_map(|part| part.get("properties")?.as_object());
        let keys = keys.find(|keys| keys.len() > 1)?;
        let keys = serde_json::to_string(keys).expect("JSON");
        let first = self.shown.entry(keys).or_insert_with(|| path.to_owned());
        (first != path).then(|| first.clone())
    }

    fn resolved(&self, target: &str) -> Option<&'w Value> {
        self.document.pointer(target.strip_prefix('#')?)
    }

    /// A schema and all that it refers to or is made of, its own words first.
    fn parts(&self, schema: &'w Value) -> Vec<&'w Map<String, Value>> {
        let mut found = Vec::new();
        self.collect(schema, MAX_DEPTH, &mut found);
        found
    }

    fn collect(&self, schema: &'w Value, depth: usize, found: &mut Vec<&'w Map<String, Value>>) {
        let Some(map) = schema.as_object().filter(|_| depth > 0) else {
            return;
        };
        found.push(map);
        let target = map.get("$ref").and_then(Value::as_str);
        if let Some(target) = target.and_then(|target| self.resolved(target)) {
            self.collect(target, depth - 1, found);
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            for part in map.get(key).and_then(Value::as_array).into_iter().flatten() {
                self.collect(part, depth - 1, found);
            }
        }
    }

    /// The type of a value, in words.
    fn kind(&self, schema: &'w Value) -> String {
        let parts = self.parts(schema);
        if parts
            .iter()
            .any(|part| openclaw_host::config::is_secret_schema(part))
        {
            return "secret".to_owned();
        }
        let mut kinds: Vec<String> = Vec::new();
        for part in parts {
            let values = part.get("enum").and_then(Value::as_array).into_iter().flatten();
            let values = values.chain(part.get("const")).filter(|value| !value.is_null());
            let values: Vec<_> = values.map(|value| format!("`{}`", plain(value))).collect();
            let types = match part.get("type") {
                _ if part.contains_key("enum") || part.contains_key("const") => Vec::new(),
                Some(Value::String(name)) => vec![name.as_str()],
                Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            let types = types.into_iter().filter_map(|name| self.named(name, part));
            for kind in values.into_iter().chain(types) {
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
        }
        let (words, types): (Vec<String>, Vec<String>) =
            kinds.into_iter().partition(|kind| kind.starts_with('`'));
        let words = (!words.is_empty()).then(|| words.join(", "));
        let all: Vec<_> = words.into_iter().chain(types).collect();
        match all.is_empty() {
            true => "any".to_owned(),
            false => all.join(" or "),
        }
    }

    fn named(&self, name: &str, part: &'w Map<String, Value>) -> Option<String> {
        let of = |key: &str| {
            part.get(key)
                .filter(|inner| inner.is_object())
                .map(|inner| self.kind(inner))
        };
        Some(match name {
            "null" => return None,
            "string" => "text".to_owned(),
            "integer" | "number" => format!("{name}{}", range(part)),
            "array" => of("items").map_or_else(|| "list".to_owned(), |inner| format!("list of {inner}")),
            "object" if part.contains_key("properties") => "object".to_owned(),
            "object" => {
                let patterns = part.get("patternProperties").and_then(Value::as_object);
                let value = patterns
                    .and_then(|patterns| patterns.values().next())
                    .map(|inner| self.kind(inner));
                let value = value.or_else(|| of("additionalProperties"));
                value.map_or_else(|| "map".to_owned(), |inner| format!("map of {inner}"))
            }
            other => other.to_owned(),
        })
    }
}

fn properties(part: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    part.get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}
