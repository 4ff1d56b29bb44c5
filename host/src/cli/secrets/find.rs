//! Secrets that stand in a configuration as they are. Pure; it says where, and never which.
use crate::config::{HIDDEN, JsonPath, Redactor, Step, has_secret_name};
use serde_json::Value;

/// Keys below which any text may be a secret, and most are none.
const MIXED: [&str; 3] = ["headers", "vars", "env"];
/// Sections whose secrets can't be references: they are what references are resolved with.
const FIXED: [&str; 2] = ["env", "secrets"];

/// A secret that stands there as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plain {
    /// Where.
    pub(super) path: JsonPath,
    /// A reference may stand there in its place.
    pub(super) can_move: bool,
}

/// All of them.
pub(super) fn plain(value: &Value, redactor: &Redactor) -> Vec<Plain> {
    let hidden = redactor.redact(value, &JsonPath::root());
    let mut found = Vec::new();
    compare(value, &hidden, &JsonPath::root(), &mut found);
    found.retain(|plain| !is_doubtful(&plain.path));
    found
}

fn compare(value: &Value, hidden: &Value, path: &JsonPath, found: &mut Vec<Plain>) {
    match (value, hidden) {
        (Value::Object(map), Value::Object(hidden)) => {
            for (key, inner) in map {
                compare(inner, &hidden[key], &path.key(key), found);
            }
        }
        (Value::Array(items), Value::Array(hidden)) => {
            for (index, inner) in items.iter().enumerate() {
                compare(inner, &hidden[index], &path.index(index), found);
            }
        }
        // what has a variable in it is put together from the environment
        (Value::String(text), Value::String(mark))
            if mark == HIDDEN && text != HIDDEN && !text.contains("${") =>
        {
            let is_fixed = FIXED
                .iter()
                .any(|section| JsonPath::root().key(*section).holds(path));
            found.push(Plain {
                path: path.clone(),
                can_move: !is_fixed,
            });
        }
        _ => {}
    }
}

/// A text that is hidden for where it stands, though its name is no secret's.
fn is_doubtful(path: &JsonPath) -> bool {
    let keys = || {
        path.steps().iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
    };
    keys().any(|key| MIXED.contains(&key)) && !keys().any(has_secret_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{PluginSchemas, json_schema};
    use serde_json::json;

    #[test]
    fn secrets_are_found_by_schema_and_by_name_and_references_are_none() {
        let config =
            json!({"type": "object", "properties": {"pin": {"type": "string", "format": "password"}}});
        let schemas = [PluginSchemas {
            id: "saw",
            config: Some(&config),
            channels: &serde_json::Map::new(),
        }];
        let redactor = Redactor::new(json_schema(schemas));
        let value = json!({
            "gateway": {"auth": {"token": "open"}, "port": 1},
            "models": {"providers": {"a": {"apiKey": {"source": "env", "id": "A"}, "headers": {"x-kind": "b", "x-api-key": "k"}},
                "b": {"apiKey": "${B}"}, "c": {"apiKey": "$C"}, "d": {"headers": {"authorization": "Bearer ${D}"}}}},
            "plugins": {"entries": {"saw": {"config": {"pin": "1234"}}}},
            "env": {"vars": {"A_TOKEN": "t", "HOME": "h"}},
            "channels": {"post": {"botToken": "t", "accounts": {"x": {"botToken": ""}}}},
        });
        let found: Vec<_> = plain(&value, &redactor)
            .into_iter()
            .map(|plain| (plain.path.to_string(), plain.can_move))
            .collect();
        let expected = [
            ("gateway.auth.token", true),
            ("models.providers.a.headers.x-api-key", true),
            ("plugins.entries.saw.config.pin", true),
            ("env.vars.A_TOKEN", false),
            ("channels.post.botToken", true),
        ];
        assert_eq!(
            found,
            expected.map(|(path, can_move)| (path.to_owned(), can_move))
        );
    }
}
