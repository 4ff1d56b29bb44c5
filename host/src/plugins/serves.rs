//! Which plugin serves a service of `models.providers` that no plugin knows by name.
//!
//! A block's `api` says how to speak to it, and a plugin's manifest says which APIs it speaks to anybody.
use crate::config::{Config, provider_id};
use openclaw_plugin_api::Manifest;
use std::collections::BTreeMap;

/// The APIs that a plugin speaks to services that it does not know.
pub fn apis(manifest: &Manifest) -> &[String] {
    &manifest.apis
}

/// For each block that only some plugin's API can serve: the plugin, and the block's id. `manifests` in their order;
/// the first that speaks the API wins.
pub fn speakers<'a>(config: &Config, manifests: &[&'a Manifest]) -> BTreeMap<&'a str, String> {
    let mut found = BTreeMap::new();
    for (written, block) in &config.models.providers {
        let id = provider_id(written);
        let known = |manifest: &&&Manifest| manifest.providers.iter().any(|own| provider_id(own) == id);
        if manifests.iter().any(|manifest| known(&manifest)) {
            continue;
        }
        let of_models = block.models.iter().filter_map(|model| model.api.as_ref());
        for api in block.api.iter().chain(of_models) {
            let speaks =
                |manifest: &&&Manifest| apis(manifest).contains(api) && !manifest.providers.is_empty();
            if let Some(manifest) = manifests.iter().find(speaks) {
                found.entry(manifest.id.as_str()).or_insert_with(|| id.clone());
            }
        }
    }
    found
}
