//! The vendors' own descriptions of their APIs, where they are at hand, and how a body is held against them.
//!
//! They lie in the folder that `OPENCLAW_SPECS` names, or beside the checkout. Without one its bodies are taken as they
//! are, and that is said.
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Problems of one body that are told.
const MAX_PROBLEMS: usize = 3;

/// A description, if it is there.
pub(crate) fn read(file: &str) -> Option<Value> {
    let folder = std::env::var_os("OPENCLAW_SPECS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs"),
        PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        eprintln!("skipped: there is no {file}, so bodies are not checked; set OPENCLAW_SPECS to its folder");
        return None;
    };
    Some(serde_json::from_str(&text).expect("the description is JSON"))
}

/// The check for one of a vendor's schemas. `prepare` mends what the description gets wrong.
pub(crate) fn validator(file: &str, name: &str, prepare: fn(&mut Value)) -> Option<Validator> {
    let mut components = read(file)?["components"].take();
    translate(&mut components);
    prepare(&mut components["schemas"]);
    Some(component(&components, name))
}

/// The check for one of the schemas in `components`.
pub(crate) fn component(components: &Value, name: &str) -> Validator {
    let schema = json!({ "$ref": format!("#/components/schemas/{name}"), "components": components });
    jsonschema::validator_for(&schema).expect("the vendor's description is a schema")
}

/// Would the vendor take the body? If not: the first problems.
pub(crate) fn judge(validator: &Validator, body: &Value) -> Result<(), String> {
    let problems: Vec<_> = validator
        .iter_errors(body)
        .take(MAX_PROBLEMS)
        .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems.join("; ")),
    }
}

/// From OpenAPI to JSON Schema. `nullable` becomes a type. `oneOf` becomes `anyOf`: what tells its members apart is a
/// discriminator, which JSON Schema doesn't know, and without it several fit.
pub(crate) fn translate(schema: &mut Value) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(translate),
        Value::Object(object) => {
            object.values_mut().for_each(translate);
            if let Some(members) = object.remove("oneOf") {
                object.insert("anyOf".into(), members);
            }
            if object.get("nullable") == Some(&Value::Bool(true)) {
                object.remove("nullable");
                let strict: Map<String, Value> = std::mem::take(object);
                object.insert("anyOf".into(), json!([strict, { "type": "null" }]));
            }
        }
        _ => {}
    }
}
