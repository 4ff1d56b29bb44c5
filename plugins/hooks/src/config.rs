//! What operators set. The places are OpenClaw's own, so that an existing file works.
use openclaw_plugin_api::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The configuration: a section of `openclaw.json` under its own path.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// `hooks`
    pub hooks: Hooks,
}

/// `hooks`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Hooks {
    /// Are there webhooks? Default: false.
    pub enabled: bool,
    /// What calls have to bring. Not the gateway's own token.
    pub token: Option<Secret>,
    /// Where they are. Default: `/hooks`.
    pub path: Option<String>,
    /// Longest body, bytes. Default: 262144.
    #[schemars(range(min = 1, max = 33_554_432))]
    pub max_body_bytes: Option<u64>,
    /// Conversation of calls that name none. Default: one for each call.
    pub default_session_key: Option<String>,
    /// May calls name the conversation? Default: false.
    pub allow_request_session_key: bool,
    /// How keys of conversations that calls and mappings name have to begin. Default: anyhow.
    pub allowed_session_key_prefixes: Option<Vec<String>>,
    /// Agents that calls and mappings may name; `*` is any. Default: any.
    pub allowed_agent_ids: Option<Vec<String>>,
    /// Mappings that come with the plugin: `gmail`.
    pub presets: Vec<String>,
    /// What becomes of calls to other names. The first that fits counts.
    pub mappings: Vec<Mapping>,
    /// What the preset `gmail` does differently.
    pub gmail: Gmail,
}

/// `hooks.mappings[]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Mapping {
    /// Its name in logs.
    pub id: Option<String>,
    /// Which calls it is for.
    #[serde(rename = "match")]
    pub matching: Match,
    /// What it does. Default: `agent`.
    pub action: Action,
    /// When the agent looks. Default: `now`.
    pub wake_mode: WakeMode,
    /// What the call is called towards the agent. A template.
    pub name: Option<String>,
    /// The agent.
    pub agent_id: Option<String>,
    /// The conversation. A template.
    pub session_key: Option<String>,
    /// What the agent is asked. A template.
    pub message_template: Option<String>,
    /// What the agent hears. A template.
    pub text_template: Option<String>,
    /// Does the answer go to a chat? Default: true.
    pub deliver: Option<bool>,
    /// The message is not marked as coming from outside: whoever calls can make the agent do things.
    pub allow_unsafe_external_content: bool,
    /// The channel of the chat. Default: `last`.
    pub channel: Option<String>,
    /// The chat. A template. Default: where the agent was spoken to last.
    pub to: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// How hard to think.
    pub thinking: Option<String>,
    /// Longest that the turn may take, seconds.
    pub timeout_seconds: Option<u64>,
    /// A program that changes the call. There is nothing that would run it: a mapping with one is not served.
    pub transform: Option<Value>,
    /// A list in the call of which each item is one message. Not served either.
    pub for_each: Option<String>,
}

/// `hooks.mappings[].match`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Match {
    /// The name behind `/hooks/`.
    pub path: Option<String>,
    /// The call's `source`.
    pub source: Option<String>,
}

/// `hooks.gmail`, as far as the preset goes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Gmail {
    /// As in mappings.
    pub allow_unsafe_external_content: bool,
    /// The model.
    pub model: Option<String>,
    /// How hard to think.
    pub thinking: Option<String>,
}

/// What a call does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The agent hears of something.
    Wake,
    /// The agent is asked something.
    #[default]
    Agent,
}

/// When an agent looks at what it heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WakeMode {
    /// At once.
    #[default]
    Now,
    /// When it looks anyway.
    NextHeartbeat,
}
