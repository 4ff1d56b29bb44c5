//! With which keys a model may be asked, in their order.
//!
//! A pinned profile is the only one. Else: the provider's profiles, the variables that its plugin reads by itself, the key
//! in the configuration. The key of a variable belongs to one vendor, so a service that somebody wrote into
//! `models.providers` and that a plugin only speaks for never gets it.
use super::profiles::ProfileStore;
use crate::config::AuthConfig;
use openclaw_plugin_api::Secret;

/// One way to prove who asks.
#[derive(Debug, Clone, Default)]
pub struct Credential {
    /// Its name, the same in every run: a profile's id, `provider#env`, `provider#config`, `provider#none`.
    pub id: String,
    /// Where it comes from.
    pub source: Source,
    /// What goes to the plugin. None: it looks into its own variables. An empty one: it shall send none.
    pub secret: Option<Secret>,
}

/// Where a credential comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    /// A profile of the imported file.
    Profile,
    /// The plugin's own variables.
    #[default]
    Environment,
    /// `models.providers.<id>.apiKey`
    Config,
    /// The service asks for none.
    None,
}

/// What is known about a provider's keys.
pub(super) struct Keys<'a> {
    pub(super) provider: &'a str,
    pub(super) auth: &'a AuthConfig,
    pub(super) store: &'a ProfileStore,
    /// The only profile to use.
    pub(super) pinned: Option<&'a str>,
    /// The plugin declares this provider, so that its variables are this provider's.
    pub(super) own: bool,
    /// One of the plugin's variables is set.
    pub(super) in_environment: bool,
    /// `models.providers.<id>.apiKey`
    pub(super) configured: Option<&'a Secret>,
    pub(super) now_ms: i64,
}

// === impl Keys ===

impl Keys<'_> {
    /// The credentials in their order; at least one, unless a pinned profile has no key.
    pub(super) fn credentials(&self) -> Vec<Credential> {
        let mut found = Vec::new();
        for id in self.profiles() {
            if let Some(secret) = self.store.secret(id, self.provider, self.now_ms) {
                found.push(Credential {
                    id: id.to_owned(),
                    source: Source::Profile,
                    secret: Some(secret.clone()),
                });
            }
        }
        if self.pinned.is_some() {
            return found;
        }
        if self.own && self.in_environment {
            found.push(self.other(Source::Environment, "env", None));
        }
        if let Some(key) = self.configured {
            found.push(self.other(Source::Config, "config", Some(key.clone())));
        }
        if found.is_empty() {
            found.push(if self.own {
                self.other(Source::Environment, "env", None)
            } else {
                self.other(Source::None, "none", Some(Secret::default()))
            });
        }
        found
    }

    fn other(&self, source: Source, word: &str, secret: Option<Secret>) -> Credential {
        Credential {
            id: format!("{}#{word}", self.provider),
            source,
            secret,
        }
    }

    /// The profiles: the file's own order, the configuration's, and what neither names.
    fn profiles(&self) -> Vec<&str> {
        if let Some(pinned) = self.pinned {
            return vec![pinned];
        }
        let ordered = self.store.order(self.provider);
        let configured = self.auth.profiles_of(self.provider);
        let stored = self.store.profiles_of(self.provider);
        let mut ids: Vec<&str> = Vec::new();
        for id in ordered.chain(configured).chain(stored) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ids(keys: &Keys<'_>) -> Vec<String> {
        keys.credentials().into_iter().map(|key| key.id).collect()
    }

    fn store() -> ProfileStore {
        serde_json::from_value(json!({"version": 1, "profiles": {
            "vendor:key": {"type": "api_key", "provider": "vendor", "key": "k"},
            "vendor:login": {"type": "oauth", "provider": "vendor", "access": "a", "refresh": "r", "expires": 2000},
            "vendor:work": {"type": "token", "provider": "vendor", "token": "t"},
            "other:x": {"type": "api_key", "provider": "other", "key": "x"},
        }}))
        .expect("a store")
    }

    fn keys<'a>(auth: &'a AuthConfig, store: &'a ProfileStore) -> Keys<'a> {
        Keys {
            provider: "vendor",
            auth,
            store,
            pinned: None,
            own: true,
            in_environment: true,
            configured: None,
            now_ms: 1000,
        }
    }

    #[test]
    fn profiles_come_first_then_the_environment_then_the_configuration() {
        let auth: AuthConfig =
            serde_json::from_value(json!({"order": {"vendor": ["vendor:work"]}})).expect("valid");
        let (store, secret) = (store(), Secret::new("c"));
        let mut keys = keys(&auth, &store);
        keys.configured = Some(&secret);
        assert_eq!(
            ids(&keys),
            [
                "vendor:work",
                "vendor:login",
                "vendor:key",
                "vendor#env",
                "vendor#config"
            ]
        );
        keys.now_ms = 3000;
        assert!(!ids(&keys).contains(&"vendor:login".to_owned()), "it has expired");
        keys.pinned = Some("vendor:key");
        assert_eq!(ids(&keys), ["vendor:key"]);
        keys.pinned = Some("other:x");
        assert!(ids(&keys).is_empty(), "a key of somebody else's");
    }

    #[test]
    fn a_service_that_a_plugin_only_speaks_for_never_gets_the_plugins_own_key() {
        let (auth, store) = (AuthConfig::default(), ProfileStore::default());
        let mut keys = keys(&auth, &store);
        assert!(keys.credentials()[0].secret.is_none(), "its own variables");
        keys.in_environment = false;
        assert_eq!(ids(&keys), ["vendor#env"], "the plugin says what is missing");
        (keys.own, keys.in_environment) = (false, true);
        let only = keys.credentials();
        assert_eq!((only.len(), only[0].source), (1, Source::None));
        assert!(only[0].secret.as_ref().is_some_and(Secret::is_empty));
    }
}
