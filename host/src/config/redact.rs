//! Hides secrets in a configuration that is shown: what the schema marks as one, and what has the name of one.
use super::{
    JsonPath, Outline,
    location::Step,
    secrets::{is_reference, sensitive_key},
    whole::is_secret,
};
use serde_json::{Map, Value};

/// What stands for a secret.
pub const HIDDEN: &str = "***";
/// What stands for a secret where the value may come back: [`super::restore`] knows it.
pub const PLACEHOLDER: &str = "__OPENCLAW_REDACTED__";

/// Hides secrets by a schema and by names.
pub struct Redactor {
    outline: Outline,
    mark: &'static str,
}

// === impl Redactor ===

impl Redactor {
    /// Works with the schema of the whole configuration, from [`super::json_schema`].
    pub fn new(schema: Value) -> Self {
        let outline = Outline::new(schema);
        Self {
            outline,
            mark: HIDDEN,
        }
    }

    /// The same with [`PLACEHOLDER`] in the place of secrets.
    pub fn for_editing(schema: Value) -> Self {
        let outline = Outline::new(schema);
        Self {
            outline,
            mark: PLACEHOLDER,
        }
    }

    /// The value that stands at `path` of a configuration, without secrets.
    pub fn redact(&self, value: &Value, path: &JsonPath) -> Value {
        let mut nodes = self.outline.root();
        let mut holder = None;
        for step in path.steps() {
            nodes = self.outline.inner(&nodes, step);
            holder = holder_of(step, holder);
        }
        self.walk(value, &nodes, holder)
    }

    fn walk(&self, value: &Value, nodes: &[&Map<String, Value>], holder: Option<&str>) -> Value {
        match value {
            Value::Object(map) if is_reference(map) => value.clone(),
            Value::Object(map) => {
                let inner = map.iter().map(|(key, value)| {
                    let step = Step::Key(key.clone());
                    let holder = holder_of(&step, holder);
                    (
                        key.clone(),
                        self.walk(value, &self.outline.inner(nodes, &step), holder),
                    )
                });
                Value::Object(inner.collect())
            }
            Value::Array(items) => {
                let nodes = self.outline.inner(nodes, &Step::Index(0));
                items.iter().map(|item| self.walk(item, &nodes, holder)).collect()
            }
            Value::String(text) => {
                let secret = holder.is_some() || nodes.iter().any(|node| is_secret(node));
                if secret && !text.is_empty() && !names_a_variable(text) {
                    Value::String(self.mark.to_owned())
                } else {
                    Value::String(without_userinfo(text, self.mark))
                }
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => value.clone(),
        }
    }
}

/// Schemes whose user needs no password to be let in.
const WEB: &[&str] = &["http", "https", "ws", "wss"];

/// The name of a secret above a value: what stands below `headers` or `vars` may be one, whatever its key.
fn holder_of<'h>(step: &Step, above: Option<&'h str>) -> Option<&'h str> {
    match step {
        Step::Key(key) if sensitive_key(key) || ["headers", "vars", "env"].contains(&key.as_str()) => {
            Some(HIDDEN)
        }
        _ => above,
    }
}

/// `${VARIABLE}` or `$VARIABLE` as the whole text: it says where the secret is, and not what it is.
pub fn names_a_variable(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.or_else(|| text.strip_prefix('$')).is_some_and(|name| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

/// `https://user:password@host` without both: some services take a token in the place of either.
fn without_userinfo(text: &str, mark: &str) -> String {
    let hidden = text.split_once("://").and_then(|(scheme, rest)| {
        let authority = rest.split(['/', '?', '#']).next()?;
        let (userinfo, _) = authority.rsplit_once('@')?;
        // `ssh://git@host` names an account and no secret
        let is_secret = userinfo.contains(':') || WEB.contains(&scheme.to_ascii_lowercase().as_str());
        is_secret.then(|| format!("{scheme}://{mark}{}", &rest[userinfo.len()..]))
    });
    hidden.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{PluginSchemas, json_schema};
    use serde_json::json;

    #[test]
    fn secrets_are_hidden_by_schema_and_by_name() {
        let channel = json!({"type": "object", "properties": {"odd": {"$ref": "#/$defs/Odd"}, "plain": {"type": "string"}},
            "$defs": {"Odd": {"anyOf": [{"type": "null"}, {"type": "string", "format": "password"}]}}});
        let channels = Map::from_iter([("pigeon".to_owned(), channel)]);
        let redactor = Redactor::new(json_schema([PluginSchemas {
            id: "p",
            config: None,
            channels: &channels,
        }]));
        let block = json!({"odd": "hunter2", "plain": "shown", "accounts": {"a": {"odd": "hunter2"}}});
        let config = json!({
            "channels": {"pigeon": block, "unknown": {"botToken": "hunter2", "webhook": "https://u:hunter2@h/x",
                "hook": "https://hunter2@h/x", "git": "ssh://git@h/x"}},
            "gateway": {"auth": {"token": "${TOKEN}", "password": "hunter2"}, "port": 5},
            "models": {"providers": {"p": {"apiKey": {"source": "env", "id": "KEY"}, "headers": {"x-any": "hunter2"},
                "models": [{"id": "m", "maxTokens": 5, "headers": {"x": "hunter2"}}]}}},
            "env": {"vars": {"A": "hunter2"}, "B": "hunter2"},
        });
        let shown = redactor.redact(&config, &JsonPath::root());
        assert!(!shown.to_string().contains("hunter2"), "{shown}");
        assert_eq!(
            shown["channels"]["pigeon"],
            json!({"odd": HIDDEN, "plain": "shown", "accounts": {"a": {"odd": HIDDEN}}})
        );
        assert_eq!(shown["channels"]["unknown"]["webhook"], "https://***@h/x");
        assert_eq!(shown["channels"]["unknown"]["hook"], "https://***@h/x");
        assert_eq!(shown["channels"]["unknown"]["git"], "ssh://git@h/x");
        assert_eq!(shown["gateway"]["auth"]["token"], "${TOKEN}");
        assert_eq!(shown["models"]["providers"]["p"]["apiKey"]["id"], "KEY");
        assert_eq!(shown["models"]["providers"]["p"]["models"][0]["maxTokens"], 5);
        for (path, value) in [
            ("channels.pigeon.odd", "hunter2"),
            ("gateway.auth.password", "hunter2"),
            ("env.vars.A", "hunter2"),
        ] {
            assert_eq!(
                redactor.redact(&json!(value), &path.parse().expect("a path")),
                HIDDEN,
                "{path}"
            );
        }
        assert_eq!(
            redactor.redact(&json!("a"), &"channels.pigeon.plain".parse().expect("a path")),
            "a"
        );
    }
}
