//! Values that come in more than one form.
use openclaw_plugin_api::Secret;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::Value;
use std::borrow::Cow;

/// An id, always in quotes: as a number it would lose its last digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(pub String);

/// A token or secret: the value itself, or a reference that the host resolves before the plugin sees it.
#[derive(Debug, Clone, Default)]
pub enum Token {
    /// Nothing is set.
    #[default]
    Missing,
    /// The value.
    Value(Secret),
    /// A reference that nobody resolved.
    Unresolved,
}

/// A key that is taken as it is: it belongs to the host, or has no effect.
#[derive(Debug, Clone, Default)]
pub struct Anything;

/// Who may write to the bot in private. The host decides by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DmPolicy {
    /// Strangers get a code that the operator approves.
    Pairing,
    /// Only `allowFrom`.
    Allowlist,
    /// Everybody; needs `"*"` in `allowFrom`.
    Open,
    /// Nobody.
    Disabled,
}

/// Whether servers are served. The host decides by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupPolicy {
    /// All; the mention gate stays, and what `guilds` says.
    Open,
    /// None.
    Disabled,
    /// Those of `guilds`.
    Allowlist,
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(_) => Err(serde::de::Error::custom(
                "an id is written as a number, which loses digits; put it in quotes",
            )),
            _ => Err(serde::de::Error::custom("an id is a string")),
        }
    }
}

impl JsonSchema for Id {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::String(text) if text.trim().is_empty() => Self::Missing,
            Value::String(text) => Self::Value(Secret::new(text.trim())),
            Value::Null => Self::Missing,
            _ => Self::Unresolved,
        })
    }
}

impl JsonSchema for Token {
    fn schema_name() -> Cow<'static, str> {
        "Token".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "writeOnly": true,
            "anyOf": [
                { "type": "string", "format": "password" },
                {
                    "type": "object",
                    "properties": {
                        "source": { "enum": ["env", "file", "exec"] },
                        "provider": { "type": "string" },
                        "id": { "type": "string" }
                    },
                    "required": ["source", "id"]
                }
            ]
        })
    }
}

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for Anything {
    fn schema_name() -> Cow<'static, str> {
        "Anything".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}
