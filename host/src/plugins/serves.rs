//! Which plugin serves a service of `models.providers` that no plugin knows by name.
//!
//! A block's `api` says how to speak to it, and a plugin's manifest says which APIs it speaks to anybody.
use crate::config::{Config, provider_id};
use openclaw_plugin_api::Manifest;
use std::collections::BTreeMap;

/// The plugins that such services need, each with the id of one of them. `manifests` in their order; the first that
/// speaks the API wins.
pub fn speakers(config: &Config, manifests: &[&Manifest]) -> BTreeMap<String, String> {
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
                |manifest: &&&Manifest| manifest.apis.contains(api) && !manifest.providers.is_empty();
            if let Some(manifest) = manifests.iter().find(speaks) {
                found.entry(manifest.id.clone()).or_insert_with(|| id.clone());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_service_needs_the_first_plugin_that_speaks_its_api() {
        let plugin = |id: &str, providers: &[&str], apis: &[&str]| Manifest {
            id: id.into(),
            providers: providers.iter().map(|&id| id.to_owned()).collect(),
            apis: apis.iter().map(|&id| id.to_owned()).collect(),
            ..Manifest::default()
        };
        let (a, b) = (
            plugin("a", &["known"], &["chat"]),
            plugin("b", &["other"], &["chat", "old"]),
        );
        let config = Config::from_value(json!({"models": {"providers": {
            "known": {"api": "old", "models": []},
            "box": {"api": "chat", "models": [{"id": "m", "api": "old"}]},
            "lost": {"api": "none", "models": []}
        }}}))
        .expect("valid");
        let needed = |manifests: &[&Manifest]| speakers(&config, manifests).into_iter().collect::<Vec<_>>();
        let (to_a, to_b) = (
            ("a".to_owned(), "box".to_owned()),
            ("b".to_owned(), "box".to_owned()),
        );
        assert_eq!(needed(&[&a, &b]), [to_a, to_b.clone()]);
        assert_eq!(needed(&[&b]), [("b".to_owned(), "box".to_owned())]);
        assert!(needed(&[]).is_empty());
    }
}
