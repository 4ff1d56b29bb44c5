//! Addresses that the operator wrote into the configuration, as hosts that the plugin which uses them may reach.
//!
//! Two places hold such addresses: `baseUrl` in `models.providers`, and strings of `channels.<id>`, of a plugin's own
//! `config` or of a section that it reads whose property in the plugin's schema carries `"x-egress": true`. The host and the port of each are allowed to
//! that plugin, as if they stood in its `permissions.hosts`; nothing else of the address counts. So a server on this
//! machine or in the house works because the operator named it, while an address that somebody else chose stays guarded:
//! requests for such are marked untrusted by the plugin, and the guard refuses private addresses whatever is listed here.
//!
//! `permissions.hosts` replaces what the *manifest* wishes, never these: whoever writes an address into the configuration
//! has said that it is to be reached. To cut a plugin off altogether there is `permissions.network: "none"`.
use crate::config::{Config, provider_id};
use openclaw_plugin_api::Manifest;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use url::Url;

/// The mark of a property that holds an address.
const MARK: &str = "x-egress";
/// How deep a value and its schema are followed.
const MAX_DEPTH: usize = 32;
/// Places in values and schemas that are looked at for one plugin. Its schema may lead to itself in many ways at once, and
/// is looked at whether the plugin is on or not.
const MAX_STEPS: usize = 1 << 18;
/// Longest reference in a schema that is followed, bytes.
const MAX_REFERENCE: usize = 512;
/// Addresses of one plugin; more are not allowed to be reached.
const MAX_HOSTS: usize = 128;

/// What is found, and how many places may still be looked at.
struct Search<'a> {
    plugin: &'a str,
    found: BTreeSet<String>,
    left: usize,
}

/// Follows one value and its schema.
struct Walk<'s, 'a> {
    root: &'s Value,
    search: &'s mut Search<'a>,
}

/// `host:port` of every address that the operator wrote for a plugin.
pub fn hosts(config: &Config, manifest: &Manifest) -> Vec<String> {
    let mut search = Search::new(manifest, of_services(config, manifest));
    for channel in &manifest.channels {
        if let Some(schema) = manifest.channel_schemas.get(channel) {
            let block = &config.value()["channels"][channel];
            search.marked(schema, block);
            // each account may have what the block has, and inherits what it has not
            let accounts = block["accounts"].as_object().into_iter().flat_map(Map::values);
            accounts.for_each(|account| search.marked(schema, account));
        }
    }
    let entry = config.plugins.entries.get(&manifest.id);
    if let (Some(schema), Some(own)) = (
        &manifest.config_schema,
        entry.and_then(|entry| entry.config.as_ref()),
    ) {
        search.marked(schema, own);
    }
    search.hosts()
}

/// `host:port` of every address in the sections that a plugin reads, from its whole configuration.
pub fn of_sections(manifest: &Manifest, configuration: &Value) -> Vec<String> {
    let mut search = Search::new(manifest, BTreeSet::new());
    if let Some(schema) = manifest
        .config_schema
        .as_ref()
        .filter(|_| !manifest.sections.is_empty())
    {
        search.marked(schema, configuration);
    }
    search.hosts()
}

/// Addresses of the services that the plugin declares, or whose API it speaks.
fn of_services(config: &Config, manifest: &Manifest) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (written, service) in &config.models.providers {
        let id = provider_id(written);
        let declared = manifest.providers.iter().any(|own| provider_id(own) == id);
        let speaks = |api: Option<&String>| api.is_some_and(|api| manifest.apis.contains(api));
        let serves = declared || speaks(service.api.as_ref());
        if serves {
            found.extend(service.base_url.as_deref().and_then(host));
        }
        for model in &service.models {
            if serves || speaks(model.api.as_ref()) {
                let address = model.base_url.as_deref().or(service.base_url.as_deref());
                found.extend(address.and_then(host));
            }
        }
    }
    found
}

// === impl Search ===

impl<'a> Search<'a> {
    fn new(manifest: &'a Manifest, found: BTreeSet<String>) -> Self {
        Self {
            plugin: &manifest.id,
            found,
            left: MAX_STEPS,
        }
    }

    /// Addresses in a value at the places that its schema marks.
    fn marked(&mut self, schema: &Value, value: &Value) {
        let mut walk = Walk {
            root: schema,
            search: self,
        };
        walk.visit(schema, value, 0);
    }

    fn hosts(self) -> Vec<String> {
        if self.left == 0 {
            tracing::warn!(
                target: "openclaw::plugins", plugin = self.plugin, limit = MAX_STEPS,
                "its schema or its configuration is too large or leads to itself; addresses that were not found can't be reached"
            );
        }
        self.found.into_iter().take(MAX_HOSTS).collect()
    }
}

// === impl Walk ===

impl Walk<'_, '_> {
    fn visit(&mut self, schema: &Value, value: &Value, depth: usize) {
        let Some(left) = self.search.left.checked_sub(1) else {
            return;
        };
        self.search.left = left;
        let Some(schema) = schema.as_object().filter(|_| depth < MAX_DEPTH) else {
            return;
        };
        if schema.get(MARK) == Some(&Value::Bool(true)) {
            self.take(value);
        }
        let reference = schema.get("$ref").and_then(Value::as_str);
        if let Some(target) = reference.filter(|target| target.len() <= MAX_REFERENCE) {
            let target = target.strip_prefix('#').and_then(|path| self.root.pointer(path));
            if let Some(target) = target {
                self.visit(target, value, depth + 1);
            }
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            for branch in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
                self.visit(branch, value, depth + 1);
            }
        }
        match value {
            Value::Object(object) => self.visit_object(schema, object, depth),
            Value::Array(items) => {
                if let Some(of_items) = schema.get("items") {
                    items
                        .iter()
                        .for_each(|item| self.visit(of_items, item, depth + 1));
                }
            }
            _ => {}
        }
    }

    fn visit_object(&mut self, schema: &Map<String, Value>, object: &Map<String, Value>, depth: usize) {
        let known = schema.get("properties").and_then(Value::as_object);
        for (key, value) in object {
            let own = known.and_then(|known| known.get(key));
            if let Some(schema) = own.or_else(|| schema.get("additionalProperties")) {
                self.visit(schema, value, depth + 1);
            }
        }
    }

    /// A marked property: one address or a list of them.
    fn take(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.search.found.extend(host(text)),
            Value::Array(items) => items.iter().for_each(|item| self.take(item)),
            _ => {}
        }
    }
}

/// `host:port` of an address. What is none gives nothing: the plugin will say so in its own words.
fn host(address: &str) -> Option<String> {
    let url = Url::parse(address.trim()).ok()?;
    let port = url.port().or(match url.scheme() {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    })?;
    let host = url
        .host_str()
        .filter(|host| !host.is_empty() && !host.contains('*'))?;
    Some(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests;
