//! `service/1`: something that runs in the background from start to stop.
use crate::{Registrar, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{future::Future, sync::Arc};

/// Method ids. Target: service id.
pub mod ids {
    /// Body: null; reply: null.
    pub const START: &str = "service/1/start";
    /// Body: null; reply: null.
    pub const STOP: &str = "service/1/stop";
    /// Body: null; reply: [`super::Health`].
    pub const HEALTH: &str = "service/1/health";
}

/// Something that runs in the background.
pub trait Service: Send + Sync + 'static {
    /// Id in `status`.
    const ID: &'static str;

    /// Begins and returns; the work goes on in tasks of the host.
    fn start(&self) -> impl Future<Output = Result<()>> + Send;

    /// Ends. Tasks that are still there afterwards are dropped.
    fn stop(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// How it is doing.
    fn health(&self) -> impl Future<Output = Result<Health>> + Send {
        async { Ok(Health::default()) }
    }
}

/// How something is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Health {
    /// It does its work. True by default.
    pub ok: bool,
    /// What is wrong and what to do; empty when nothing is.
    pub problem: String,
    /// Whatever there is to show.
    pub details: Map<String, Value>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            ok: true,
            problem: String::new(),
            details: Map::new(),
        }
    }
}

pub(crate) fn service_register<S: Service>(api: &mut Registrar, service: S) {
    api.declare("service/1", S::ID, &Value::Null);
    let service = Arc::new(service);
    let (stop, health) = (service.clone(), service.clone());
    api.unary(ids::START, S::ID, move |(): ()| {
        let service = service.clone();
        async move { service.start().await }
    });
    api.unary(ids::STOP, S::ID, move |(): ()| {
        let service = stop.clone();
        async move { service.stop().await }
    });
    api.unary(ids::HEALTH, S::ID, move |(): ()| {
        let service = health.clone();
        async move { service.health().await }
    });
}
