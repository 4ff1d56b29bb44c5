//! Telegram's own description of its methods, where it is at hand.
//!
//! The description lies in the folder that `OPENCLAW_SPECS` names, or beside the checkout. Without it bodies are taken
//! as they are, and that is said once.
use jsonschema::Validator;
use serde_json::Value;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// The schema file.
const FILE: &str = "telegram_schema.json";
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
    Some(serde_json::from_str(&text).expect("the description is JSON"))
});
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Would Telegram take the body? If not: why.
pub(super) fn check(method: &str, body: &Value) -> Result<(), String> {
    let Some(description) = SCHEMAS.as_ref() else {
        return Ok(());
    };
    let schema = description["x-methods"]
        .get(method)
        .ok_or_else(|| format!("there is no method {method}"))?;
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = validators.entry(method.to_owned()).or_insert_with(|| {
        let mut schema = schema.clone();
        schema["$defs"] = description["$defs"].clone();
        Arc::new(jsonschema::validator_for(&schema).expect("the description is a schema"))
    });
    let validator = validator.clone();
    drop(validators);
    let problems: Vec<_> = validator
        .iter_errors(body)
        .take(MAX_PROBLEMS)
        .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; "))
    }
}
