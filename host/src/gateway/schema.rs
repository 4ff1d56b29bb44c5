//! Strict validation with the texts that the protocol's clients know.
//!
//! Invariant: the text is bounded, whatever the value is.
use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::limits::MAX_PROBLEMS;

/// Characters of a name that an error repeats.
const MAX_NAME: usize = 64;

/// A compiled JSON Schema.
#[derive(Debug)]
pub struct Schema(Validator);

impl Schema {
    /// Compiles a schema that is part of the program.
    ///
    /// # Panics
    /// If it isn't a schema.
    pub fn new(schema: &Value) -> Self {
        Self(jsonschema::validator_for(schema).expect("a schema of ours is valid"))
    }

    /// Is the value as it should be? If not: what is wrong, joined with `; `.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        if self.0.is_valid(value) {
            return Ok(());
        }
        let mut problems: Vec<(u8, String)> = Vec::new();
        for error in self.0.iter_errors(value).take(MAX_PROBLEMS) {
            describe(value, &error, &mut problems);
        }
        problems.sort_by_key(|(rank, _)| *rank);
        problems.truncate(MAX_PROBLEMS);
        let texts: Vec<String> = problems.into_iter().map(|(_, text)| text).collect();
        Err(texts.join("; "))
    }
}

/// The schema of a type's parameters. What may be absent may not be null: that is how the protocol's clients know it.
pub(crate) fn of<P: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(P).to_value();
    if let Some(root) = schema.as_object_mut() {
        root.entry("type").or_insert_with(|| "object".into());
    }
    without_null(&mut schema);
    schema
}

fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Array(kinds)) = map.get_mut("type") {
                kinds.retain(|kind| kind != "null");
                if let [only] = kinds.as_slice() {
                    let only = only.clone();
                    map.insert("type".into(), only);
                }
            }
            if let Some(Value::Array(any)) = map.get_mut("anyOf") {
                any.retain(|one| one["type"] != "null");
                if let [Value::Object(only)] = any.as_slice() {
                    let only = only.clone();
                    map.remove("anyOf");
                    map.extend(only);
                }
            }
            if let Some(Value::Array(all)) = map.get_mut("enum") {
                all.retain(|one| !one.is_null());
            }
            map.values_mut().for_each(without_null);
        }
        Value::Array(list) => list.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// Missing properties come first, as clients know it.
fn describe(whole: &Value, error: &ValidationError<'_>, problems: &mut Vec<(u8, String)>) {
    let path = error.instance_path().as_str();
    let at = if path.is_empty() {
        "at root: ".to_owned()
    } else {
        format!("at {}: ", short(path))
    };
    let text = match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let at = if path.is_empty() { "" } else { &at };
            problems.push((0, format!("{at}must have required property '{name}'")));
            return;
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let unexpected = unexpected.iter().take(MAX_PROBLEMS);
            problems.extend(unexpected.map(|name| (1, format!("{at}unexpected property '{}'", short(name)))));
            return;
        }
        // an object that may have no properties at all
        ValidationErrorKind::FalseSchema => {
            let keys = whole.pointer(path).and_then(Value::as_object);
            let keys = keys.into_iter().flat_map(Map::keys).take(MAX_PROBLEMS);
            problems.extend(keys.map(|name| (1, format!("{at}unexpected property '{}'", short(name)))));
            return;
        }
        ValidationErrorKind::Type { kind } => format!("must be {}", type_name(kind)),
        ValidationErrorKind::Enum { .. } => "must be equal to one of the allowed values".to_owned(),
        ValidationErrorKind::Constant { .. } => "must be equal to constant".to_owned(),
        ValidationErrorKind::MinLength { limit } => format!("must not have fewer than {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("must not have more than {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("must not have fewer than {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("must not have more than {limit} items"),
        ValidationErrorKind::Minimum { limit } => format!("must be >= {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be <= {limit}"),
        other => format!("must satisfy {}", other.keyword()),
    };
    problems.push((1, format!("{at}{text}")));
}

fn type_name(kind: &jsonschema::error::TypeKind) -> String {
    use jsonschema::error::TypeKind;
    match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => {
            let names: Vec<String> = kinds.iter().map(|kind| kind.to_string()).collect();
            names.join(",")
        }
    }
}

fn short(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_texts_are_the_ones_clients_know() {
        let schema = Schema::new(&json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["sessionKey"],
            "properties": {
                "sessionKey": {"type": "string", "minLength": 1},
                "limit": {"type": "integer", "minimum": 1, "maximum": 9},
                "device": {"type": "object", "required": ["nonce"]},
                "mode": {"enum": ["a"]},
            },
        }));
        let table = [
            (
                json!({"limit": "x"}),
                "must have required property 'sessionKey'; at /limit: must be integer",
            ),
            (
                json!({"sessionKey": "", "z": 1}),
                "at /sessionKey: must not have fewer than 1 characters; at root: unexpected property 'z'",
            ),
            (
                json!({"sessionKey": "k", "device": {}}),
                "at /device: must have required property 'nonce'",
            ),
            (
                json!({"sessionKey": "k", "mode": "b"}),
                "at /mode: must be equal to one of the allowed values",
            ),
            (json!({"sessionKey": "k", "limit": 10}), "at /limit: must be <= 9"),
            (json!([]), "at root: must be object"),
        ];
        for (value, text) in table {
            assert_eq!(schema.check(&value).unwrap_err(), text);
        }
        assert!(schema.check(&json!({"sessionKey": "k"})).is_ok());
    }

    #[test]
    fn a_flood_of_unknown_keys_makes_a_short_text() {
        let schema = Schema::new(&json!({"type": "object", "additionalProperties": false}));
        let value: serde_json::Map<String, Value> = (0..10_000)
            .map(|n| (format!("{n}{}", "k".repeat(500)), Value::Null))
            .collect();
        assert!(schema.check(&Value::Object(value)).unwrap_err().len() < 2048);
    }
}
