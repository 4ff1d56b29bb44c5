//! `tools.message`: where the message tool may go, and what it may do there.
//!
//! Each key holds by itself: what an agent's own block leaves open is what the block for all says.
use schemars::JsonSchema;
use serde::Deserialize;

/// `tools.message`, `agents.entries.<id>.tools.message`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct MessageTool {
    /// Messages to other chats than the one in which the agent was asked.
    pub cross_context: CrossContext,
    /// What may be done.
    pub actions: MessageActions,
}

/// `tools.message.crossContext`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CrossContext {
    /// Other chats of the same account. Default: true.
    pub allow_within_provider: Option<bool>,
    /// Chats of other channels and accounts. Default: false.
    pub allow_across_providers: Option<bool>,
    /// What is written around a message that comes from another chat.
    pub marker: Marker,
}

/// `tools.message.crossContext.marker`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Marker {
    /// Whether it is marked. Default: true.
    pub enabled: Option<bool>,
    /// In front of it; `{channel}` is where the agent was asked. Default: `[from {channel}] `.
    pub prefix: Option<String>,
    /// Behind it. Default: nothing.
    pub suffix: Option<String>,
}

/// `tools.message.actions`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct MessageActions {
    /// The only actions there are, `*` for all. None: all.
    pub allow: Option<Vec<String>>,
}

impl MessageTool {
    /// These rules, with those for all where they are silent.
    #[must_use]
    pub fn or(&self, all: &Self) -> Self {
        let (own, cross) = (&self.cross_context, &all.cross_context);
        Self {
            cross_context: CrossContext {
                allow_within_provider: own.allow_within_provider.or(cross.allow_within_provider),
                allow_across_providers: own.allow_across_providers.or(cross.allow_across_providers),
                marker: own.marker.or(&cross.marker),
            },
            actions: MessageActions {
                allow: self.actions.allow.clone().or_else(|| all.actions.allow.clone()),
            },
        }
    }
}

impl Marker {
    fn or(&self, all: &Self) -> Self {
        Self {
            enabled: self.enabled.or(all.enabled),
            prefix: self.prefix.clone().or_else(|| all.prefix.clone()),
            suffix: self.suffix.clone().or_else(|| all.suffix.clone()),
        }
    }
}
