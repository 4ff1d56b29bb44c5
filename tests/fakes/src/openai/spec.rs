//! The vendor's own description of its API, where it is at hand, and what it doesn't say.
//!
//! The description lies in the folder that `OPENCLAW_SPECS` names, or beside the checkout. Without it bodies are taken
//! as they are, and that is said once.
use super::Api;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// The schema file.
const FILE: &str = "openai_core.json";
/// Problems of one body that are told.
const MAX_PROBLEMS: usize = 3;

static SCHEMAS: LazyLock<Option<Value>> = LazyLock::new(|| {
    let folder = std::env::var_os("OPENCLAW_SPECS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs"),
        PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(folder.join(FILE)) else {
        eprintln!("skipped: there is no {FILE}, so bodies are not checked; set OPENCLAW_SPECS to its folder");
        return None;
    };
    let mut spec: Value = serde_json::from_str(&text).expect("the description is JSON");
    translate(&mut spec["components"]);
    Some(spec["components"].take())
});
static RESPONSES: LazyLock<Option<Validator>> = LazyLock::new(|| validator("CreateResponse"));
static COMPLETIONS: LazyLock<Option<Validator>> = LazyLock::new(|| validator("CreateChatCompletionRequest"));

/// A check for one of the vendor's schemas.
pub(super) fn validator(name: &str) -> Option<Validator> {
    let components = SCHEMAS.as_ref()?;
    let schema = json!({ "$ref": format!("#/components/schemas/{name}"), "components": components });
    Some(jsonschema::validator_for(&schema).expect("the vendor's description is a schema"))
}

/// Would the vendor take the body? If not: why.
pub(super) fn check(api: Api, body: &Value) -> Result<(), String> {
    let validator = match api {
        Api::Responses => RESPONSES.as_ref(),
        Api::Completions => COMPLETIONS.as_ref(),
    };
    match validator {
        Some(validator) => complain(validator, body),
        None => Ok(()),
    }
}

/// The first problems in words.
pub(super) fn complain(validator: &Validator, value: &Value) -> Result<(), String> {
    let problems: Vec<_> = validator
        .iter_errors(value)
        .take(MAX_PROBLEMS)
        .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; "))
    }
}

/// Has each call its result, and each result its call? The schema can't say it, the vendor insists on it.
pub(super) fn check_calls(api: Api, body: &Value) -> Result<(), String> {
    let list = match api {
        Api::Responses => &body["input"],
        Api::Completions => &body["messages"],
    };
    let mut open = BTreeSet::new();
    for item in list.as_array().into_iter().flatten() {
        let (asked, answered) = match api {
            Api::Responses if item["type"] == "function_call" => (vec![&item["call_id"]], None),
            Api::Responses if item["type"] == "function_call_output" => (vec![], Some(&item["call_id"])),
            Api::Completions if item["role"] == "tool" => (vec![], Some(&item["tool_call_id"])),
            Api::Completions => {
                let calls = item["tool_calls"].as_array().into_iter().flatten();
                (calls.map(|call| &call["id"]).collect(), None)
            }
            Api::Responses => (vec![], None),
        };
        if let Some(id) = answered {
            if !open.remove(id.as_str().unwrap_or_default()) {
                return Err(format!("there is no call for the result {id}"));
            }
        } else if api == Api::Completions && !open.is_empty() {
            return Err(format!("the calls {open:?} have no results behind them"));
        }
        open.extend(
            asked
                .into_iter()
                .map(|id| id.as_str().unwrap_or_default().to_owned()),
        );
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(format!("the calls {open:?} have no results"))
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
