//! `tool/1`: something an agent can do.
use crate::{Content, Error, Registrar, Result, Sink};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{future::Future, sync::Arc};

/// Method ids.
pub mod ids {
    /// Body: [`super::ToolCall`]; out: progress as UTF-8 texts; reply: [`super::ToolOutput`]. Target: tool name.
    pub const INVOKE: &str = "tool/1/invoke";
}

/// A tool.
///
/// ```
/// # use openclaw_plugin_api::prelude::*;
/// #[derive(Deserialize, JsonSchema)]
/// struct Args {
///     /// Any text.
///     text: String,
/// }
///
/// struct Shout;
///
/// impl Tool for Shout {
///     const NAME: &'static str = "shout";
///     const DESCRIPTION: &'static str = "Makes a text loud.";
///     type Args = Args;
///
///     async fn invoke(&self, args: Args, _: ToolContext) -> Result<ToolOutput> {
///         Ok(args.text.to_uppercase().into())
///     }
/// }
/// ```
pub trait Tool: Send + Sync + 'static {
    /// Name that models use: letters, digits and `_`, at most 64.
    const NAME: &'static str;
    /// What it does and when to use it, for the model.
    const DESCRIPTION: &'static str;
    /// May the host run it again when it doesn't know whether the first try took effect?
    const IDEMPOTENT: bool = false;
    /// Does it change anything outside the conversation? Policies ask a person before such tools.
    const SIDE_EFFECTS: bool = true;
    /// Its arguments. The doc comments of the fields are what the model reads.
    type Args: DeserializeOwned + JsonSchema + Send + 'static;

    /// Does it. Cancelled by drop.
    fn invoke(
        &self,
        args: Self::Args,
        context: ToolContext,
    ) -> impl Future<Output = Result<ToolOutput>> + Send;
}

/// What a model and a policy know about a tool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ToolSpec {
    /// Name that models use.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
    /// May be run again when the outcome of the first try is unknown.
    pub idempotent: bool,
    /// Changes something outside the conversation.
    pub side_effects: bool,
}

/// One invocation as it crosses the boundary.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ToolCall {
    /// JSON object, as the model wrote it.
    pub arguments: Value,
    /// On whose behalf.
    pub origin: ToolOrigin,
}

/// On whose behalf a tool runs. It comes from the host, never from the model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ToolOrigin {
    /// Id of this call in the conversation.
    pub call_id: String,
    /// The agent.
    pub agent_id: String,
    /// The conversation, `agent:main:main`.
    pub session_key: String,
    /// Channel of the message that is being answered; empty if there is none.
    pub channel: String,
    /// Account of that channel.
    pub account_id: String,
    /// Chat on that channel.
    pub chat_id: String,
    /// Stable id of the person who wrote it.
    pub sender_id: String,
    /// Is that person an owner of this gateway?
    pub sender_is_owner: bool,
    /// The agent's workspace folder; empty for tools without access to files.
    pub workspace_dir: String,
    /// Folders outside the workspace that the agent was told of and may read, such as those of its skills.
    pub readable_dirs: Vec<String>,
}

/// What a tool gets besides its arguments.
#[derive(Debug)]
pub struct ToolContext {
    /// On whose behalf it runs.
    pub origin: ToolOrigin,
    progress: Option<Sink>,
}

/// What a tool answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ToolOutput {
    /// What the model sees.
    pub content: Vec<Content>,
    /// What programs and user interfaces see besides; null if there is nothing.
    pub details: Value,
    /// The tool did its work and the answer is a failure that the model should know of.
    pub is_error: bool,
}

impl ToolContext {
    pub(super) fn new(origin: ToolOrigin, progress: Option<Sink>) -> Self {
        Self { origin, progress }
    }

    /// Tells whoever watches how far the work is. Costs nothing when nobody does.
    pub async fn progress(&mut self, text: &str) {
        if let Some(sink) = &mut self.progress {
            if !sink.send(text.as_bytes()).await {
                self.progress = None;
            }
        }
    }
}

impl<T: Into<String>> From<T> for ToolOutput {
    fn from(text: T) -> Self {
        Self {
            content: vec![Content::text(text)],
            ..Self::default()
        }
    }
}

impl ToolOutput {
    /// A JSON value, shown to the model as text and kept in `details`.
    pub fn json(value: Value) -> Self {
        Self {
            content: vec![Content::text(value.to_string())],
            details: value,
            is_error: false,
        }
    }
}

pub(crate) fn tool_register<T: Tool>(api: &mut Registrar, tool: T) {
    let spec = ToolSpec {
        name: T::NAME.into(),
        description: T::DESCRIPTION.into(),
        parameters: parameters::<T::Args>(),
        idempotent: T::IDEMPOTENT,
        side_effects: T::SIDE_EFFECTS,
    };
    api.declare("tool/1", T::NAME, &spec);
    let tool = Arc::new(tool);
    api.handle(ids::INVOKE, T::NAME, move |request| {
        let tool = tool.clone();
        async move {
            let call: ToolCall = request.record()?;
            let args = serde_json::from_value(call.arguments).map_err(|e| {
                Error::invalid(format_args!(
                    "the arguments of {} do not fit its schema: {e}",
                    T::NAME
                ))
            })?;
            let output = tool
                .invoke(args, ToolContext::new(call.origin, request.out))
                .await?;
            crate::to_json(&output)
        }
    });
}

/// The schema of the arguments without what models have no use for.
fn parameters<A: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(A).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
        object.remove("title");
    }
    schema
}
