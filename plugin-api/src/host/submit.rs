//! Messages left for an agent, for plugins that nobody waits at: a webhook, a sensor, a timetable.
//!
//! Beside [`super::AgentRun`], which answers whoever asks, what is left here is in the gateway's journal when the call
//! returns: it is dealt with, once, whatever happens to the process.
use super::{Agent, host_ids};
use crate::Result;
use serde::{Deserialize, Serialize};

/// A message for an agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Submission {
    /// Which agent; empty for the default one.
    pub agent_id: String,
    /// Which conversation; empty for one of its own.
    pub session_key: String,
    /// What is said.
    pub text: String,
    /// What the model should know for this turn only.
    pub system: String,
    /// Model to use instead of the agent's own; empty for that.
    pub model: String,
    /// How hard to think, `off` to `xhigh`; empty: as the agent has it.
    pub thinking: String,
    /// Longest that the turn may take, milliseconds; 0: as the agent has it.
    pub timeout_ms: u64,
    /// Where the answer goes. None: it stays in the conversation.
    pub announce: Option<Announce>,
    /// The same for every try of the same message: it is dealt with once. Empty: each try is another message.
    pub idempotency_key: String,
    /// Stable id of whoever says it; empty for the operator, who may do everything. What came from outside the gateway is
    /// not the operator's.
    pub sender_id: String,
}

/// A chat that an answer goes to. What is empty is as where the agent was spoken to last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Announce {
    /// The channel; `last` is as good as empty.
    pub channel: String,
    /// The chat there.
    pub to: String,
    /// The account.
    pub account_id: String,
    /// The thread.
    pub thread_id: String,
}

/// What became of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Submitted {
    /// Id of the run that deals with it.
    pub run_id: String,
    /// It was there before.
    pub known: bool,
}

/// Something that an agent is to hear of at its next turn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SystemEvent {
    /// Which agent; empty for the default one.
    pub agent_id: String,
    /// Which conversation; empty for the agent's main one.
    pub session_key: String,
    /// What has happened.
    pub text: String,
    /// The agent is to look now, not at its next heartbeat.
    pub wake: bool,
}

impl Agent {
    /// Leaves a message. When this returns well, it is on the disk.
    pub async fn submit(&self, message: &Submission) -> Result<Submitted> {
        self.host.call(host_ids::AGENT_SUBMIT, "", message).await
    }

    /// Tells an agent of something. When this returns well, it is on the disk.
    pub async fn tell(&self, event: &SystemEvent) -> Result<()> {
        self.host.call(host_ids::SYSTEM_EVENT, "", event).await
    }
}
