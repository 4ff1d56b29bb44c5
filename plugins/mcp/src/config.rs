//! Skeleton.
/// c
#[derive(Debug, Clone, Default, serde::Deserialize, schemars::JsonSchema)]
pub struct Config {}
