//! `tool/1`, for tools that are known only while the plugin runs: those of servers, scripts, files of the operator.
//!
//! The manifest declares `*` among its tools. The plugin tells the host which tools there are with
//! [`crate::Host::offer_tools`], as often as they change; the host calls them like all others. Invariant: a tool that a
//! manifest names is never hidden by one that is offered.
use super::tool::{ToolCall, ToolContext, ToolOutput, ids};
use crate::{Registrar, Result, to_json};
use serde_json::Value;
use std::{future::Future, sync::Arc};

/// Stands among [`crate::Declaration::tools`] for tools that are offered while the plugin runs.
pub const OFFERED_TOOLS: &str = "*";

/// Tools that are known only while the plugin runs. A plugin has at most one such set; it may be declared and
/// registered beside tools of its own.
///
/// ```
/// # use openclaw_plugin_api::{ToolSet, ToolSpec, prelude::*};
/// struct Scripts;
///
/// impl ToolSet for Scripts {
///     async fn invoke(&self, name: &str, arguments: Value, _: ToolContext) -> Result<ToolOutput> {
///         Ok(format!("{name} ran with {arguments}").into())
///     }
/// }
///
/// async fn found(host: &Host, names: Vec<String>) -> Result<()> {
///     let spec = |name| ToolSpec { name, parameters: json!({"type": "object"}), ..ToolSpec::default() };
///     host.offer_tools(&names.into_iter().map(spec).collect::<Vec<_>>()).await
/// }
/// ```
pub trait ToolSet: Send + Sync + 'static {
    /// Runs one of the tools. The arguments are a JSON value as the model wrote it, not judged by the tool's schema.
    /// Cancelled by drop.
    fn invoke(
        &self,
        name: &str,
        arguments: Value,
        context: ToolContext,
    ) -> impl Future<Output = Result<ToolOutput>> + Send;
}

pub(crate) fn toolset_register(api: &mut Registrar, set: impl ToolSet) {
    api.declare("tool/1", OFFERED_TOOLS, &Value::Null);
    let set = Arc::new(set);
    api.handle(ids::INVOKE, OFFERED_TOOLS, move |request| {
        let set = set.clone();
        async move {
            let call: ToolCall = request.record()?;
            let context = ToolContext::new(call.origin, request.out);
            to_json(&set.invoke(&request.target, call.arguments, context).await?)
        }
    });
}
