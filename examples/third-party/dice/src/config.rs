//! `plugins.entries.dice.config`
use schemars::JsonSchema;
use serde::Deserialize;

/// How dice are rolled.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Most dice that one roll may have.
    #[schemars(range(min = 1, max = 1000), extend("x-ui" = {"label": "Most dice in a roll"}))]
    pub max_dice: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_dice: 20 }
    }
}
