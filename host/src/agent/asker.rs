//! Asks models in their order until one answers.
use super::turn::{Answer, Asker, History, Turn, TurnEvents, attempt};
use crate::plugins::registry::Registry;
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{CompletionRequest, Error, ErrorKind, Result, ToolSpec};
use std::sync::Arc;

/// Asks models through the plugins that have them.
#[derive(Debug)]
pub struct Models {
    /// Plugins.
    pub registry: Arc<Registry>,
}

impl Asker for Models {
    fn ask<'a>(
        &'a self,
        turn: &'a Turn,
        history: &'a mut History,
        tools: &'a [ToolSpec],
        events: &'a TurnEvents,
    ) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            let reference = turn.models.first().cloned().unwrap_or_default();
            let (provider, model) = reference.split_once('/').ok_or_else(|| {
                let text = format!("\"{reference}\" is no model; write provider/model");
                Error::new(ErrorKind::Config, text)
            })?;
            let plugin = self.registry.offering("provider/1", provider).ok_or_else(|| {
                let text =
                    format!("no running plugin offers the provider {provider}; see `openclaw plugins list`");
                Error::new(ErrorKind::NotFound, text)
            })?;
            let request = CompletionRequest {
                model: model.to_owned(),
                system: turn.system.clone(),
                messages: history.messages.clone(),
                tools: tools.to_vec(),
                session_id: turn.session_id.clone(),
                thinking: turn.thinking,
                max_tokens: turn.max_tokens,
                ..CompletionRequest::default()
            };
            let answer = attempt(&plugin, provider, &reference, &request, events).await;
            answer.map_err(|failed| failed.error)
        })
    }
}
