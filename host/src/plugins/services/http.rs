//! `http.fetch`: the plugin's requests through the one outbound client, under the plugin's egress policy.
use super::{Context, Request};
use crate::http::{self, Body, Origin, Proxy};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use openclaw_plugin_api::{Error, ErrorKind, HttpHead, HttpRequest, Result, Source};
use std::time::Duration;

pub(super) async fn fetch(context: &Context, mut request: Request) -> Result<Vec<u8>> {
    let head: HttpRequest = request.record()?;
    let mut out = request.take_out()?;
    let outbound = outbound(head, request.input.take()).await?;
    let mut response = context
        .services()
        .http
        .send(context.egress(), outbound)
        .await
        .map_err(error)?;
    let head = HttpHead {
        status: response.status(),
        headers: response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
    };
    let mut open = out.send(&serde_json::to_vec(&head)?).await;
    while open {
        match response.chunk().await.map_err(error)? {
            Some(chunk) => open = out.send(&chunk).await,
            None => break,
        }
    }
    Ok(Vec::new())
}

async fn outbound(head: HttpRequest, input: Option<Source>) -> Result<http::Request> {
    let mut outbound = http::Request::new(head.method, head.url, origin(head.untrusted));
    outbound.headers = head
        .headers
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    outbound.deadline = Duration::from_millis(head.timeout_ms);
    outbound.idle_timeout = (head.idle_timeout_ms > 0).then(|| Duration::from_millis(head.idle_timeout_ms));
    outbound.max_response_bytes = head.max_bytes;
    outbound.redirects = head.redirects;
    outbound.proxy = proxy(&head.proxy)?;
    outbound.body = body(input).await?;
    Ok(outbound)
}

/// A body that came in one piece is sent as one, so that it has a length and can be repeated for a redirect.
async fn body(input: Option<Source>) -> Result<Body> {
    let Some(mut source) = input else {
        return Ok(Body::None);
    };
    let first = match source.next().await {
        None => return Ok(Body::None),
        Some(first) => first.map_err(|fault| Error::from_fault(&fault))?,
    };
    let second = match source.next().now_or_never() {
        Some(None) => return Ok(Body::Bytes(first.into())),
        Some(Some(second)) => Some(second),
        None => None,
    };
    let head = stream::iter([Ok(first)].into_iter().chain(second));
    let rest = stream::unfold(source, |mut source| async move {
        Some((source.next().await?, source))
    });
    let all = head
        .chain(rest)
        .map(|item| item.map(Bytes::from).map_err(Into::into));
    Ok(Body::Stream(Box::pin(all)))
}

pub(super) fn origin(untrusted: bool) -> Origin {
    if untrusted {
        Origin::Untrusted
    } else {
        Origin::Trusted
    }
}

pub(super) fn proxy(text: &str) -> Result<Option<Proxy>> {
    if text.is_empty() {
        return Ok(None);
    }
    Proxy::parse(text).map(Some).map_err(error)
}

/// The kind decides what the plugin and the host do next; the text is already free of secrets.
pub(super) fn error(error: http::Error) -> Error {
    use http::Error as E;
    let kind = match &error {
        E::InvalidUrl { .. } | E::InvalidRequest { .. } => ErrorKind::InvalidInput,
        E::Refused { .. } | E::Guard { .. } | E::TooLarge { .. } => ErrorKind::Refused,
        E::Timeout { .. } => ErrorKind::Timeout,
        E::Upload { .. } => ErrorKind::Cancelled,
        E::NotUpgraded {
            status: 401 | 403, ..
        } => ErrorKind::Auth,
        E::NotUpgraded { status: 429, .. } => ErrorKind::RateLimited,
        E::NotUpgraded { status: 404, .. } => ErrorKind::NotFound,
        E::NotUpgraded { .. } => ErrorKind::Server,
        E::Dns { .. } | E::Connect { .. } | E::Tls { .. } | E::Protocol { .. } | E::Cut { .. } => {
            ErrorKind::Network
        }
        _ => ErrorKind::Internal,
    };
    Error::new(kind, error)
}
