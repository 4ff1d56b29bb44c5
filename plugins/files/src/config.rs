//! What operators set.
use schemars::JsonSchema;
use serde::Deserialize;

/// `plugins.entries.files.config`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Folders outside the workspace that agents may read and not change. Absolute paths.
    #[schemars(extend("x-ui" = {"label": "Further readable folders", "advanced": true}))]
    pub readable: Vec<String>,
}
