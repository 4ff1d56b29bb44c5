//! The provider itself: sends one request and passes its answer on while it comes.
//!
//! Invariant: a key of the environment goes to the vendor and nowhere else.
use crate::{catalog, errors::Told, stream::Reader, wire};
use openclaw_plugin_api::{CatalogRequest, FetchResponse, ModelInfo, RequestBuilder, prelude::*};
use std::{collections::BTreeMap, time::Duration};

/// The vendor's host.
pub const HOST: &str = "api.anthropic.com";
/// Variables with keys, the first that is set counts.
pub const KEYS: &[&str] = &["ANTHROPIC_OAUTH_TOKEN", "ANTHROPIC_API_KEY"];

const BASE_URL: &str = "https://api.anthropic.com";
const VERSION: &str = "2023-06-01";
/// Abilities that only the vendor itself is asked for.
const BETAS: &[&str] = &[
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
];
/// What a token of an account needs besides.
const TOKEN_BETA: &str = "oauth-2025-04-20";
/// What tokens of accounts have in them, and keys don't.
const TOKEN_MARK: &str = "sk-ant-oat";

/// Time to the head of an answer: some services send none until the model has thought.
const HEAD_TIMEOUT: Duration = Duration::from_secs(300);
/// Longest silence within an answer. The vendor itself sends pings.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Time to a catalogue.
const LIST_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest body of a refusal that is read. Bytes.
const MAX_REFUSAL: usize = 64 << 10;
/// Longest answer. Bytes.
const MAX_ANSWER: u64 = 64 << 20;

/// The provider.
pub struct Anthropic {
    host: Host,
}

/// Where a request goes, and with which key.
struct Service<'a> {
    base_url: String,
    official: bool,
    key: Option<Secret>,
    headers: &'a BTreeMap<String, String>,
}

impl Anthropic {
    /// The provider in this host.
    pub fn new(host: &Host) -> Self {
        Self { host: host.clone() }
    }
}

impl Provider for Anthropic {
    const ID: &'static str = "anthropic";

    async fn complete(&self, request: CompletionRequest, mut out: Deltas) -> Result<Completion> {
        let credential = request.credential.clone();
        let service = Service::new(&self.host, &request.base_url, credential, &request.headers).await?;
        let body = wire::body(&request, service.official);
        let post = self.host.http().post(format!("{}/v1/messages", service.base_url));
        let post = post
            .header("accept", "text/event-stream")
            .timeout(HEAD_TIMEOUT)
            .idle_timeout(Some(IDLE_TIMEOUT))
            .max_bytes(MAX_ANSWER)
            .json(&body);
        let answer = service.send(post).await?;
        let error = |told: Told| told.into_error(service.key.as_ref());
        out.relay(answer, Reader::new(&request.model), error).await
    }

    async fn models(&self, request: CatalogRequest) -> Result<Vec<ModelInfo>> {
        if !request.refresh {
            return Ok(catalog::table());
        }
        let none = BTreeMap::new();
        let service = Service::new(&self.host, &request.base_url, request.credential, &none).await?;
        let get = self
            .host
            .http()
            .get(format!("{}/v1/models?limit=1000", service.base_url));
        let list: Value = service.send(get.timeout(LIST_TIMEOUT)).await?.json().await?;
        catalog::read_list(&list).ok_or_else(|| {
            Error::new(
                ErrorKind::Server,
                "the service answered with something that is no list of models; check the address",
            )
        })
    }
}

// === impl Service ===

impl<'a> Service<'a> {
    async fn new(
        host: &Host,
        base_url: &str,
        credential: Option<Secret>,
        headers: &'a BTreeMap<String, String>,
    ) -> Result<Self> {
        let base_url = match base_url.trim_end_matches('/') {
            "" => BASE_URL,
            url => url.strip_suffix("/v1").unwrap_or(url),
        };
        let official = base_url == BASE_URL;
        let mut key = credential.filter(|key| !key.is_empty());
        if key.is_none() && official && !has_key(headers) {
            key = Some(key_of_environment(host).await?);
        }
        Ok(Self {
            base_url: base_url.to_owned(),
            official,
            key,
            headers,
        })
    }

    /// Sends a request with key and headers. A key follows no redirect.
    async fn send(&self, request: RequestBuilder) -> Result<FetchResponse> {
        let answer = self.authorized(request).redirects(0).send().await?;
        if answer.is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let names = ["retry-after", "retry-after-ms"];
        let headers = names.map(|name| (name, answer.header(name).map(str::to_owned)));
        let body = answer.bytes_up_to(MAX_REFUSAL).await.unwrap_or_default();
        let told = Told::from_answer(status, &body, |name| {
            let found = headers.iter().find(|(header, _)| *header == name);
            found.and_then(|(_, value)| value.as_deref())
        });
        let error = told.into_error(self.key.as_ref());
        if error.kind() == ErrorKind::Auth && self.key.is_none() && !has_key(self.headers) {
            let text = "this service wants a key and none was sent; set apiKey for it under models.providers";
            return Err(Error::new(ErrorKind::Auth, text));
        }
        Err(error)
    }

    fn authorized(&self, mut request: RequestBuilder) -> RequestBuilder {
        let mut betas: Vec<&str> = if self.official { BETAS.to_vec() } else { Vec::new() };
        request = request.header("anthropic-version", VERSION);
        if let Some(key) = self.key.as_ref().filter(|_| !has_key(self.headers)) {
            if key.expose().contains(TOKEN_MARK) {
                betas.push(TOKEN_BETA);
                request = request.bearer(key);
            } else {
                request = request.header("x-api-key", key.expose());
            }
        }
        for (name, value) in self.headers {
            if name.eq_ignore_ascii_case("anthropic-beta") {
                betas.push(value);
            } else {
                request = request.header(name, value);
            }
        }
        if betas.is_empty() {
            return request;
        }
        request.header("anthropic-beta", betas.join(","))
    }
}

fn has_key(headers: &BTreeMap<String, String>) -> bool {
    let keys = ["authorization", "x-api-key"];
    headers
        .keys()
        .any(|name| keys.iter().any(|key| name.eq_ignore_ascii_case(key)))
}

async fn key_of_environment(host: &Host) -> Result<Secret> {
    host.first_secret(KEYS).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Auth,
            "there is no key for anthropic; set ANTHROPIC_API_KEY, or apiKey in models.providers.anthropic",
        )
    })
}
