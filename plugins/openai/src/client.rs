//! The provider itself: sends one request and passes its answer on while it comes.
use crate::{
    catalog, completions, embeddings,
    errors::{self, Told},
    reader::Reader,
    responses,
    service::{Api, Service},
    vendors::{OPENAI, Vendor},
};
use openclaw_plugin_api::{
    CatalogRequest, EmbedRequest, Embeddings, FetchResponse, ModelInfo, RequestBuilder, prelude::*,
};
use std::time::Duration;

/// Time to the head of an answer: models think before they speak, and some services send no head until then.
const HEAD_TIMEOUT: Duration = Duration::from_secs(300);
/// Longest silence within an answer, for the same reason.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// Time to a catalogue.
const LIST_TIMEOUT: Duration = Duration::from_secs(20);
/// Time to the vectors of texts.
const EMBED_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest body of a refusal that is read. Bytes.
const MAX_REFUSAL: usize = 64 << 10;
/// Longest answer. Bytes.
const MAX_ANSWER: u64 = 64 << 20;

/// One provider: a vendor's rules and the way to the world.
pub struct OpenAi {
    host: Host,
    vendor: &'static Vendor,
}

/// One request on its way.
struct Exchange<'a> {
    host: &'a Host,
    service: &'a Service,
    request: &'a CompletionRequest,
    key: Option<Secret>,
}

/// An answer, or what a service says that gives none and how long it asks to wait.
type Answer = Result<FetchResponse, (Told, Option<Duration>)>;

// === impl OpenAi ===

impl OpenAi {
    /// The provider of a vendor.
    pub fn new(host: &Host, vendor: &'static Vendor) -> Self {
        Self {
            host: host.clone(),
            vendor,
        }
    }
}

impl Provider for OpenAi {
    const ID: &'static str = OPENAI.id;

    async fn complete(&self, request: CompletionRequest, out: Deltas) -> Result<Completion> {
        let service = Service::of(self.vendor, &request)?;
        let exchange = Exchange {
            host: &self.host,
            service: &service,
            request: &request,
            key: service.key(&self.host, &request).await?,
        };
        let origin = service.origin.clone();
        let mut end = match service.api {
            Api::Responses => {
                let body = responses::body(&service, &request);
                exchange
                    .run("responses", body, responses::Reader::new(origin), out)
                    .await?
            }
            Api::Completions => {
                let body = completions::body(&service, &request);
                let reader = completions::Reader::new(origin);
                exchange.run("chat/completions", body, reader, out).await?
            }
        };
        if let Some(known) = service.known.filter(|_| end.usage.cost == 0.0) {
            end.usage.cost = known.cost(&end.usage);
        }
        if end.model.is_empty() {
            end.model = request.model;
        }
        Ok(end)
    }

    async fn models(&self, request: CatalogRequest) -> Result<Vec<ModelInfo>> {
        let service = Service::at(self.vendor, &request.base_url);
        if !request.refresh {
            return Ok(if service.is_openai() {
                catalog::table()
            } else {
                Vec::new()
            });
        }
        let asker = CompletionRequest {
            credential: request.credential,
            ..CompletionRequest::default()
        };
        let exchange = Exchange {
            host: &self.host,
            service: &service,
            key: service.key(&self.host, &asker).await?,
            request: &asker,
        };
        exchange.list().await
    }

    async fn embed(&self, request: EmbedRequest) -> Result<Embeddings> {
        let service = Service::at(self.vendor, &request.base_url);
        let asker = CompletionRequest {
            credential: request.credential.clone(),
            headers: request.headers.clone(),
            ..CompletionRequest::default()
        };
        let exchange = Exchange {
            host: &self.host,
            service: &service,
            key: service.key(&self.host, &asker).await?,
            request: &asker,
        };
        exchange.embed(&request).await
    }
}

// === impl Exchange ===

impl Exchange<'_> {
    async fn run(
        &self,
        path: &str,
        mut body: Value,
        mut reader: impl Reader,
        mut out: Deltas,
    ) -> Result<Completion> {
        let answer = match self.post(path, &body).await? {
            Ok(answer) => answer,
            // Summaries need an account that proved who it is; thoughts without them need none.
            Err((told, _)) if told.is_about("reasoning.summary") && remove_summary(&mut body) => {
                tracing::info!(
                    service = self.service.name,
                    "no summaries of thoughts for this account"
                );
                let again = self.post(path, &body).await?;
                again.map_err(|(told, wait)| self.error(told, wait))?
            }
            Err((told, wait)) => return Err(self.error(told, wait)),
        };
        let json = answer
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/json"));
        if !json {
            return out.relay(answer, reader, |told| self.error(told, None)).await;
        }
        self.read_whole(answer, &mut reader, &mut out).await?;
        reader.finish().ok_or_else(|| {
            let text = format!("the answer of {} has no end; try again", self.service.name);
            Error::new(ErrorKind::Network, text)
        })
    }

    /// An answer at once, from a service that doesn't stream.
    async fn read_whole(
        &self,
        answer: FetchResponse,
        reader: &mut impl Reader,
        out: &mut Deltas,
    ) -> Result<()> {
        let whole: Value = answer.json().await?;
        let mut deltas = Vec::new();
        let outcome = reader.read_whole(&whole, &mut deltas);
        for delta in deltas {
            out.send(delta).await?;
        }
        outcome.map_err(|told| self.error(told, None))
    }

    async fn list(&self) -> Result<Vec<ModelInfo>> {
        let get = self.host.http().get(format!("{}/models", self.service.base_url));
        let answer = self.send(get.timeout(LIST_TIMEOUT)).await?;
        let answer = answer.map_err(|(told, wait)| self.error(told, wait))?;
        let list: Value = answer.json().await?;
        catalog::read_list(&list, self.service.is_openai()).ok_or_else(|| {
            let text = format!(
                "{} answered with something that is no list of models; check the address",
                self.service.name
            );
            Error::new(ErrorKind::Server, text)
        })
    }

    async fn embed(&self, request: &EmbedRequest) -> Result<Embeddings> {
        let body = embeddings::body(request, self.service.is_openai())?;
        let post = self
            .host
            .http()
            .post(format!("{}/embeddings", self.service.base_url));
        let post = post.timeout(EMBED_TIMEOUT).max_bytes(MAX_ANSWER).json(&body);
        let answer = self.send(post).await?;
        let answer = answer.map_err(|(told, wait)| self.error(told, wait))?;
        embeddings::read(&answer.json().await?, request.input.len()).ok_or_else(|| {
            let text = format!(
                "{} answered with something that is no list of embeddings; check the model and the address",
                self.service.name
            );
            Error::new(ErrorKind::Server, text)
        })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let post = self.host.http().post(format!("{}/{path}", self.service.base_url));
        let post = post
            .header("accept", "text/event-stream")
            .timeout(HEAD_TIMEOUT)
            .idle_timeout(Some(IDLE_TIMEOUT))
            .max_bytes(MAX_ANSWER)
            .json(body);
        self.send(post).await
    }

    /// Sends a request with key and headers. A key follows no redirect.
    async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let answer = self.authorized(request).redirects(0).send().await?;
        if answer.is_success() {
            return Ok(Ok(answer));
        }
        let status = answer.status();
        let wait = errors::wait_in_headers(|name| answer.header(name));
        let body = answer.bytes_up_to(MAX_REFUSAL).await.unwrap_or_default();
        Ok(Err((Told::from_body(status, &body), wait)))
    }

    fn authorized(&self, mut builder: RequestBuilder) -> RequestBuilder {
        let own = |name: &str| {
            self.request
                .headers
                .keys()
                .any(|header| header.eq_ignore_ascii_case(name))
        };
        if let Some(key) = self.key.as_ref().filter(|_| !own("authorization")) {
            builder = builder.bearer(key);
        }
        for (name, value) in &self.request.headers {
            builder = builder.header(name, value);
        }
        builder
    }

    fn error(&self, told: Told, wait: Option<Duration>) -> Error {
        let error = told.into_error(&self.service.name, self.key.as_ref(), wait);
        if error.kind() == ErrorKind::Auth && self.key.is_none() {
            let text = format!(
                "{} wants a key and none was sent; set apiKey for it under models.providers",
                self.service.name
            );
            return Error::new(ErrorKind::Auth, text);
        }
        error
    }
}

/// Takes the wish for summaries out of a body. False: there was none.
fn remove_summary(body: &mut Value) -> bool {
    let reasoning = body.get_mut("reasoning").and_then(Value::as_object_mut);
    reasoning.is_some_and(|reasoning| reasoning.remove("summary").is_some())
}
