//! What operators set. The places are OpenClaw's own, so that an existing file works.
use openclaw_plugin_api::Secret;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap};

/// The configuration: sections of `openclaw.json` under their own paths.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// `mcp`
    pub mcp: Mcp,
}

/// `mcp`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Mcp {
    /// The servers, by the name that their tools begin with.
    pub servers: BTreeMap<String, Server>,
    /// A server that nobody called for so long is stopped until it is called again; 0: never.
    pub session_idle_ttl_ms: u64,
}

/// `mcp.servers.<name>`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Server {
    /// Is it used? Default: true.
    pub enabled: bool,
    /// Program to start; it speaks over its standard input and output.
    pub command: Option<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment, beside `PATH`, `HOME` and a few others. Nothing else is passed on.
    pub env: BTreeMap<String, Text>,
    /// Folder to start it in.
    pub cwd: Option<String>,
    /// Address of a server that speaks HTTP.
    #[schemars(extend("x-egress" = true))]
    pub url: Option<String>,
    /// `stdio` or `streamable-http`; told from `command` or `url` where it is left out.
    pub transport: Option<String>,
    /// `none`, or nothing. Logins (`oauth`) are not supported; a token goes into `headers`.
    pub auth: Option<String>,
    /// Headers of every request.
    pub headers: BTreeMap<String, Text>,
    /// Time to start and to say hello.
    #[schemars(range(min = 1, max = 600_000))]
    pub connection_timeout_ms: u64,
    /// Time for one call.
    #[schemars(range(min = 1, max = 590_000))]
    pub request_timeout_ms: u64,
    /// May tools be called side by side? Default: a few at once.
    pub supports_parallel_tool_calls: Option<bool>,
    /// Which of its tools are offered.
    pub tool_filter: ToolFilter,
}

/// `mcp.servers.<name>.toolFilter`: names of tools as the server has them; `*` stands for anything.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolFilter {
    /// Only these. Empty: all.
    pub include: Vec<String>,
    /// Not these, whatever `include` says.
    pub exclude: Vec<String>,
}

/// A value of an environment or a header: a text, a number, true or false. It may be a secret.
#[derive(Debug, Clone, Default)]
pub struct Text(pub Secret);

impl Default for Mcp {
    fn default() -> Self {
        Self {
            servers: BTreeMap::new(),
            session_idle_ttl_ms: 600_000,
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            enabled: true,
            command: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: None,
            url: None,
            transport: None,
            auth: None,
            headers: BTreeMap::new(),
            connection_timeout_ms: 30_000,
            request_timeout_ms: 60_000,
            supports_parallel_tool_calls: None,
            tool_filter: ToolFilter::default(),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            _ => return Err(de::Error::custom("a text, a number, true or false is expected")),
        };
        Ok(Self(Secret::new(text)))
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"], "format": "password", "writeOnly": true })
    }
}
