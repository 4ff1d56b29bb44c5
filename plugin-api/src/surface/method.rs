//! `method/1`: methods of the gateway's WebSocket protocol, under a prefix of the plugin's own.
use crate::{Registrar, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{future::Future, sync::Arc};

/// Method ids. Target: name of the gateway method.
pub mod ids {
    /// Body: [`super::MethodCall`]; reply: any JSON.
    pub const CALL: &str = "method/1/call";
}

/// Methods that clients of the gateway can call.
pub trait Methods: Send + Sync + 'static {
    /// The methods. Each name is declared in the manifest too.
    fn methods(&self) -> Vec<MethodSpec>;

    /// Answers one call. The caller holds the method's scope.
    fn call(&self, call: MethodCall) -> impl Future<Output = Result<Value>> + Send;
}

/// One method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MethodSpec {
    /// `<prefix>.<name>`, `voicecall.start`.
    pub name: String,
    /// What it does, for people.
    pub description: String,
    /// Scope that a caller needs; `operator.admin` by default, so that forgetting it opens nothing.
    pub scope: String,
}

/// One call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MethodCall {
    /// Name of the method.
    pub method: String,
    /// Its parameters.
    pub params: Value,
    /// Who calls: id of the client or device.
    pub client_id: String,
    /// What the caller may do.
    pub scopes: Vec<String>,
}

impl Default for MethodSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            scope: "operator.admin".into(),
        }
    }
}

pub(crate) fn method_register<M: Methods>(api: &mut Registrar, methods: M) {
    let table = methods.methods();
    let methods = Arc::new(methods);
    for spec in table {
        api.declare("method/1", &spec.name, &spec);
        let methods = methods.clone();
        api.unary(ids::CALL, &spec.name, move |call| {
            let methods = methods.clone();
            async move { methods.call(call).await }
        });
    }
}
