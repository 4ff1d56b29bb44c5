//! Which service is asked, and with which key.
use super::{Answer, MAX_ANSWER, Query, brave, perplexity, searxng, tavily};
use crate::config::{Search, Service};
use openclaw_plugin_api::{FetchResponse, RequestBuilder, prelude::*};
use std::time::Duration;
use url::Url;

/// Variables of the environment that a service is known by.
pub const VARIABLES: &[&str] = &[
    BRAVE.variable,
    TAVILY.variable,
    PERPLEXITY.variable,
    OPENROUTER,
    SEARXNG.variable,
];

/// OpenRouter serves Perplexity's models too.
const OPENROUTER: &str = "OPENROUTER_API_KEY";

/// What is known of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Vendor {
    name: &'static str,
    variable: &'static str,
    base_url: &'static str,
}

const BRAVE: Vendor = Vendor {
    name: "brave",
    variable: "BRAVE_API_KEY",
    base_url: "https://api.search.brave.com/res/v1",
};
const TAVILY: Vendor = Vendor {
    name: "tavily",
    variable: "TAVILY_API_KEY",
    base_url: "https://api.tavily.com",
};
const PERPLEXITY: Vendor = Vendor {
    name: "perplexity",
    variable: "PERPLEXITY_API_KEY",
    base_url: "https://api.perplexity.ai",
};
/// Its variable holds an address; it needs no key.
const SEARXNG: Vendor = Vendor {
    name: "searxng",
    variable: "SEARXNG_BASE_URL",
    base_url: "",
};
/// In the order in which they are looked at.
const VENDORS: [Vendor; 4] = [BRAVE, TAVILY, PERPLEXITY, SEARXNG];

/// A service with what it takes to ask it.
#[derive(Debug)]
pub struct Provider {
    vendor: Vendor,
    pub(super) base_url: String,
    pub(super) key: Option<Secret>,
    pub(super) model: Option<String>,
}

// === impl Provider ===

impl Provider {
    /// The configured one, or the first that has what it needs.
    pub async fn choose(host: &Host, config: &Search) -> Result<Self> {
        let wanted = config
            .provider
            .as_deref()
            .map(str::trim)
            .filter(|name| !name.is_empty() && *name != "auto");
        if let Some(name) = wanted {
            let vendor = VENDORS
                .into_iter()
                .find(|vendor| vendor.name.eq_ignore_ascii_case(name));
            let vendor = vendor.ok_or_else(|| {
                let text = format!(
                    "tools.web.search.provider is {name:?}, which this plugin does not know; it knows brave, tavily, \
                     perplexity and searxng"
                );
                Error::new(ErrorKind::Config, text)
            })?;
            return Self::of(host, config, vendor)
                .await?
                .ok_or_else(|| without(vendor));
        }
        for vendor in VENDORS {
            if let Some(found) = Self::of(host, config, vendor).await? {
                return Ok(found);
            }
        }
        let text = "no search service is set up: set BRAVE_API_KEY, TAVILY_API_KEY or PERPLEXITY_API_KEY in the \
                    environment, or tools.web.search.provider and tools.web.search.apiKey, or \
                    tools.web.search.searxng.baseUrl";
        Err(Error::new(ErrorKind::Config, text))
    }

    /// This service, if it has what it needs.
    async fn of(host: &Host, config: &Search, vendor: Vendor) -> Result<Option<Self>> {
        let service = config.service(vendor);
        let address = service
            .base_url
            .as_deref()
            .map(str::trim)
            .filter(|url| !url.is_empty());
        let chosen = config
            .provider
            .as_deref()
            .is_some_and(|name| name.trim().eq_ignore_ascii_case(vendor.name));
        // the key beside `provider` is Brave's where no provider is named, as it always was
        let shared = config
            .api_key
            .as_ref()
            .filter(|_| chosen || config.provider.is_none() && vendor == BRAVE);
        let mut key = service
            .api_key
            .as_ref()
            .or(shared)
            .filter(|key| !key.is_empty())
            .cloned();
        if vendor == SEARXNG {
            let address = match address {
                Some(address) => Some(address.to_owned()),
                None => host
                    .secret(vendor.variable)
                    .await?
                    .map(|address| address.expose().trim().to_owned()),
            };
            return Ok(address.map(|base_url| Self::new(vendor, base_url, key, service)));
        }
        if key.is_none() && address.is_none() {
            let others: &[_] = if vendor == PERPLEXITY { &[OPENROUTER] } else { &[] };
            let variables = [&[vendor.variable], others].concat();
            key = host.first_secret(&variables).await?;
        }
        let Some(key) = key else {
            return Ok(None);
        };
        let vendors_own = match vendor {
            PERPLEXITY if key.expose().starts_with("sk-or-") => perplexity::OPENROUTER_URL,
            _ => vendor.base_url,
        };
        let base_url = address.unwrap_or(vendors_own).to_owned();
        Ok(Some(Self::new(vendor, base_url, Some(key), service)))
    }

    fn new(vendor: Vendor, base_url: String, key: Option<Secret>, service: &Service) -> Self {
        Self {
            vendor,
            base_url: base_url.trim_end_matches('/').to_owned(),
            key,
            model: service.model.clone(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.vendor.name
    }

    /// Asks it.
    pub async fn ask(&self, host: &Host, query: &Query, limit: Duration) -> Result<Answer> {
        let request = match self.vendor.name {
            "brave" => brave::request(self, host, query)?,
            "tavily" => tavily::request(self, host, query)?,
            "perplexity" => perplexity::request(self, host, query)?,
            _ => searxng::request(self, host, query)?,
        };
        let answer = self.send(request, limit).await?;
        Ok(match self.vendor.name {
            "brave" => brave::answer(&answer),
            "tavily" => tavily::answer(&answer),
            "perplexity" => perplexity::answer(&answer),
            _ => searxng::answer(&answer),
        })
    }

    /// `<address>/<path>?<query>`
    pub(super) fn url(&self, path: &str, pairs: &[(&str, &str)]) -> Result<Url> {
        let mut url = Url::parse(&format!("{}/{path}", self.base_url)).map_err(|e| {
            let text = format!("the address of {} in the configuration is none: {e}", self.name());
            Error::new(ErrorKind::Config, text)
        })?;
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        Ok(url)
    }

    async fn send(&self, request: RequestBuilder, limit: Duration) -> Result<Value> {
        let response = request
            .header("accept", "application/json")
            .timeout(limit)
            .idle_timeout(Some(limit))
            .max_bytes(MAX_ANSWER as u64)
            .redirects(0)
            .send()
            .await?;
        let response = response
            .error_for_status()
            .await
            .map_err(|error| self.explain(&error))?;
        parse(response).await.map_err(|error| {
            let text = format!("{} did not answer with results: {}", self.name(), error.message());
            Error::new(error.kind(), text)
        })
    }

    /// What an error of the service means for whoever has to do something. Its own words stay out: they may repeat a key.
    fn explain(&self, error: &Error) -> Error {
        let name = self.name();
        let text = match error.kind() {
            ErrorKind::Auth => format!("{name} does not take the key; check it in {}", self.place()),
            ErrorKind::Billing => format!("the account with {name} is used up"),
            ErrorKind::RateLimited => {
                format!("{name} takes no more searches for now; wait, or use another service")
            }
            ErrorKind::NotFound => format!("{name} is not at the address in the configuration"),
            ErrorKind::InvalidInput => {
                format!("{name} does not take this query; leave out options or shorten it")
            }
            _ => format!("{name} could not be searched"),
        };
        Error::new(error.kind(), text)
    }

    fn place(&self) -> String {
        format!("tools.web.search or {}", self.vendor.variable)
    }
}

impl Search {
    fn service(&self, vendor: Vendor) -> &Service {
        match vendor.name {
            "brave" => &self.brave,
            "tavily" => &self.tavily,
            "perplexity" => &self.perplexity,
            _ => &self.searxng,
        }
    }
}

async fn parse(response: FetchResponse) -> Result<Value> {
    let body = response.bytes_up_to(MAX_ANSWER).await?;
    serde_json::from_slice(&body).map_err(|_| Error::new(ErrorKind::Server, "it is not the JSON expected"))
}

fn without(vendor: Vendor) -> Error {
    let name = vendor.name;
    let needs = match vendor {
        SEARXNG => format!("tools.web.search.{name}.baseUrl or {}", vendor.variable),
        _ => format!("tools.web.search.{name}.apiKey or {}", vendor.variable),
    };
    Error::new(
        ErrorKind::Config,
        format_args!("{name} is to be searched with, and has no key or address: set {needs}"),
    )
}
