//! Discord's own description of its REST interface.
//!
//! Discord ignores fields that it does not know; they are found by
//! [`surplus`], because somebody meant something by them.
use crate::spec;
use jsonschema::Validator;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// The schema file.
const FILE: &str = "discord_core.json";

static SPEC: LazyLock<Option<Value>> = LazyLock::new(|| {
    let mut description = spec::read(FILE)?;
    spec::translate(&mut description["components"]);
    spec::translate(&mut description["paths"]);
    Some(description)
});
static VALIDATORS: LazyLock<Mutex<HashMap<String, Option<Arc<Validator>>>>> = LazyLock::new(Mutex::default);

/// Would Discord take the body of a call? If not: why.
pub(super) fn check(method: &str, path: &str, body: &Value) -> Result<(), String> {
    let Some(spec) = SPEC.as_ref() else {
        return Ok(());
    };
    let Some(template) = template(spec, path) else {
        return Err(format!("there is no path {path}"));
    };
    let operation = &spec["paths"][template][method.to_lowercase()];
    if operation.is_null() {
        return Err(format!("there is no {method} {template}"));
    }
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if schema.is_null() {
        return Ok(());
    }
    if body.is_null() {
        let required = operation["requestBody"]["required"] == true;
        return if required {
            Err("there is no body".into())
        } else {
            Ok(())
        };
    }
    judge(&format!("{method} {template}"), schema, body)
}

/// A field of a body that Discord does not know, where the description is a plain object.
pub(super) fn surplus(method: &str, path: &str, body: &Value) -> Option<String> {
    let spec = SPEC.as_ref()?;
    let operation = &spec["paths"][template(spec, path)?][method.to_lowercase()];
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let schema = match schema["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
        Some(place) => spec.pointer(place)?,
        None => schema,
    };
    if schema.get("anyOf").is_some() || schema.get("allOf").is_some() {
        return None;
    }
    let known = schema["properties"].as_object()?;
    let mut fields = body.as_object()?.keys();
    fields.find(|field| !known.contains_key(*field)).cloned()
}

/// Is an answer what Discord describes? For tests of the fake itself.
#[cfg(test)]
pub(super) fn check_answer(method: &str, path: &str, status: u16, body: &Value) -> Result<(), String> {
    let Some(spec) = SPEC.as_ref() else {
        return Ok(());
    };
    let template = template(spec, path).ok_or_else(|| format!("there is no path {path}"))?;
    let answers = &spec["paths"][template][method.to_lowercase()]["responses"];
    let schema = &answers[status.to_string()]["content"]["application/json"]["schema"];
    if answers[status.to_string()].is_null() {
        return Err(format!("{method} {template} is not answered with {status}"));
    }
    if schema.is_null() {
        return Ok(());
    }
    judge(&format!("{method} {template} {status}"), schema, body)
}

fn judge(name: &str, schema: &Value, body: &Value) -> Result<(), String> {
    let spec = SPEC.as_ref().expect("who judges has read it");
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = validators.entry(name.to_owned()).or_insert_with(|| {
        let mut schema = schema.clone();
        schema["components"] = spec["components"].clone();
        jsonschema::validator_for(&schema).ok().map(Arc::new)
    });
    let validator = validator.clone();
    drop(validators);
    let Some(validator) = validator else {
        return Err(format!("the description of {name} is no schema"));
    };
    spec::judge(&validator, body)
}

/// The path in the description that fits best: one with a word in place of a parameter comes first.
fn template<'a>(spec: &'a Value, path: &str) -> Option<&'a str> {
    let given: Vec<_> = path.split('/').collect();
    let paths = spec["paths"].as_object()?.keys();
    let fitting = paths.filter(|template| {
        let parts: Vec<_> = template.split('/').collect();
        parts.len() == given.len()
            && parts
                .iter()
                .zip(&given)
                .all(|(part, given)| part == given || part.starts_with('{'))
    });
    fitting
        .min_by_key(|template| template.matches('{').count())
        .map(String::as_str)
}
