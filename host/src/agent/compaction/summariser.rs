//! Who makes a conversation shorter: the model that goes on with it, or the one that the operator chose for this.
use super::super::{asker::Models, tokens::Window, turn::Turn};
use crate::{config::Compaction, models::Served};
use std::{sync::Arc, time::Duration};

/// Who summarises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summariser {
    /// `compaction.model`. None: the model that goes on.
    pub model: Option<String>,
    /// Longest call.
    pub limit: Duration,
    /// `compaction.notifyUser`
    pub tell: bool,
}

// === impl Summariser ===

impl Summariser {
    /// What the configuration says.
    pub fn of(config: &Compaction) -> Self {
        Self {
            model: config.model.clone(),
            limit: Duration::from_secs(config.timeout_seconds.unwrap_or(300)),
            tell: config.notify_user.unwrap_or(false),
        }
    }
}

impl Default for Summariser {
    fn default() -> Self {
        Self::of(&Compaction::default())
    }
}

impl Models {
    /// The model that makes a conversation shorter, and what both it and the one that goes on can take. One that is
    /// configured and can't be had is no reason not to.
    pub(in crate::agent) async fn summarising(
        &self,
        turn: &Turn,
        goes_on: &Arc<Served>,
        window: Window,
    ) -> (Arc<Served>, Window) {
        let Some(model) = turn.summariser.model.clone() else {
            return (goes_on.clone(), window);
        };
        let turn = Turn {
            models: vec![model],
            profile: String::new(),
            ..turn.clone()
        };
        match self.first(&turn).await {
            Ok((served, own)) if own.usable() < window.usable() => (served, own),
            Ok((served, _)) => (served, window),
            Err(error) => {
                tracing::warn!(target: "openclaw::models", %error, "compaction.model can't be used; the agent's own summarises");
                (goes_on.clone(), window)
            }
        }
    }
}
