//! Models tried out before anybody relies on them: which there are, and whether one answers. Nothing is kept of it.
use super::asker::Models;
use crate::models::{Served, Source};
use openclaw_plugin_api::{CompletionRequest, Error, Message, ModelInfo, Result, Role};
use std::{sync::atomic::AtomicBool, time::Duration};

/// What a model is asked.
const QUESTION: &str = "Answer with the word OK.";
/// Longest answer, tokens. Whatever a model says in them proves that it can be asked.
const MAX_TOKENS: u32 = 64;
/// How long a model may take.
const DEADLINE: Duration = Duration::from_secs(60);

impl Models {
    /// The models that a provider's plugin names; the one that it would take comes first.
    pub async fn named_by(&self, provider: &str) -> Result<Vec<ModelInfo>> {
        let route = self.route(&format!("{provider}/any"))?;
        self.catalogue.load(&self.registry, &route, false).await?;
        let first = self.catalogue.first(provider);
        let known = self.catalogue.all(&self.survey().config.models).into_iter();
        let mut models: Vec<_> = known
            .filter(|known| known.reference.provider == route.reference.provider)
            .map(|known| known.info)
            .collect();
        models.sort_by_key(|model| Some(&model.id) != first.as_ref());
        Ok(models)
    }

    /// Asks a model for a word, with the credential from this place if there is one. An answer proves that address, key
    /// and model fit together.
    pub async fn try_out(&self, model: &str, from: Source) -> Result<()> {
        let route = self.route(model)?;
        let mut keys = route.credentials.iter();
        let chosen = keys
            .find(|key| key.source == from)
            .or_else(|| route.credentials.first());
        let key = chosen.cloned().unwrap_or_default();
        let request = CompletionRequest {
            messages: vec![Message::text(Role::User, QUESTION)],
            max_tokens: Some(MAX_TOKENS),
            ..route.request(&key)
        };
        match tokio::time::timeout(DEADLINE, self.aside(&route, request, &AtomicBool::default())).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(Error::new(
                openclaw_plugin_api::ErrorKind::Timeout,
                format_args!("no answer within {} s", DEADLINE.as_secs()),
            )),
        }
    }

    fn route(&self, model: &str) -> Result<Served> {
        let snap = self.survey();
        let agents = snap.config.agents();
        let served = snap.resolver.resolve(agents.default_agent(), model, None);
        served.map_err(|error| error.to_error())
    }
}
