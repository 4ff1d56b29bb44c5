//! Judges a plugin's configuration by the schema in its manifest, without running any of its code.
use crate::config::{JsonPath, is_known};
use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use openclaw_plugin_api::Manifest;
use serde_json::Value;

/// Errors that are shown at once.
const MAX_ERRORS: usize = 8;

/// Does the configuration fit? The text names every path that doesn't, what is there and what is allowed.
pub fn check_config(manifest: &Manifest, config: &Value) -> Result<(), String> {
    let path = format!("plugins.entries.{}.config", manifest.id);
    match &manifest.config_schema {
        Some(schema) => check(schema, config, &path),
        None if config.is_null() || config.as_object().is_some_and(|config| config.is_empty()) => Ok(()),
        None => Err(format!(
            "{path}: plugin {} takes no configuration; remove it",
            manifest.id
        )),
    }
}

/// Judges a value by a schema. `path` is where the value stands.
pub fn check(schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let validator = jsonschema::validator_for(schema).map_err(|e| {
        format!("{path}: the schema in the plugin's manifest is itself wrong ({e}); tell its author")
    })?;
    let errors = validator
        .iter_errors(value)
        .filter(|error| !is_without_effect(error, value, path));
    let mut problems: Vec<String> = errors.map(|e| problem(&e, path)).collect();
    if problems.is_empty() {
        return Ok(());
    }
    problems.sort();
    problems.dedup();
    let more = problems.len().saturating_sub(MAX_ERRORS);
    problems.truncate(MAX_ERRORS);
    if more > 0 {
        problems.push(format!("… and {more} more"));
    }
    Err(problems.join("\n"))
}

/// Keys that OpenClaw knows and this plugin does not are no fault: they have no effect here.
fn is_without_effect(error: &ValidationError<'_>, value: &Value, path: &str) -> bool {
    let (Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected }) =
        error.kind()
    else {
        return false;
    };
    path.parse::<JsonPath>().is_ok_and(|path| {
        let at = path.pointer(error.instance_path().as_str(), value);
        unexpected.iter().all(|key| is_known(&at.key(key)))
    })
}

/// The value itself is never shown: it may be a secret in the wrong place.
fn problem(error: &ValidationError<'_>, path: &str) -> String {
    let place: String = error
        .instance_path()
        .as_str()
        .split('/')
        .skip(1)
        .map(|step| format!(".{step}"))
        .collect();
    let kind = match error.instance().as_ref() {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let masked = error.masked_with("the value").to_string();
    // ids that look like numbers lose their last digits when they are read as such
    let is_bare_id = matches!(error.kind(), Kind::Type { .. }) && masked.ends_with("\"string\"");
    let remedy = if is_bare_id && error.instance().is_number() {
        "; put it in quotes"
    } else {
        ""
    };
    format!("{path}{place}: {masked} (it is {kind}{remedy})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manifest(schema: Option<Value>) -> Manifest {
        Manifest {
            id: "x".into(),
            config_schema: schema,
            ..Manifest::default()
        }
    }

    #[test]
    fn paths_and_types_are_named_and_values_are_not() {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["token"],
            "properties": {"token": {"type": "string"}, "n": {"type": "object", "properties": {"a": {"type": "integer"}}}}
        });
        let manifest = manifest(Some(schema));
        check_config(&manifest, &json!({"token": "t", "n": {"a": 1}})).expect("valid");
        let error =
            check_config(&manifest, &json!({"n": {"a": "hunter2"}, "tokn": 1})).expect_err("three faults");
        assert!(
            error.contains("plugins.entries.x.config.n.a: ") && error.contains("it is a string"),
            "{error}"
        );
        assert!(
            error.contains("token") && error.contains("tokn") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn an_id_that_is_a_number_is_to_be_quoted() {
        let schema = json!({"type": "object", "properties": {"ids": {"items": {"type": "string"}}, "on": {"type": "boolean"}}});
        let error =
            check(&schema, &json!({"ids": [123_456], "on": 1}), "channels.x").expect_err("two faults");
        assert!(
            error.contains("channels.x.ids.0") && error.contains("a number; put it in quotes"),
            "{error}"
        );
        assert_eq!(error.matches("quotes").count(), 1, "{error}");
    }

    #[test]
    fn keys_of_openclaw_are_no_fault() {
        let schema = json!({"type": "object", "additionalProperties": false, "properties": {}});
        check(&schema, &json!({"nick": "x"}), "channels.irc").expect("it has no effect here");
        check(&schema, &json!({"nick": "x", "nik": "x"}), "channels.irc").expect_err("it means nothing");
        check(&schema, &json!({"nick": "x"}), "plugins.entries.x.config")
            .expect_err("it means nothing there");
    }

    #[test]
    fn a_plugin_without_a_schema_takes_nothing() {
        check_config(&manifest(None), &json!({})).expect("nothing");
        check_config(&manifest(None), &json!({"a": 1})).expect_err("something");
    }
}
