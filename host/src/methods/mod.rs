//! What clients of the gateway can ask for: one file for each family of methods. The protocol itself is in `gateway`.
mod agent;
mod plugins;
mod routes;

use crate::{
    app::Gateway,
    gateway::{self, Caller, Code, Failure, Handler, Method, Readiness, Responder},
};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use std::{borrow::Cow, sync::Arc};

/// How a plugin's file and settings are read anew for a reload. It waits for the disk.
pub type Reread = Arc<dyn Fn(&str) -> Result<crate::plugins::plugin::Spec, String> + Send + Sync>;

/// Answers clients.
pub struct Methods {
    gateway: Arc<Gateway>,
    reread: Reread,
}

impl Methods {
    /// For a running gateway.
    pub fn new(gateway: Arc<Gateway>, reread: Reread) -> Self {
        Self { gateway, reread }
    }
}

impl Handler for Methods {
    fn methods(&self) -> Vec<Method> {
        [agent::methods(), plugins::methods()].concat()
    }

    fn events(&self) -> Vec<Cow<'static, str>> {
        Vec::new()
    }

    fn routes(&self) -> Option<Arc<dyn gateway::Routes>> {
        Some(Arc::new(routes::OfPlugins::new(&self.gateway.registry)))
    }

    fn readiness(&self) -> Readiness {
        let problems = self.gateway.registry.problems();
        let details = problems
            .iter()
            .map(|(id, why)| (id.clone(), Value::from(why.clone())))
            .collect();
        Readiness {
            pending: None,
            failing: problems.into_iter().map(|(id, _)| id).collect(),
            details,
        }
    }

    fn snapshot(&self, _: &Caller) -> Map<String, Value> {
        Map::new()
    }

    fn health<'a>(&'a self, _: &'a Value) -> BoxFuture<'a, Map<String, Value>> {
        let plugins = plugins::health(&self.gateway);
        let channels = Value::from(self.gateway.channels());
        Box::pin(async move {
            Map::from_iter([("plugins".to_owned(), plugins), ("accounts".to_owned(), channels)])
        })
    }

    fn status<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Map<String, Value>> {
        self.health(params)
    }

    fn call<'a>(
        &'a self,
        method: &'a str,
        params: Value,
        _: &'a Caller,
        respond: &'a mut Responder,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            match method {
                "agent" => agent::run(&self.gateway, params, respond).await,
                "plugins.list" => Ok(plugins::list(&self.gateway)),
                "plugins.reload" => plugins::reload(&self.gateway, &self.reread, &params).await,
                _ => Err(failure(Code::InvalidRequest, format!("unknown method: {method}"))),
            }
        })
    }
}

impl std::fmt::Debug for Methods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Methods").finish_non_exhaustive()
    }
}

fn failure(code: Code, message: String) -> Failure {
    Failure {
        code,
        message,
        retryable: false,
        retry_after_ms: None,
        details: None,
        payload: None,
    }
}

/// A failure of a run, with the run's own record beside it.
fn failed_run(run_id: &str, message: String) -> Failure {
    let payload = json!({ "runId": run_id, "status": "error", "summary": message });
    Failure {
        payload: Some(Box::new(payload)),
        ..failure(Code::Unavailable, message)
    }
}
