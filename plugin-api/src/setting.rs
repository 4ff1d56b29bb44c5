//! Types for keys of a plugin's configuration that several plugins have. They are here for build scripts too, which make
//! the schema out of them.
use crate::Secret;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::Value;
use std::borrow::Cow;

/// A token, key or password as an operator writes it: the value itself, or a reference (`{"source": "env" | "file" |
/// "exec", "id": …}`) that the host resolves before the plugin sees it.
#[derive(Debug, Clone, Default)]
pub enum Token {
    /// Nothing is set, or nothing but blanks.
    #[default]
    Missing,
    /// The value, without blanks around it.
    Value(Secret),
    /// A reference that nobody resolved.
    Unresolved,
}

/// A key that is taken whatever its value: it belongs to the host, or has no effect.
#[derive(Debug, Clone, Default)]
pub struct Anything;

/// `dmPolicy`: who may write to a bot in private. The host decides by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DmPolicy {
    /// Strangers get a code that the operator approves.
    Pairing,
    /// Only `allowFrom` and who was approved.
    Allowlist,
    /// Everybody; needs `"*"` in `allowFrom`.
    Open,
    /// Nobody.
    Disabled,
}

/// `groupPolicy`: whether groups are served. The host decides by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupPolicy {
    /// All of them, and everybody in them; the mention gate stays, and what the groups' own keys say.
    Open,
    /// None.
    Disabled,
    /// The groups and senders that the configuration names.
    Allowlist,
}

// === impl Token ===

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

// === impl Anything ===

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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_is_a_text_a_reference_or_nothing() -> serde_json::Result<()> {
        let read = serde_json::from_value::<Token>;
        assert!(matches!(read(json!(" s3cret\n"))?, Token::Value(secret) if secret.expose() == "s3cret"));
        assert!(matches!(
            read(json!({ "source": "env", "id": "T" }))?,
            Token::Unresolved
        ));
        assert!(matches!(read(json!("  "))?, Token::Missing));
        assert!(matches!(read(Value::Null)?, Token::Missing));
        Ok(())
    }
}
