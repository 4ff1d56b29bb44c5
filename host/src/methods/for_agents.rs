//! What agents' own tools ask the gateway for. The list of it is in `agent::tools`; there is no other way from a model to
//! a method.
use super::{config, cron, health, heartbeat};
use crate::{
    agent::tools::{ASKED, Front},
    app::Gateway,
    gateway::{Code, Failure},
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::sync::{Arc, Weak};

/// Answers tools of agents.
pub(super) struct ForAgents {
    gateway: Weak<Gateway>,
    files: Weak<config::Files>,
}

impl ForAgents {
    /// Has the tools of a gateway ask here.
    pub(super) fn open(gateway: &Arc<Gateway>, files: &Arc<config::Files>) {
        let front = Self {
            gateway: Arc::downgrade(gateway),
            files: Arc::downgrade(files),
        };
        gateway.desk().tools.open_front(Arc::new(front));
    }

    async fn answer(&self, method: &'static str, params: Value) -> Result<Value, Failure> {
        let gone = || Failure::unavailable("the gateway is ending");
        let gateway = self.gateway.upgrade().ok_or_else(gone)?;
        if !ASKED.contains(&method) {
            return Err(Failure::unknown_method(method));
        }
        match method {
            "status" => Ok(json!(health::status(&gateway, &params).await)),
            "wake" => heartbeat::call(&gateway, method, params).await,
            _ if method.starts_with("cron.") => cron::call(&gateway, method, params).await,
            _ if method.starts_with("config.") => {
                let files = self.files.upgrade().ok_or_else(gone)?;
                config::for_agents(&files, method, params).await
            }
            _ => Err(Failure::unknown_method(method)),
        }
    }
}

impl Front for ForAgents {
    fn ask(&self, method: &'static str, params: Value) -> BoxFuture<'_, Result<Value>> {
        Box::pin(async move {
            self.answer(method, params).await.map_err(|failure| {
                let kind = match failure.code {
                    Code::InvalidRequest => ErrorKind::InvalidInput,
                    _ => ErrorKind::Overloaded,
                };
                Error::new(kind, failure.message)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Scope;

    /// S33: an agent has no scopes; of all methods that there are it reaches those of the list.
    #[tokio::test]
    async fn an_agent_reaches_nothing_but_the_list() {
        let front = ForAgents {
            gateway: Weak::new(),
            files: Weak::new(),
        };
        assert!(
            front.ask("status", json!({})).await.is_err(),
            "there is no gateway"
        );
        let rows = super::super::table();
        for asked in ASKED {
            let builtin = *asked == "status";
            assert!(
                builtin || rows.iter().any(|row| row.name == *asked),
                "{asked} is no method"
            );
        }
        let changing: Vec<_> = rows
            .iter()
            .filter(|row| row.access == crate::gateway::Access::Operators(Scope::Admin))
            .filter(|row| ASKED.contains(&row.name.as_ref()))
            .map(|row| row.name.to_string())
            .collect();
        assert_eq!(
            changing,
            [
                "config.patch",
                "cron.add",
                "cron.update",
                "cron.remove",
                "cron.run"
            ]
        );
    }
}
