//! The protocol over HTTP, through the host: its pool, its TLS, its limits, and only to addresses that the operator wrote.
use crate::stdio::MAX_LINE;
use ::http::{HeaderName, HeaderValue};
use futures_util::{StreamExt, stream};
use openclaw_plugin_api::{
    Error, FetchResponse, Host, RequestBuilder,
    sse::{Decoder, Event},
};
use rmcp::{
    model::ClientJsonRpcMessage,
    transport::streamable_http_client::{
        SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
    },
};
use sse_stream::Sse;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Header of a session.
const SESSION: &str = "mcp-session-id";
/// Bytes of all that a stream of events may bring while it is open.
const MAX_STREAM: u64 = 1 << 30;
/// What is said of a server that lets nobody in without a token. A login would need a client of its own beside the
/// host's, and a browser.
pub const WANTS_TOKEN: &str = "the server wants a token, or another one (status 401); logging in by OAuth is not supported: have \
    its operator give you a token, and set headers.Authorization of the server to \"Bearer <token>\", which may be a \
    secret's reference";
/// What a server may answer with.
const ACCEPT: &str = "application/json, text/event-stream";

/// What the host says went wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failed(String);

type Outcome<T> = Result<T, StreamableHttpError<Failed>>;
type Events = stream::BoxStream<'static, Result<Sse, SseError>>;

/// Sends the protocol's requests through the host.
#[derive(Clone)]
pub struct ThroughHost {
    host: Host,
    timeout: Duration,
}

// === impl ThroughHost ===

impl ThroughHost {
    /// With this time to the head of each answer.
    pub fn new(host: Host, timeout: Duration) -> Self {
        Self { host, timeout }
    }

    async fn send(
        &self,
        request: RequestBuilder,
        session: Option<Arc<str>>,
        auth: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Outcome<FetchResponse> {
        let mut request = request
            .header("accept", ACCEPT)
            .redirects(0)
            .timeout(self.timeout)
            .idle_timeout(None)
            .max_bytes(MAX_STREAM);
        if let Some(session) = session {
            request = request.header(SESSION, session.to_string());
        }
        if let Some(auth) = auth {
            request = request.header("authorization", format!("Bearer {auth}"));
        }
        for (name, value) in headers {
            if let Ok(value) = value.to_str() {
                request = request.header(name.as_str(), value);
            }
        }
        let response = request.send().await.map_err(client)?;
        match response.status() {
            200..=299 | 404 | 405 => Ok(response),
            401 => Err(StreamableHttpError::Client(Failed(WANTS_TOKEN.to_owned()))),
            status => {
                let text = format!("the server answered with status {status}");
                Err(StreamableHttpError::Client(Failed(text)))
            }
        }
    }
}

impl StreamableHttpClient for ThroughHost {
    type Error = Failed;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Outcome<StreamableHttpPostResponse> {
        let had_session = session_id.is_some();
        let request = self.host.http().post(uri.as_ref()).json(&message);
        let response = self
            .send(request, session_id, auth_header, custom_headers)
            .await?;
        let session = response.header(SESSION).map(str::to_owned);
        let kind = response
            .header("content-type")
            .unwrap_or_default()
            .to_ascii_lowercase();
        match response.status() {
            404 if had_session => return Err(StreamableHttpError::SessionExpired),
            202 | 204 => return Ok(StreamableHttpPostResponse::Accepted),
            200..=299 => {}
            status => {
                let text = format!("the server answered with status {status}");
                return Err(StreamableHttpError::UnexpectedServerResponse(text.into()));
            }
        }
        if kind.starts_with("text/event-stream") {
            return Ok(StreamableHttpPostResponse::Sse(events(response), session));
        }
        if !kind.starts_with("application/json") {
            return Err(StreamableHttpError::UnexpectedContentType(Some(
                kind.chars().take(80).collect(),
            )));
        }
        let body = response.bytes_up_to(MAX_LINE).await.map_err(client)?;
        Ok(StreamableHttpPostResponse::Json(
            serde_json::from_slice(&body)?,
            session,
        ))
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Outcome<()> {
        let request = self.host.http().request("DELETE", uri.as_ref());
        // a server that keeps its sessions to itself says 405
        self.send(request, Some(session_id), auth_header, custom_headers)
            .await
            .map(drop)
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Outcome<Events> {
        let mut request = self.host.http().get(uri.as_ref());
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = self
            .send(request, session_id, auth_header, custom_headers)
            .await?;
        if !response.is_success() {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        let kind = response.header("content-type").unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(StreamableHttpError::UnexpectedContentType(Some(
                kind.chars().take(80).collect(),
            )));
        }
        Ok(events(response))
    }
}

fn client(error: Error) -> StreamableHttpError<Failed> {
    StreamableHttpError::Client(Failed(error.to_string()))
}

/// The events of an answer. One that is larger than a message may be ends the stream.
fn events(response: FetchResponse) -> Events {
    let state = (response, Decoder::with_limit(MAX_LINE));
    stream::unfold(Some(state), |state| async move {
        let (mut response, mut decoder) = state?;
        loop {
            if let Some(event) = decoder.next_event() {
                return Some((Ok(event_of(event)), Some((response, decoder))));
            }
            let fed = match response.chunk().await {
                Ok(Some(piece)) => decoder.push(&piece),
                Ok(None) => return decoder.finish().map(|event| (Ok(event_of(event)), None)),
                Err(error) => Err(error),
            };
            if let Err(error) = fed {
                return Some((Err(SseError::Body(Box::new(Failed(error.to_string())))), None));
            }
        }
    })
    .boxed()
}

fn event_of(event: Event) -> Sse {
    Sse {
        event: Some(event.event).filter(|name| !name.is_empty()),
        data: Some(event.data),
        id: None,
        retry: None,
    }
}
