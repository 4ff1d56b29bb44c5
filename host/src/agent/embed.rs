//! Texts into vectors: the first model that can, with the keys that it has.
use super::asker::Models;
use openclaw_plugin_api::{EmbedRequest, Embeddings, Error, ErrorKind, Result, surface::ids};

/// Texts in one request.
const MAX_TEXTS: usize = 2048;

impl Models {
    /// Turns texts into vectors. The request's model is `provider/model`, a provider alone, or empty for the first
    /// provider that makes vectors.
    pub(crate) async fn embed(&self, request: EmbedRequest) -> Result<Embeddings> {
        if request.input.is_empty() || request.input.len() > MAX_TEXTS {
            let text = format!("{} texts: send 1 to {MAX_TEXTS}", request.input.len());
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        if !request.model.is_empty() {
            return self.embed_by(&request.model, &request).await;
        }
        let snap = self.survey();
        let providers = snap.offers.iter().filter_map(|offer| offer.providers.first());
        for provider in providers {
            match self.embed_by(provider, &request).await {
                // another one may
                Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::UnknownMethod) => {}
                // no key is no wish to use it
                Err(error) if error.kind() == ErrorKind::Auth => {}
                outcome => return outcome,
            }
        }
        Err(Error::new(
            ErrorKind::NotFound,
            "no provider that has a key makes embeddings; name one as provider/model",
        ))
    }

    async fn embed_by(&self, written: &str, request: &EmbedRequest) -> Result<Embeddings> {
        let (provider, model) = written.split_once('/').unwrap_or((written, ""));
        let snap = self.survey();
        let agents = snap.config.agents();
        // a provider's own choice has no name here; any name finds its address and its keys
        let named = if model.is_empty() { "any" } else { model };
        let served = snap
            .resolver
            .resolve(agents.default_agent(), &format!("{provider}/{named}"), None)
            .map_err(|error| error.to_error())?;
        let plugin = self.registry.get(&served.plugin).ok_or_else(|| {
            let text = format!("plugin {} is not there any more", served.plugin);
            Error::new(ErrorKind::Closed, text)
        })?;
        let mut last = None;
        for credential in &served.credentials {
            let like = served.request(credential);
            let call = EmbedRequest {
                model: model.to_owned(),
                credential: like.credential,
                base_url: like.base_url,
                headers: like.headers,
                ..request.clone()
            };
            match plugin.call(ids::provider::EMBED, &served.target, &call).await {
                Err(error) if error.kind() == ErrorKind::Auth => last = Some(error),
                outcome => return outcome,
            }
        }
        Err(last.unwrap_or_else(|| Error::new(ErrorKind::Auth, "there is no key to try")))
    }
}
