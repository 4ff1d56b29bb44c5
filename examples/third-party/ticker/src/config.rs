//! `channels.ticker`
use schemars::JsonSchema;
use serde::Deserialize;

/// What the ticker says, and how often.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Config {
    /// Time between two messages, seconds.
    #[schemars(range(min = 1))]
    pub every_seconds: u64,
    /// What it says.
    pub text: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { every_seconds: 60, text: "tick".into() }
    }
}
