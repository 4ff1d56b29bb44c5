//! Sections of the configuration that plugins read beside `plugins.entries.<id>`: operators know some settings by a place
//! that is older than the plugin that serves them.
//!
//! Invariant: a section that holds secrets of others is given to nobody; a plugin that is not bundled gets only what the
//! operator lists in `plugins.entries.<id>.permissions.sections`.
use super::discover::Origin;
use crate::config::{Config, EntryConfig, JsonPath, Step, without_known_keys};
use openclaw_plugin_api::Manifest;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What is given to nobody, with everything above and below it.
const CLOSED: &[&str] = &[
    "auth",
    "channels",
    "env",
    "gateway.auth",
    "gateway.remote",
    "models.providers",
    "plugins",
    "secrets",
];

/// What only plugins serve: where it is switched on and none of them reads it, the operator should know.
const FOR_PLUGINS: &[&str] = &["gateway.http.endpoints", "hooks"];

/// The plugin's configuration: its entry's, with its sections under their own paths. What the entry says wins.
pub(super) fn configuration(
    config: &Config,
    manifest: &Manifest,
    entry: &EntryConfig,
    origin: Origin,
) -> Value {
    let own = entry.config.clone().unwrap_or_else(|| json!({}));
    let mut all = read(config, manifest, entry, origin);
    if all.as_object().is_none_or(Map::is_empty) {
        return own;
    }
    overlay(&mut all, own);
    all
}

/// What the plugin reads of its sections.
fn read(config: &Config, manifest: &Manifest, entry: &EntryConfig, origin: Origin) -> Value {
    let mut all = Value::Object(Map::new());
    for section in given(manifest, entry, origin) {
        if let Some(value) = at(config.value(), section) {
            put(&mut all, section, value.clone());
        }
    }
    match &manifest.config_schema {
        Some(schema) => without_known_keys(schema, &all, &JsonPath::root()).0,
        None => all,
    }
}

/// Is this key in a section of the plugin, and in the configuration that it is given?
pub(super) fn reads(manifest: &Manifest, configuration: &Value, key: &JsonPath) -> bool {
    let is_in = |section: &String| {
        let mut steps = key.steps().iter();
        section
            .split('.')
            .all(|name| steps.next() == Some(&Step::Key(name.to_owned())))
    };
    manifest.sections.iter().any(is_in) && key.of(configuration).is_some()
}

/// The sections that commands of a plugin may ask to be changed: those that it reads, if it came with the gateway.
pub(crate) fn of_commands(manifest: &Manifest, origin: Origin) -> impl Iterator<Item = &String> {
    let open = move |section: &&String| origin == Origin::Bundled && !is_closed(section);
    manifest.sections.iter().filter(open)
}

/// The section that switches the plugin on: it says `enabled: true`, or something in it does.
pub(super) fn switch(config: &Config, manifest: &Manifest, origin: Origin) -> Option<String> {
    let entry = config
        .plugins
        .entries
        .get(&manifest.id)
        .cloned()
        .unwrap_or_default();
    // what the plugin doesn't read of a section switches nothing on
    let read = read(config, manifest, &entry, origin);
    let mut sections = given(manifest, &entry, origin);
    sections
        .find(|section| at(&read, section).is_some_and(is_on))
        .cloned()
}

/// Sections that are switched on and that none of these plugins reads.
pub(super) fn unread<'m>(
    config: &Config,
    manifests: impl Iterator<Item = &'m Manifest>,
) -> impl Iterator<Item = &'static str> {
    let read: Vec<&String> = manifests.flat_map(|manifest| &manifest.sections).collect();
    let mut sections = FOR_PLUGINS.to_vec();
    let on = |section: &str| at(config.value(), section).is_some_and(is_on);
    sections.retain(|section| on(section) && !read.iter().any(|read| read == section));
    sections.into_iter()
}

/// It says `enabled: true`, or, where it says nothing, something in it does.
fn is_on(section: &Value) -> bool {
    let on = |value: &Value| value.get("enabled").is_some_and(|on| on == true);
    let silent = section.get("enabled").is_none();
    on(section) || silent && section.as_object().is_some_and(|map| map.values().any(on))
}

/// Where the operator moved the plugin's routes to, by their declared paths.
pub(super) fn moved(manifest: &Manifest, configuration: &Value) -> BTreeMap<String, String> {
    let keys = manifest.route_keys.iter();
    keys.filter_map(|(path, key)| {
        let to = key
            .as_str()?
            .split('.')
            .try_fold(configuration, |v, key| v.get(key))?;
        let to = to.as_str()?.trim_matches('/');
        (!to.is_empty()).then(|| (path.clone(), format!("/{to}")))
    })
    .collect()
}

fn given<'m>(
    manifest: &'m Manifest,
    entry: &'m EntryConfig,
    origin: Origin,
) -> impl Iterator<Item = &'m String> {
    let permitted = move |section: &String| match &entry.permissions.sections {
        Some(listed) => listed.contains(section),
        None => origin == Origin::Bundled,
    };
    manifest
        .sections
        .iter()
        .filter(move |section| !is_closed(section) && permitted(section))
}

fn is_closed(section: &str) -> bool {
    let covers = |a: &str, b: &str| a == b || b.strip_prefix(a).is_some_and(|rest| rest.starts_with('.'));
    section.is_empty()
        || CLOSED
            .iter()
            .any(|closed| covers(closed, section) || covers(section, closed))
}

fn at<'v>(value: &'v Value, section: &str) -> Option<&'v Value> {
    section.split('.').try_fold(value, |value, key| value.get(key))
}

fn put(all: &mut Value, section: &str, value: Value) {
    let mut place = all;
    for key in section.split('.') {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[key];
    }
    *place = value;
}

/// Puts `over` on top, object by object.
fn overlay(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                overlay(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::from_value(json!({
            "gateway": {"auth": {"token": "a-secret-of-the-gateway"}, "http": {"endpoints": {"responses": {"enabled": true}}}},
        }))
        .expect("valid")
    }

    fn manifest(sections: &[&str]) -> Manifest {
        Manifest {
            id: "x".into(),
            sections: sections.iter().map(|&s| s.to_owned()).collect(),
            ..Manifest::default()
        }
    }

    #[test]
    fn a_section_stands_under_its_path_and_the_entry_wins() {
        let manifest = manifest(&["gateway.http.endpoints"]);
        let entry = EntryConfig {
            config: Some(json!({"gateway": {"http": {"endpoints": {"responses": {"more": 1}}}}, "own": 2})),
            ..EntryConfig::default()
        };
        assert_eq!(
            configuration(&config(), &manifest, &entry, Origin::Bundled),
            json!({"gateway": {"http": {"endpoints": {"responses": {"enabled": true, "more": 1}}}}, "own": 2})
        );
        assert_eq!(
            switch(&config(), &manifest, Origin::Bundled).as_deref(),
            Some("gateway.http.endpoints")
        );
        assert_eq!(switch(&config(), &manifest, Origin::Installed), None);
    }

    #[test]
    fn what_a_plugin_does_not_read_of_a_section_switches_nothing_on() {
        let schema = json!({ "type": "object", "additionalProperties": false, "properties": { "hooks": {
            "type": "object", "additionalProperties": false, "properties": { "enabled": {}, "gmail": {} },
        } } });
        let manifest = Manifest {
            config_schema: Some(schema),
            ..manifest(&["hooks"])
        };
        let on = |hooks: Value| {
            let config = Config::from_value(json!({ "hooks": hooks })).expect("valid");
            switch(&config, &manifest, Origin::Bundled).is_some()
        };
        // OpenClaw's own hooks, which are no plugin's
        assert!(!on(json!({ "internal": { "enabled": true } })));
        assert!(on(json!({ "enabled": true, "internal": { "enabled": false } })));
        assert!(on(json!({ "gmail": { "enabled": true } })));
    }

    #[test]
    fn a_key_is_read_where_it_is_in_a_section_and_in_what_the_plugin_is_given() {
        let manifest = manifest(&["tools.exec", "agents.list"]);
        let given = json!({"tools": {"exec": {"ask": "off"}}, "agents": {"list": [{"sandbox": {}}]}, "own": {"x": 1}});
        let reads = |path: &str| reads(&manifest, &given, &path.parse().expect("a path"));
        for path in ["tools.exec", "tools.exec.ask", "agents.list[0].sandbox"] {
            assert!(reads(path), "{path}");
        }
        for path in [
            "tools.exec.other",
            "tools.fs",
            "tools",
            "own.x",
            "agents.list[0].other",
        ] {
            assert!(!reads(path), "{path}");
        }
        assert!(
            !super::reads(&manifest, &given, &JsonPath::root()),
            "the whole is nobody's"
        );
    }

    #[test]
    fn secrets_of_others_are_given_to_nobody() {
        for section in [
            "gateway",
            "gateway.auth",
            "gateway.auth.token",
            "channels.x",
            "secrets",
            "",
        ] {
            let seen = configuration(
                &config(),
                &manifest(&[section]),
                &EntryConfig::default(),
                Origin::Bundled,
            );
            assert_eq!(seen, json!({}), "{section}");
        }
    }

    #[test]
    fn a_strangers_plugin_gets_what_the_operator_lists() {
        let manifest = manifest(&["gateway.http.endpoints"]);
        let mut entry = EntryConfig::default();
        let seen = |entry: &EntryConfig| configuration(&config(), &manifest, entry, Origin::Installed);
        assert_eq!(seen(&entry), json!({}));
        entry.permissions.sections = Some(vec!["gateway.http.endpoints".into()]);
        assert_ne!(seen(&entry), json!({}));
    }

    #[test]
    fn a_route_moves_to_where_its_key_says() {
        let mut manifest = manifest(&[]);
        manifest.route_keys.insert("/hooks".into(), json!("hooks.path"));
        let to = |value| moved(&manifest, &json!({"hooks": {"path": value}}));
        assert_eq!(to("/in/here/")["/hooks"], "/in/here");
        assert!(to("/").is_empty());
    }
}
