//! The provider itself: sends one request and passes its answer on while it comes.
//!
//! Invariant: a key of the environment goes to the vendor and nowhere else.
use crate::{catalog, embeddings, errors::Told, stream::Reader, wire};
use openclaw_plugin_api::{
    CatalogRequest, EmbedRequest, Embeddings, FetchResponse, ModelInfo, RequestBuilder, prelude::*,
};
use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

/// The vendor's host.
pub const HOST: &str = "generativelanguage.googleapis.com";
/// Variables with keys, the first that is set counts.
pub const KEYS: &[&str] = &["GEMINI_API_KEY", "GOOGLE_API_KEY"];

const BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";
const KEY_HEADER: &str = "x-goog-api-key";

/// Time to the head of an answer: models think before they speak.
const HEAD_TIMEOUT: Duration = Duration::from_secs(300);
/// Longest silence within an answer: there are no pings, and thoughts come in large pieces.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// Time to a catalogue.
const LIST_TIMEOUT: Duration = Duration::from_secs(20);
/// Time to the vectors of some texts.
const EMBED_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest body of a refusal that is read. Bytes.
const MAX_REFUSAL: usize = 64 << 10;
/// Longest answer. Bytes.
const MAX_ANSWER: u64 = 64 << 20;

/// The provider.
pub struct Google {
    host: Host,
}

/// Where a request goes, and with which key.
struct Service<'a> {
    base_url: String,
    key: Option<Secret>,
    headers: &'a BTreeMap<String, String>,
}

impl Google {
    /// The provider in this host.
    pub fn new(host: &Host) -> Self {
        Self { host: host.clone() }
    }
}

impl Provider for Google {
    const ID: &'static str = "google";

    async fn complete(&self, request: CompletionRequest, mut out: Deltas) -> Result<Completion> {
        let model = id_of(&request.model)?;
        let credential = request.credential.clone();
        let service = Service::new(&self.host, &request.base_url, credential, &request.headers).await?;
        let url = format!(
            "{}/models/{model}:streamGenerateContent?alt=sse",
            service.base_url
        );
        let post = self.host.http().post(url);
        let post = post
            .timeout(HEAD_TIMEOUT)
            .idle_timeout(Some(IDLE_TIMEOUT))
            .max_bytes(MAX_ANSWER)
            .json(&wire::body(&request));
        let answer = service.send(post).await?;
        let stamp = UNIX_EPOCH.elapsed().map_or(0, |now| now.as_millis());
        let error = |told: Told| told.into_error(service.key.as_ref());
        out.relay(answer, Reader::new(&request.model, stamp), error).await
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
            .get(format!("{}/models?pageSize=1000", service.base_url));
        let list: Value = service.send(get.timeout(LIST_TIMEOUT)).await?.json().await?;
        catalog::read_list(&list).ok_or_else(|| {
            Error::new(
                ErrorKind::Server,
                "the service answered with something that is no list of models; check the address",
            )
        })
    }

    async fn embed(&self, request: EmbedRequest) -> Result<Embeddings> {
        let model = match request.model.as_str() {
            "" => embeddings::USUAL,
            named => id_of(named)?,
        };
        let credential = request.credential.clone();
        let service = Service::new(&self.host, &request.base_url, credential, &request.headers).await?;
        let url = format!("{}/models/{model}:batchEmbedContents", service.base_url);
        let mut made = Embeddings {
            model: model.to_owned(),
            ..Embeddings::default()
        };
        for texts in request.input.chunks(embeddings::MAX_TEXTS) {
            let body = embeddings::body(model, texts, request.dimensions);
            let post = self.host.http().post(url.as_str()).timeout(EMBED_TIMEOUT);
            let answer = service.send(post.max_bytes(MAX_ANSWER).json(&body)).await?;
            let vectors = embeddings::read(&answer.json().await?, texts.len(), request.dimensions.is_some());
            made.vectors.extend(vectors.ok_or_else(|| {
                Error::new(
                    ErrorKind::Server,
                    "the service answered with something that is no list of embeddings; check the model and the address",
                )
            })?);
        }
        Ok(made)
    }
}

/// A model's id as a part of an address.
fn id_of(model: &str) -> Result<&str> {
    let model = model.trim_start_matches("models/");
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    if model.is_empty() || !model.chars().all(fits) || model.contains("..") {
        return Err(Error::invalid(
            "the model's id has characters that no id of Gemini has; change it",
        ));
    }
    Ok(model)
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
            url => url,
        };
        let mut key = credential.filter(|key| !key.is_empty());
        if key.is_none() && base_url == BASE_URL && !has_key(headers) {
            key = Some(key_of_environment(host).await?);
        }
        Ok(Self {
            base_url: base_url.to_owned(),
            key,
            headers,
        })
    }

    /// Sends a request with key and headers. A key follows no redirect.
    async fn send(&self, mut request: RequestBuilder) -> Result<FetchResponse> {
        if let Some(key) = self.key.as_ref().filter(|_| !has_key(self.headers)) {
            request = request.header(KEY_HEADER, key.expose());
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let answer = request.redirects(0).send().await?;
        if answer.is_success() {
            return Ok(answer);
        }
        let (status, wait) = (answer.status(), answer.retry_after());
        let body = answer.bytes_up_to(MAX_REFUSAL).await.unwrap_or_default();
        Err(Told::from_answer(status, &body, wait).into_error(self.key.as_ref()))
    }
}

fn has_key(headers: &BTreeMap<String, String>) -> bool {
    let keys = ["authorization", KEY_HEADER];
    headers
        .keys()
        .any(|name| keys.iter().any(|key| name.eq_ignore_ascii_case(key)))
}

async fn key_of_environment(host: &Host) -> Result<Secret> {
    host.first_secret(KEYS).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Auth,
            "there is no key for google; set GEMINI_API_KEY, or apiKey in models.providers.google",
        )
    })
}
