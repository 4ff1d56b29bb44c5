//! What the description of Telegram's methods says of bodies.
use crate::spec;
use jsonschema::Validator;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// The schema file.
const FILE: &str = "telegram_schema.json";

static SCHEMAS: LazyLock<Option<Value>> = LazyLock::new(|| spec::read(FILE));
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
    spec::judge(&validator, body)
}
