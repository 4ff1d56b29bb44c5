//! `web_search`: results of a search service that the operator has a key or an address for.
//!
//! Each service is one file of `search/`: what is asked, and what its answer says. Invariant: a key from the environment
//! goes to its vendor's own host and nowhere else.
mod brave;
mod perplexity;
mod provider;
mod searxng;
mod tavily;
mod terms;

pub use provider::VARIABLES;

use crate::{cache::Cache, config::Search};
use openclaw_plugin_api::{prelude::*, untrusted};
use provider::Provider;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use terms::Freshness;

/// Most characters of a query; the services take no more.
const MAX_QUERY: usize = 400;
/// Most results of one search.
const MAX_RESULTS: u8 = 10;
/// Characters of a result's description that are shown.
const MAX_DESCRIPTION: usize = 500;
/// Bytes of a service's answer.
const MAX_ANSWER: usize = 1 << 20;

/// The tool.
pub struct WebSearch {
    host: Host,
    config: Search,
    results: Cache<Answer>,
}

/// What to look for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Args {
    /// What to search for.
    query: String,
    /// How many results, 1 to 10.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10))]
    count: Option<u8>,
    /// Country of the results, two letters: DE, US.
    #[serde(default)]
    country: Option<String>,
    /// Language of the results: de, en.
    #[serde(default)]
    search_lang: Option<String>,
    /// Language of the service's own words: de-DE.
    #[serde(default)]
    ui_lang: Option<String>,
    /// How new: day, week, month, year, or 2026-01-31to2026-03-01.
    #[serde(default)]
    freshness: Option<String>,
}

/// What is asked of a service, checked.
#[derive(Debug, Clone, PartialEq)]
struct Query {
    text: String,
    count: u8,
    country: Option<String>,
    search_lang: Option<String>,
    ui_lang: Option<String>,
    freshness: Option<Freshness>,
}

/// What a service found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Answer {
    /// A text that answers the query; empty if the service writes none.
    text: String,
    results: Vec<Hit>,
}

/// One result.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Hit {
    title: String,
    url: String,
    description: String,
    /// When it was written, as the service says it.
    published: String,
}

// === impl WebSearch ===

impl WebSearch {
    /// The tool with these settings.
    pub fn new(host: Host, config: Search) -> Self {
        let results = Cache::new(config.cache_ttl_minutes);
        Self {
            host,
            config,
            results,
        }
    }

    async fn find(&self, query: Query) -> Result<(&'static str, Arc<Answer>)> {
        let provider = Provider::choose(&self.host, &self.config).await?;
        let key = format!("{} {query:?}", provider.name());
        if let Some(answer) = self.results.get(&key, Instant::now()) {
            return Ok((provider.name(), answer));
        }
        let limit = Duration::from_secs(self.config.timeout_seconds);
        let asked = provider.ask(&self.host, &query, limit);
        let mut answer = self.host.timeout(limit, asked).await??;
        answer.results.truncate(usize::from(query.count));
        let bytes = serde_json::to_string(&answer)?.len();
        Ok((
            provider.name(),
            self.results.put(key, answer, bytes, Instant::now()),
        ))
    }
}

impl Tool for WebSearch {
    const NAME: &'static str = "web_search";
    const DESCRIPTION: &'static str = "Searches the web: titles, addresses and short descriptions.";
    const IDEMPOTENT: bool = true;
    const SIDE_EFFECTS: bool = false;
    type Args = Args;

    async fn invoke(&self, args: Args, _: ToolContext) -> Result<ToolOutput> {
        if !self.config.enabled {
            let text =
                "web_search is switched off; the operator can switch it on with tools.web.search.enabled";
            return Err(Error::new(ErrorKind::Refused, text));
        }
        let query = Query::new(args, self.config.max_results)?;
        let asked = query.text.clone();
        let (provider, answer) = self.find(query).await?;
        Ok(ToolOutput {
            content: vec![Content::text(show(provider, &asked, &answer))],
            details: json!({
                "query": asked, "provider": provider, "count": answer.results.len(),
                "content": answer.text, "results": answer.results,
            }),
            is_error: false,
        })
    }
}

// === impl Query ===

impl Query {
    fn new(args: Args, usual: u8) -> Result<Self> {
        let text = args.query.trim().to_owned();
        if text.is_empty() || text.chars().count() > MAX_QUERY {
            return Err(Error::invalid(format_args!(
                "a query has 1 to {MAX_QUERY} characters"
            )));
        }
        Ok(Self {
            text,
            count: args.count.unwrap_or(usual).clamp(1, MAX_RESULTS),
            country: terms::code(args.country, "country")?.map(|code| code.to_ascii_uppercase()),
            search_lang: terms::code(args.search_lang, "search_lang")?,
            ui_lang: terms::code(args.ui_lang, "ui_lang")?,
            freshness: args.freshness.as_deref().map(Freshness::parse).transpose()?,
        })
    }
}

/// What the model sees: a list, short enough that several searches fit into a conversation.
fn show(provider: &str, query: &str, answer: &Answer) -> String {
    if answer.results.is_empty() && answer.text.is_empty() {
        return format!("nothing was found for {query:?}; try other words");
    }
    let mut text = answer.text.trim().to_owned();
    for (n, hit) in answer.results.iter().enumerate() {
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        text += &format!("\n{}. {}\n{}", n + 1, line(&hit.title), line(&hit.url));
        if !hit.published.is_empty() {
            text += &format!(" ({})", line(&hit.published));
        }
        let description: String = line(&hit.description).chars().take(MAX_DESCRIPTION).collect();
        if !description.is_empty() {
            text += &format!("\n{description}");
        }
    }
    untrusted(&format!("a search with {provider}"), text.trim())
}
