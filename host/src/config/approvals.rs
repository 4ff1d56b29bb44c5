//! `approvals`: to which chats questions to the operator are brought. Who may answer them is decided in `approvals`.
use super::{agents::words, opaque::Ignored};
use schemars::JsonSchema;
use serde::Deserialize;

/// `approvals`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalsConfig {
    /// Questions about commands.
    pub exec: ApprovalForwarding,
    /// Accepted, without effect: questions of plugins are asked as those about commands are.
    pub plugin: Ignored,
}

/// `approvals.exec`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalForwarding {
    /// Are questions brought to chats? Default: false.
    pub enabled: bool,
    /// To which. Default: `session`.
    pub mode: ApprovalMode,
    /// Only those of these agents. None: of all.
    pub agent_filter: Option<Vec<String>>,
    /// Only those of conversations whose key contains, or matches, one of these. None: of all.
    pub session_filter: Option<Vec<String>>,
    /// Chats, for the modes `targets` and `both`.
    pub targets: Vec<ApprovalTarget>,
}

/// `approvals.exec.targets[]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalTarget {
    /// Channel.
    pub channel: String,
    /// Chat, as the channel calls it.
    pub to: String,
    /// Account that sends it. Default: the channel's usual one.
    #[serde(default)]
    pub account_id: Option<String>,
    /// Thread or topic of the chat.
    #[serde(default)]
    pub thread_id: Option<super::PeerId>,
}

words! {
    /// To which chats questions are brought.
    #[derive(Default)]
    ApprovalMode {
        /// The one that the agent was asked in.
        #[default]
        Session = "session",
        /// Those of `targets`.
        Targets = "targets",
        /// Both.
        Both = "both",
    }
}
