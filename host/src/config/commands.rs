//! `commands`: which chat commands there are and who may use them.
use super::agents::words;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `commands`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandsConfig {
    /// Are commands offered in the channel's own menu? Default: `auto`, where the channel has one.
    pub native: Option<NativeCommands>,
    /// Accepted, without effect: skills are no commands here.
    pub native_skills: Option<NativeCommands>,
    /// Are commands recognised in text? Default: true.
    pub text: Option<bool>,
    /// Accepted, without effect: there is no `/config`.
    pub config: Option<bool>,
    /// Accepted, without effect: there is no `/debug`.
    pub debug: Option<bool>,
    /// May the gateway be restarted in its process, by SIGUSR2, `openclaw gateway restart`, clients and a changed
    /// file? Default: true.
    pub restart: Option<bool>,
    /// May only people whom the channel admits use commands? Of February 2026. Default: true.
    pub use_access_groups: Option<bool>,
    /// The owners: ids, or `channel:id`. They may use every command.
    pub owner_allow_from: Option<Vec<PeerId>>,
    /// Who may use commands, by channel; `*` stands for all channels. If set, nobody else may.
    pub allow_from: BTreeMap<String, Vec<PeerId>>,
}

/// Whether commands are in the channel's own menu: `true`, `false` or `"auto"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum NativeCommands {
    /// Yes or no.
    Fixed(bool),
    /// Where the channel has one.
    Auto(Auto),
}

words! {
    /// The word `auto`.
    Auto {
        /// As fits.
        Auto = "auto",
    }
}

/// The id of a person or chat, as a text. A number is taken as its digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "WrittenId")]
pub struct PeerId(pub String);

/// The two forms of a [`PeerId`].
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum WrittenId {
    /// As a text.
    Text(String),
    /// As a number.
    Number(i64),
}

// === impl CommandsConfig ===

impl CommandsConfig {
    /// Are commands recognised in text?
    pub fn text(&self) -> bool {
        self.text.unwrap_or(true)
    }

    /// Are commands offered in the menu of a channel that has one?
    pub fn native(&self) -> bool {
        self.native != Some(NativeCommands::Fixed(false))
    }

    /// May it be restarted in its process?
    pub fn restart(&self) -> bool {
        self.restart.unwrap_or(true)
    }
}

// === impl PeerId ===

impl<'de> Deserialize<'de> for PeerId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match WrittenId::deserialize(deserializer)? {
            WrittenId::Text(text) => text,
            WrittenId::Number(number) => number.to_string(),
        }))
    }
}
