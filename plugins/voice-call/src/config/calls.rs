//! Who may call, how the agent calls, and what differs by number.
use super::audio::Tts;
use openclaw_plugin_api::setting::Anything;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InboundPolicy {
    /// Nobody.
    #[default]
    Disabled,
    /// The numbers of `allowFrom`.
    Allowlist,
    /// As `allowlist`: there are no codes on the phone.
    Pairing,
    /// Everybody.
    Open,
}

/// What happens when the person who was called answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TalkMode {
    /// The message is spoken, then the call ends.
    #[default]
    Notify,
    /// The message is spoken, then the agent listens and answers.
    Conversation,
}

/// What shares a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionScope {
    /// All calls of one number.
    #[default]
    PerPhone,
    /// Each call for itself.
    PerCall,
    /// The agent's main conversation.
    Main,
}

/// Calls that the agent makes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Outbound {
    /// What happens when nobody says what.
    pub default_mode: TalkMode,
    /// Seconds between the end of a message and the end of the call; 3 if nothing is said.
    #[schemars(range(max = 600))]
    pub notify_hangup_delay_sec: Option<u32>,
}

/// What differs for calls to one number.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Number {
    /// The first sentence that a caller hears.
    pub inbound_greeting: Option<String>,
    /// The voice.
    pub tts: Option<Tts>,
    /// The agent that talks.
    pub agent_id: Option<String>,
    /// Model that answers.
    pub response_model: Option<String>,
    /// What the model should know of the call.
    pub response_system_prompt: Option<String>,
    /// How long an answer may take, milliseconds.
    #[schemars(range(min = 1, max = 600_000))]
    pub response_timeout_ms: Option<u32>,
    /// Accepted, without effect.
    #[schemars(extend("x-no-effect" = true))]
    pub label: Option<Anything>,
}
