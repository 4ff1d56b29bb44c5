//! HTTP through the host: its connection pool, its TLS, its limits. The plugin reaches the hosts that its manifest
//! declares and no others.
use super::{
    Multipart, multipart,
    streamed::{Streamed, beside},
};
use crate::{Error, ErrorKind, Feed, Host, HttpHead, Result, Source, abi::source_pair};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;

/// What [`FetchResponse::bytes`] and its like take at most, unless told otherwise. Bytes.
const DEFAULT_BODY_LIMIT: usize = 16 << 20;
/// Pieces of a body that wait to be sent.
const PIECES: usize = 4;
/// What is kept of the body of an error.
const ERROR_BODY_LIMIT: usize = 64 << 10;

/// Begins requests; see [`Host::http`].
#[derive(Debug, Clone)]
pub struct Fetch {
    host: Host,
}

/// A request that is being put together.
#[derive(Debug)]
pub struct RequestBuilder {
    host: Host,
    request: HttpRequest,
    body: Body,
    error: Option<Error>,
}

/// The head of a request as it crosses the boundary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HttpRequest {
    /// `GET` by default.
    pub method: String,
    /// `http://` or `https://`.
    pub url: String,
    /// In order; names may repeat.
    pub headers: Vec<(String, String)>,
    /// The URL comes from a message, a model or a tool: only public addresses, checked at every hop.
    pub untrusted: bool,
    /// Time to the head of the answer, milliseconds. 30,000 by default.
    pub timeout_ms: u64,
    /// Longest silence in the body of the answer, milliseconds. 60,000 by default; 0 means no limit (long polls).
    pub idle_timeout_ms: u64,
    /// Longest body of the answer, bytes. 64 MiB by default.
    pub max_bytes: u64,
    /// How many redirects to follow. 3 by default.
    pub redirects: u8,
    /// Send through this HTTP proxy; empty for the gateway's own setting.
    pub proxy: String,
    /// Bytes of the body, where they are known before it is sent. Some servers take no other bodies.
    pub content_length: Option<u64>,
}

/// The body of a request.
#[derive(Debug, Default)]
enum Body {
    #[default]
    Empty,
    Bytes(Vec<u8>),
    Stream(Source),
    Form(Multipart, String),
}

/// An answer whose body is still on its way. Dropping it closes the request.
#[derive(Debug)]
pub struct FetchResponse {
    head: HttpHead,
    stream: Streamed,
}

impl Default for HttpRequest {
    fn default() -> Self {
        Self {
            method: "GET".into(),
            url: String::new(),
            headers: Vec::new(),
            untrusted: false,
            timeout_ms: 30_000,
            idle_timeout_ms: 60_000,
            max_bytes: 64 << 20,
            redirects: 3,
            proxy: String::new(),
            content_length: None,
        }
    }
}

// === impl Fetch ===

impl Fetch {
    pub(super) fn new(host: Host) -> Self {
        Self { host }
    }

    /// A request with any method.
    pub fn request(&self, method: &str, url: impl Into<String>) -> RequestBuilder {
        let request = HttpRequest {
            method: method.into(),
            url: url.into(),
            ..HttpRequest::default()
        };
        RequestBuilder {
            host: self.host.clone(),
            request,
            body: Body::Empty,
            error: None,
        }
    }

    /// A `GET`.
    pub fn get(&self, url: impl Into<String>) -> RequestBuilder {
        self.request("GET", url)
    }

    /// A `POST`.
    pub fn post(&self, url: impl Into<String>) -> RequestBuilder {
        self.request("POST", url)
    }
}

// === impl RequestBuilder ===

impl RequestBuilder {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.request.headers.push((name.into(), value.into()));
        self
    }

    /// Adds `Authorization: Bearer …`.
    pub fn bearer(self, token: &crate::Secret) -> Self {
        self.header("authorization", format!("Bearer {}", token.expose()))
    }

    /// The URL comes from a message, a model or a tool.
    pub fn untrusted(mut self) -> Self {
        self.request.untrusted = true;
        self
    }

    /// Time to the head of the answer.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.request.timeout_ms = ms(limit);
        self
    }

    /// Longest silence in the body of the answer; `None` for long polls.
    pub fn idle_timeout(mut self, limit: Option<Duration>) -> Self {
        self.request.idle_timeout_ms = limit.map_or(0, ms);
        self
    }

    /// Longest body of the answer. Bytes.
    pub fn max_bytes(mut self, limit: u64) -> Self {
        self.request.max_bytes = limit;
        self
    }

    /// How many redirects to follow.
    pub fn redirects(mut self, hops: u8) -> Self {
        self.request.redirects = hops;
        self
    }

    /// Send through this HTTP proxy.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.request.proxy = url.into();
        self
    }

    /// Sends JSON.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self.body = Body::Bytes(json),
            Err(error) => self.error = Some(error.into()),
        }
        self.header("content-type", "application/json")
    }

    /// Sends bytes.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Bytes(bytes.into());
        self
    }

    /// Sends what is written into the [`Feed`], as it comes.
    pub fn stream(mut self) -> (Self, Feed) {
        let (feed, source) = source_pair(PIECES);
        self.body = Body::Stream(source);
        (self, feed)
    }

    /// Sends a form with files, as `multipart/form-data`.
    pub fn multipart(mut self, form: Multipart) -> Self {
        let boundary = multipart::boundary();
        let kind = format!("multipart/form-data; boundary={boundary}");
        self.body = Body::Form(form, boundary);
        self.header("content-type", kind)
    }

    /// Sends the request and waits for the head of the answer, whatever its status.
    pub async fn send(mut self) -> Result<FetchResponse> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if let Body::Bytes(bytes) = &self.body {
            self.request.content_length = Some(bytes.len() as u64);
        }
        let head = serde_json::to_vec(&self.request)?;
        let mut form = None;
        let input = match self.body {
            Body::Empty => None,
            Body::Stream(source) => Some(source),
            Body::Bytes(bytes) => {
                let (mut feed, source) = source_pair(1);
                feed.send(Ok(bytes)).await;
                Some(source)
            }
            Body::Form(parts, boundary) => {
                let (feed, source) = source_pair(PIECES);
                // In a box: most requests have no form, and should not be as large as one.
                form = Some(Box::pin(parts.write(boundary, self.host.clone(), feed)));
                Some(source)
            }
        };
        let mut stream = Streamed::start(&self.host, super::host_ids::HTTP, "", head, input);
        let head = stream.head("the request");
        let head = match form {
            None => head.await,
            Some(form) => beside(head, form).await,
        };
        let head = serde_json::from_slice(&head?)?;
        Ok(FetchResponse { head, stream })
    }
}

// === impl FetchResponse ===

impl FetchResponse {
    /// Status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// 200 to 299?
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.head.status)
    }

    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// How long the other side asks to wait (`retry-after`, seconds).
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds: f64 = self.header("retry-after")?.trim().parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// The next piece of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        self.stream.next().await
    }

    /// The whole body, at most 16 MiB of it.
    pub async fn bytes(self) -> Result<Vec<u8>> {
        self.bytes_up_to(DEFAULT_BODY_LIMIT).await
    }

    /// The whole body, or an error if it is longer.
    pub async fn bytes_up_to(mut self, limit: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        let mut pieces = 0_usize;
        while let Some(chunk) = self.chunk().await? {
            pieces += 1;
            // one that comes without a pause must not keep the thread that others are polled on
            if pieces % 16 == 0 {
                give_way().await;
            }
            if body.len() + chunk.len() > limit {
                return Err(Error::new(
                    ErrorKind::Refused,
                    format_args!("the answer is longer than {limit} bytes"),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The whole body as text; what is not UTF-8 is replaced.
    pub async fn text(self) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes().await?).into_owned())
    }

    /// The whole body as JSON.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let status = self.status();
        let body = self.bytes().await?;
        serde_json::from_slice(&body).map_err(|e| {
            Error::new(
                ErrorKind::Server,
                format_args!("an answer with status {status} is not the JSON expected: {e}"),
            )
        })
    }

    /// The answer if it is a success; else an error by status, with `retry-after` and the beginning of the body.
    pub async fn error_for_status(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let (status, wait) = (self.status(), self.retry_after());
        let body = self.bytes_up_to(ERROR_BODY_LIMIT).await.unwrap_or_default();
        let text: String = String::from_utf8_lossy(&body).chars().take(300).collect();
        let error = Error::new(
            ErrorKind::of_status(status),
            format_args!("status {status}: {text}"),
        )
        .with("status", status);
        Err(match wait {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        })
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Lets others have their turn.
async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut given, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
