//! `models`: services that offer models, beside what the provider plugins know by themselves.
//!
//! Which of a vendor's APIs there are is known to the plugins that serve them, so `api` is any word here.
use super::{
    agents::{Params, words},
    secrets::SecretInput,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `models`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelsConfig {
    /// Do `providers` add to what plugins know, or replace it? Default: `merge`.
    pub mode: Option<CatalogueMode>,
    /// Services by id.
    pub providers: BTreeMap<String, ProviderConfig>,
}

words! {
    /// What `models.providers` does to the models that plugins know.
    CatalogueMode {
        /// It adds to them and wins.
        Merge = "merge",
        /// It replaces them.
        Replace = "replace",
    }
    /// How a service is told who asks.
    ProviderAuth {
        /// By a key.
        ApiKey = "api-key",
        /// By a token without an end.
        Token = "token",
        /// By a login that is renewed.
        Oauth = "oauth",
        /// By what the machine's cloud account gives.
        AwsSdk = "aws-sdk",
    }
    /// What a model takes in.
    Modality {
        /// Text.
        Text = "text",
        /// Images.
        Image = "image",
        /// Sound.
        Audio = "audio",
        /// Film.
        Video = "video",
    }
    /// The field that limits the answer's length.
    MaxTokensField {
        /// The newer one.
        MaxCompletionTokens = "max_completion_tokens",
        /// The older one.
        MaxTokens = "max_tokens",
    }
}

/// `models.providers.<id>`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderConfig {
    /// Address of the service. Default: the vendor's.
    #[schemars(regex(pattern = "^https?://"))]
    pub base_url: Option<String>,
    /// Its key.
    pub api_key: Option<SecretInput>,
    /// Accepted, without effect: the API says how it is told who asks.
    pub auth: Option<ProviderAuth>,
    /// Which API it speaks. Default: the provider plugin's choice.
    pub api: Option<String>,
    /// Is the key sent in the header `Authorization`? Default: as the API says.
    pub auth_header: Option<bool>,
    /// Headers to add to each request.
    pub headers: BTreeMap<String, SecretInput>,
    /// Most tokens of an answer, for models that don't say.
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u32>,
    /// Longest wait for an answer to begin, seconds; the plugins that come with the gateway wait 300 at most.
    /// Default: what is left of 120 for all models, half of it if another one is behind.
    #[schemars(range(min = 1, max = 86_400))]
    pub timeout_seconds: Option<u64>,
    /// Accepted, without effect: the vendor's region.
    pub region: Option<String>,
    /// Parameters that are sent with every call.
    pub params: Params,
    /// How requests are made.
    pub request: RequestConfig,
    /// The models that it offers.
    pub models: Vec<ModelConfig>,
}

/// `models.providers.<id>.request`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestConfig {
    /// Headers to add to each request.
    pub headers: BTreeMap<String, SecretInput>,
    /// Accepted, without effect: an address that stands here may be a private one.
    pub allow_private_network: Option<bool>,
}

/// `models.providers.<id>.models[]`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelConfig {
    /// The name that the service knows.
    pub id: String,
    /// The name for people. Default: the id.
    #[serde(default)]
    pub name: Option<String>,
    /// Which API it speaks. Default: the service's.
    #[serde(default)]
    pub api: Option<String>,
    /// Its own address. Default: the service's.
    #[serde(default)]
    #[schemars(regex(pattern = "^https?://"))]
    pub base_url: Option<String>,
    /// Can it think? Default: false.
    #[serde(default)]
    pub reasoning: bool,
    /// What it takes in. Default: text.
    #[serde(default)]
    pub input: Option<Vec<Modality>>,
    /// What it costs.
    #[serde(default)]
    pub cost: CostConfig,
    /// Its window, tokens. Default: 200,000.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub context_window: Option<u64>,
    /// Most tokens of the window that are used. Default: all.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub context_tokens: Option<u64>,
    /// Most tokens of an answer. Default: 8192.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u32>,
    /// Headers to add to each request.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretInput>,
    /// Parameters that are sent with every call.
    #[serde(default)]
    pub params: Params,
    /// What it does differently from others that speak the same API.
    #[serde(default)]
    pub compat: CompatConfig,
}

/// `models.providers.<id>.models[].cost`, US dollars for a million tokens
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CostConfig {
    /// Tokens that are sent. Default: 0.
    #[schemars(range(min = 0.0))]
    pub input: f64,
    /// Tokens that come back. Default: 0.
    #[schemars(range(min = 0.0))]
    pub output: f64,
    /// Tokens that are read from the vendor's cache. Default: 0.
    #[schemars(range(min = 0.0))]
    pub cache_read: f64,
    /// Tokens that are written to the vendor's cache. Default: 0.
    #[schemars(range(min = 0.0))]
    pub cache_write: f64,
}

/// `models.providers.<id>.models[].compat`. What is unset is as the API's specification says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CompatConfig {
    /// Does it know `store`?
    pub supports_store: Option<bool>,
    /// Does it know the role `developer`?
    pub supports_developer_role: Option<bool>,
    /// Does it know levels of thinking?
    pub supports_reasoning_effort: Option<bool>,
    /// Does it count tokens in a stream?
    pub supports_usage_in_streaming: Option<bool>,
    /// Can it call tools?
    pub supports_tools: Option<bool>,
    /// Does it know strict schemas of tools?
    pub supports_strict_mode: Option<bool>,
    /// Must the content of a message be a text?
    pub requires_string_content: Option<bool>,
    /// Must a tool's answer carry the tool's name?
    pub requires_tool_result_name: Option<bool>,
    /// Which field limits the answer's length?
    pub max_tokens_field: Option<MaxTokensField>,
    /// How thinking is written; a word that the provider plugin knows.
    pub thinking_format: Option<String>,
}

// === impl ModelConfig ===

impl ModelConfig {
    /// Does it take images in?
    pub fn takes_images(&self) -> bool {
        self.input
            .as_ref()
            .is_some_and(|input| input.contains(&Modality::Image))
    }

    /// Its window, tokens.
    pub fn window(&self) -> u64 {
        let whole = self.context_window.unwrap_or(200_000);
        self.context_tokens.map_or(whole, |used| used.min(whole))
    }

    /// Most tokens of an answer.
    pub fn max_output(&self) -> u32 {
        self.max_tokens.unwrap_or(8192)
    }
}
