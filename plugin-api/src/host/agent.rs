//! Agents, for plugins that bring a way to talk to them: a phone call, an API, a page.
use super::{host_ids, streamed::Streamed};
use crate::{
    EmbedRequest, Embeddings, Host, MediaRef, Message, Result, StopReason, ToolCall, ToolOutput, ToolSpec,
    Usage,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Agents; see [`Host::agents`].
#[derive(Debug, Clone)]
pub struct Agent {
    pub(super) host: Host,
}

/// One turn of an agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentRun {
    /// Which agent; empty for the default one.
    pub agent_id: String,
    /// Which conversation; empty for the agent's main one.
    pub session_key: String,
    /// What the person says.
    pub text: String,
    /// What is said, in more than one message, in place of `text`: for callers that keep the conversation themselves and
    /// bring all of it each time. The last one is what is answered.
    pub messages: Vec<Message>,
    /// Tools of the caller's own. When the model asks for one, the turn ends: the call comes as
    /// [`AgentEvent::ToolStarted`] and nothing follows it but [`AgentEvent::Done`]. The caller runs it and begins another
    /// turn that tells the result.
    pub tools: Vec<ToolSpec>,
    /// Longest answer, tokens. None: the model's own.
    pub max_tokens: Option<u32>,
    /// Files that go with it.
    pub attachments: Vec<MediaRef>,
    /// What the model should know for this turn only.
    pub system: String,
    /// Model to use instead of the agent's own; empty for that.
    pub model: String,
    /// The same for every try of the same turn: a second run with it gets the first one's answer.
    pub idempotency_key: String,
    /// Stable id of the person; empty for the operator.
    pub sender_id: String,
    /// How hard to think, `off`, `minimal`, `low`, `medium`, `high` or `xhigh`; empty for the conversation's own level.
    pub thinking: String,
    /// The only tools of the gateway's that it may use, as far as the operator's policy lets it use them. None: all that
    /// the policy lets it use.
    pub permitted_tools: Option<Vec<String>>,
}

/// Which agent is asked about, and what of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentProfileRequest {
    /// Which agent; empty for the default one.
    pub agent_id: String,
    /// Files of its workspace, of those that stand in its prompt: `SOUL.md`, `IDENTITY.md`, `USER.md`, … Others are left out.
    pub files: Vec<String>,
}

/// Who an agent is, as its operator has written it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentProfile {
    /// Its id.
    pub agent_id: String,
    /// The name that it goes by; empty if it has none.
    pub name: String,
    /// Its character, in a few words; may be empty.
    pub theme: String,
    /// The files that were asked for and exist, in the order in which they were asked for. No longer than in its prompt.
    pub files: Vec<AgentFile>,
}

/// One file of an agent's workspace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentFile {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// What happens in a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum AgentEvent {
    /// The turn began.
    Started {
        /// Its id.
        run_id: String,
    },
    /// More of the answer.
    Text {
        /// The piece.
        text: String,
    },
    /// More of the thought, where the operator shows it.
    Thinking {
        /// The piece.
        text: String,
    },
    /// A tool begins.
    ToolStarted {
        /// Id of the call.
        id: String,
        /// Tool name.
        name: String,
        /// JSON object.
        arguments: Value,
    },
    /// A tool has ended.
    ToolEnded {
        /// Id of the call.
        id: String,
        /// What it gave.
        output: ToolOutput,
    },
    /// The turn is over.
    Done {
        /// The whole answer.
        text: String,
        /// What it cost.
        usage: Usage,
        /// Model that answered, `provider/model`.
        model: String,
        /// Why the model stopped. A host of an earlier release says [`StopReason::Stop`] always.
        #[serde(default)]
        stop: StopReason,
    },
    /// Something of a later version.
    #[serde(other)]
    Unknown,
}

/// A turn in progress. Dropping it aborts the turn.
#[derive(Debug)]
pub struct AgentStream(Streamed);

impl Agent {
    pub(super) fn new(host: Host) -> Self {
        Self { host }
    }

    /// Who an agent is: for voices and pages that speak in its name without asking it. A host of an earlier release can't say.
    pub async fn profile(&self, request: &AgentProfileRequest) -> Result<AgentProfile> {
        self.host.call(host_ids::AGENT_PROFILE, "", request).await
    }

    /// Starts a turn. It waits its place in the conversation.
    pub fn run(&self, run: &AgentRun) -> Result<AgentStream> {
        let body = serde_json::to_vec(run)?;
        Ok(AgentStream(Streamed::start(
            &self.host,
            host_ids::AGENT_RUN,
            "",
            body,
            None,
        )))
    }
}

/// What agents work with, for plugins that offer it to others; see [`Host::capabilities`].
#[derive(Debug, Clone)]
pub struct Capabilities {
    host: Host,
}

impl Capabilities {
    pub(super) fn new(host: Host) -> Self {
        Self { host }
    }

    /// Turns texts into vectors. `model` is `provider/model`, a provider alone, or empty for the first provider that can;
    /// the host adds key and address.
    pub async fn embed(&self, request: &EmbedRequest) -> Result<Embeddings> {
        self.host.call(host_ids::EMBED, "", request).await
    }

    /// Runs a tool as the agent of `call.origin` would. Who may do that is the caller's to decide before.
    pub async fn invoke(&self, tool: &str, call: &ToolCall) -> Result<ToolOutput> {
        self.host.call(host_ids::TOOL_INVOKE, tool, call).await
    }
}

impl AgentStream {
    /// The next event; `None` after [`AgentEvent::Done`].
    pub async fn next(&mut self) -> Result<Option<AgentEvent>> {
        match self.0.next().await? {
            Some(chunk) => Ok(Some(serde_json::from_slice(&chunk)?)),
            None => Ok(None),
        }
    }
}
