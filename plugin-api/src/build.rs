//! For build scripts: the schema of an author's configuration type, written where [`crate::Declaration`] finds it.
//!
//! The schema has to be in the library before anything of it runs, so it is made while building. A plugin keeps its
//! configuration type in a file of its own and has a `build.rs` of two lines:
//!
//! ```ignore
//! #[path = "src/config.rs"] mod config;
//! fn main() { openclaw_plugin_api::build::config_schema::<config::Config>(); }
//! ```
//!
//! and in `Cargo.toml`
//! `[build-dependencies] openclaw-plugin-api = { version = "1", default-features = false, features = ["build"] }`.
//! The plugin then says `Declaration::new(…).config(config_schema!()).ui_hints(ui_hints!())`.
use schemars::JsonSchema;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Writes `config.schema.json` and `ui-hints.json` for [`crate::config_schema!`] and [`crate::ui_hints!`].
///
/// Fields of type [`crate::Secret`] become sensitive by themselves; other hints come from
/// `#[schemars(extend("x-ui" = {"label": "Token", "help": "…", "placeholder": "…", "advanced": true}))]`.
///
/// # Panics
/// Where a build script can only panic: no `OUT_DIR`, or it can't be written.
pub fn config_schema<T: JsonSchema>() {
    let mut schema = schema::<T>();
    let mut hints = Map::new();
    collect_hints(&schema, "", &mut hints);
    if let Some(object) = schema.as_object_mut() {
        // Unknown keys are errors: a typing mistake must not pass silently.
        object.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    write("config.schema.json", &schema);
    write("ui-hints.json", &Value::Object(hints));
}

/// Writes `<channel>.schema.json` for `config_schema!("<channel>")`: one account of a channel, `channels.<channel>`.
/// Keys that the type does not know pass: the host's own (`enabled`, `allowFrom`, `dmPolicy`, …) stand beside them.
///
/// # Panics
/// As [`config_schema`].
pub fn channel_schema<T: JsonSchema>(channel: &str) {
    write(&format!("{channel}.schema.json"), &schema::<T>());
}

fn schema<T: JsonSchema>() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
    }
    schema
}

fn collect_hints(schema: &Value, path: &str, hints: &mut Map<String, Value>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, property) in properties {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let mut hint = property
            .get("x-ui")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        if property.get("writeOnly") == Some(&Value::Bool(true)) {
            hint.insert("sensitive".into(), Value::Bool(true));
        }
        if !hint.is_empty() {
            hints.insert(path.clone(), Value::Object(hint));
        }
        collect_hints(property, &path, hints);
    }
}

fn write(file: &str, value: &Value) {
    let folder = std::env::var_os("OUT_DIR").expect("a build script has OUT_DIR");
    let path = PathBuf::from(folder).join(file);
    std::fs::write(&path, value.to_string()).expect("OUT_DIR can be written");
}
