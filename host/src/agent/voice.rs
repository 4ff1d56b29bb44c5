//! With which keys an engine that speaks or listens is asked: those of the provider with its name.
use super::asker::Models;
use openclaw_plugin_api::Secret;

/// One way to ask an engine. Its `Debug` shows neither key nor address.
#[derive(Default)]
pub(crate) struct SpeechAccess {
    /// The key; `None`: the plugin looks into its own variables.
    pub(crate) credential: Option<Secret>,
    /// Address of the service; empty for the vendor's.
    pub(crate) base_url: String,
}

impl Models {
    /// The keys of an engine, the best first. None: there is no provider of that name, so the plugin finds its own.
    pub(crate) fn speech_access(&self, engine: &str) -> Vec<SpeechAccess> {
        let snap = self.survey();
        let agents = snap.config.agents();
        // any name of a model finds address and keys of its provider
        let named = format!("{engine}/any");
        let Ok(served) = snap.resolver.resolve(agents.default_agent(), &named, None) else {
            return Vec::new();
        };
        let access = served.credentials.iter().map(|credential| SpeechAccess {
            credential: credential.secret.clone(),
            base_url: served.base_url.clone(),
        });
        access.collect()
    }
}

impl std::fmt::Debug for SpeechAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SpeechAccess")
    }
}
