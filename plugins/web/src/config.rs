//! What operators set. The places are OpenClaw's own, so that an existing file works.
use openclaw_plugin_api::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The configuration: sections of `openclaw.json` under their own paths.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// `tools`
    pub tools: Tools,
}

/// `tools`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Tools {
    /// `tools.web`
    pub web: Web,
}

/// `tools.web`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Web {
    /// The tool `web_fetch`.
    pub fetch: Fetch,
    /// The tool `web_search`.
    pub search: Search,
}

/// `tools.web.fetch`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Fetch {
    /// May pages be read? Default: true.
    pub enabled: bool,
    /// Characters of a page that are given when the model asks for no other number.
    #[schemars(range(min = 100))]
    pub max_chars: usize,
    /// Characters that the model may ask for at most.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub max_chars_cap: usize,
    /// Bytes of a page that are read, before and after decompression.
    #[schemars(range(min = 1_024, max = 33_554_432))]
    pub max_response_bytes: usize,
    /// Time for the whole page.
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: u64,
    /// How long a page is remembered; 0: not at all.
    #[schemars(range(min = 0, max = 1_440))]
    pub cache_ttl_minutes: f64,
    /// Redirects that are followed, each of them checked anew; 3 at most.
    #[schemars(range(max = 3))]
    pub max_redirects: u8,
    /// `User-Agent` of the requests.
    pub user_agent: Option<String>,
    /// Further headers, for the first address only.
    pub headers: BTreeMap<String, Secret>,
}

/// `tools.web.search`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// May the web be searched? Default: true.
    pub enabled: bool,
    /// `brave`, `tavily`, `perplexity` or `searxng`. Without it: the first of them that has a key or an address.
    pub provider: Option<String>,
    /// Key of the chosen provider.
    pub api_key: Option<Secret>,
    /// Results that are given when the model asks for no other number.
    #[schemars(range(min = 1, max = 10))]
    pub max_results: u8,
    /// Time for one search.
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: u64,
    /// How long results are remembered; 0: not at all.
    #[schemars(range(min = 0, max = 1_440))]
    pub cache_ttl_minutes: f64,
    /// Brave Search.
    pub brave: Service,
    /// Tavily.
    pub tavily: Service,
    /// Perplexity, directly or through OpenRouter.
    pub perplexity: Service,
    /// A SearXNG of one's own; its `baseUrl` is all it needs.
    pub searxng: Service,
}

/// One provider of `tools.web.search`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// Its key.
    pub api_key: Option<Secret>,
    /// Its address, where it is not the vendor's own. A key from the environment is not sent there.
    #[schemars(extend("x-egress" = true))]
    pub base_url: Option<String>,
    /// The model that answers (Perplexity).
    pub model: Option<String>,
}

impl Default for Fetch {
    fn default() -> Self {
        Self {
            enabled: true,
            max_chars: 50_000,
            max_chars_cap: 50_000,
            max_response_bytes: 2 << 20,
            timeout_seconds: 30,
            cache_ttl_minutes: 15.0,
            max_redirects: 3,
            user_agent: None,
            headers: BTreeMap::new(),
        }
    }
}

impl Default for Search {
    fn default() -> Self {
        Self {
            enabled: true,
            provider: None,
            api_key: None,
            max_results: 5,
            timeout_seconds: 30,
            cache_ttl_minutes: 15.0,
            brave: Service::default(),
            tavily: Service::default(),
            perplexity: Service::default(),
            searxng: Service::default(),
        }
    }
}
