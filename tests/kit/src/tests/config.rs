//! Configurations: what the schema refuses, and what a plugin makes of what it gets.
//!
//! The gateway validates before a plugin sees anything; a plugin has to survive a wrong one all the same.
use super::Test;
use crate::{
    Category::Config as Topic,
    bench::Bench,
    fake::Mode,
    generate,
    outcome::{Stop, Verdict},
};
use openclaw_plugin_api::abi::Fault;
use serde_json::{Value, json};

/// Configurations that fit, made from the schema.
const VALID: usize = 12;
/// Key that no schema knows.
const UNKNOWN: &str = "noSuchKeyOfTheKit";

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Topic, "config-schema-valid", "the schemas are JSON Schemas of objects that refuse unknown keys", |b| Box::pin(schema_valid(b))),
    Test::new(Topic, "config-refuses-wrong-types", "a property of a wrong type is refused by the schema and survived", |b| Box::pin(wrong_types(b))),
    Test::new(Topic, "config-refuses-unknown-keys", "an unknown key is refused by the schema and survived", |b| Box::pin(unknown_keys(b))),
    Test::new(Topic, "config-takes-valid", "what fits the schema is taken, or refused as a configuration", |b| Box::pin(takes_valid(b))),
    Test::new(Topic, "config-survives-garbage", "what is no configuration at all is refused", |b| Box::pin(survives_garbage(b))),
];

async fn schema_valid(bench: &Bench) -> Verdict {
    let manifest = bench.manifest()?;
    let own = manifest
        .config_schema
        .iter()
        .map(|schema| ("its configuration".to_owned(), schema));
    let channels = manifest
        .channel_schemas
        .iter()
        .map(|(id, schema)| (format!("channels.{id}"), schema));
    for (what, schema) in own.chain(channels) {
        generate::validator(schema)
            .map_err(|e| Stop::failed(format_args!("the schema of {what} is no JSON Schema: {e}")))?;
        if !takes_objects(schema) {
            return Err(Stop::failed(format_args!("the schema of {what} takes no object")));
        }
        if !schema.is_object() || schema["additionalProperties"] != false {
            bench.warn(format_args!(
                "the schema of {what} takes unknown keys, so a misspelt one goes unnoticed; use deny_unknown_fields"
            ));
        }
    }
    let unknown = manifest
        .channel_schemas
        .keys()
        .find(|id| !manifest.channels.contains(id));
    match unknown {
        Some(id) => Err(Stop::failed(format_args!(
            "there is a schema for channels.{id}, but no such channel"
        ))),
        None => Ok(()),
    }
}

fn takes_objects(schema: &Value) -> bool {
    match &schema["type"] {
        Value::String(name) => name == "object",
        Value::Array(names) => names.iter().any(|name| name == "object"),
        _ => true,
    }
}

async fn wrong_types(bench: &Bench) -> Verdict {
    let schema = schema(bench)?;
    let wrongs = generate::wrong(&schema, &mut bench.rng());
    for path in &wrongs.takes_anything {
        bench.warn(format_args!("the schema takes anything for {path}"));
    }
    if wrongs.refused.is_empty() {
        return Err(Stop::skipped(
            "the schema has no property whose type could be wrong",
        ));
    }
    for wrong in &wrongs.refused {
        bench.doing(format_args!("creating with a wrong value for {}", wrong.path));
        create_and_drop(bench, &wrong.value).await?;
    }
    bench.note(format_args!("{} configurations", wrongs.refused.len()));
    Ok(())
}

async fn unknown_keys(bench: &Bench) -> Verdict {
    let schema = schema(bench)?;
    let mut config = bench.config()?;
    let object = config
        .as_object_mut()
        .ok_or_else(|| Stop::skipped("the configuration is no object"))?;
    object.insert(UNKNOWN.into(), json!(1));
    if generate::validator(&schema).is_ok_and(|validator| validator.is_valid(&config)) {
        return Err(Stop::skipped("the schema takes unknown keys"));
    }
    create_and_drop(bench, &config).await.map(drop)
}

async fn takes_valid(bench: &Bench) -> Verdict {
    let schema = schema(bench)?;
    let mut rng = bench.rng();
    let mut taken = 0;
    for _ in 0..VALID {
        let Some(config) = generate::valid(&schema, &mut rng) else {
            return Err(Stop::skipped(
                "no configuration can be made from the schema; give one with --config",
            ));
        };
        match create_and_drop(bench, &config).await? {
            None => taken += 1,
            Some(fault) if fault.code == "config" => {}
            Some(fault) => {
                return Err(Stop::failed(format_args!(
                    "a configuration that fits the schema is refused with {fault}; use the kind `config` for that"
                )));
            }
        }
    }
    bench.note(format_args!("{taken} of {VALID} were taken"));
    Ok(())
}

async fn survives_garbage(bench: &Bench) -> Verdict {
    bench.first().await?.close().await?;
    let deep = (0..100).fold(json!(null), |inner, _| json!([inner]));
    for config in [json!(null), json!(true), json!(7), json!("kit"), json!([]), deep] {
        if create_and_drop(bench, &config).await?.is_none() && bench.manifest()?.config_schema.is_some() {
            let text: String = config.to_string().chars().take(20).collect();
            bench.warn(format_args!("it starts with the configuration {text}"));
        }
    }
    Ok(())
}

/// Makes an instance and destroys it; a panic fails.
async fn create_and_drop(bench: &Bench, config: &Value) -> Verdict<Option<Fault>> {
    match bench.create(config, Mode::Normal).await? {
        Ok(subject) => subject.close().await.map(|()| None),
        Err(fault) if fault.code == "panic" => Err(Stop::failed(format_args!(
            "creating an instance panicked: {}",
            fault.message
        ))),
        Err(fault) => Ok(Some(fault)),
    }
}

fn schema(bench: &Bench) -> Verdict<Value> {
    let schema = bench.manifest()?.config_schema.clone();
    schema.ok_or_else(|| Stop::skipped("it takes no configuration"))
}
