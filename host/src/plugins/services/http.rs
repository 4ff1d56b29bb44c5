//! `http.fetch`: the plugin's requests through the one outbound client, under the plugin's egress policy.
use super::{Context, Request};
use crate::http::{self, Body, Origin, Proxy};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use openclaw_plugin_api::{Error, ErrorKind, HttpHead, HttpRequest, Result, Source};
use std::time::Duration;

pub(super) async fn fetch(context: &Context, mut request: Request) -> Result<Vec<u8>> {
    let head: HttpRequest = request.record()?;
    let mut out = request.take_out()?;
    let redirected = head.redirects > 0;
    let outbound = outbound(head, request.input.take()).await?;
    let sending = context.services().http.send(context.egress(), outbound).await;
    let mut response = sending.map_err(|failure| {
        let unsent = !redirected && never_left(&failure);
        let told = error(failure);
        if unsent { told.with("sent", false) } else { told }
    })?;
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

/// Did nothing of the request leave, for certain? Only without redirects: after one, it is the request before that left.
fn never_left(failure: &http::Error) -> bool {
    use http::Error as E;
    matches!(
        failure,
        E::Dns { .. }
            | E::Connect { .. }
            | E::Tls { .. }
            | E::Timeout {
                phase: http::Phase::Connect,
                ..
            }
    )
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
    outbound.body = body(input, head.content_length).await?;
    Ok(outbound)
}

/// A body whose length is known is sent as one, so that it can be repeated for a redirect. Of one that is longer than
/// this the bytes are not held here.
const MAX_WHOLE: u64 = 32 << 20;

async fn body(input: Option<Source>, length: Option<u64>) -> Result<Body> {
    let Some(mut source) = input else {
        return Ok(Body::None);
    };
    if let Some(length) = length.filter(|length| *length <= MAX_WHOLE) {
        return whole(&mut source, length).await;
    }
    let pieces = stream::unfold(source, |mut source| async move {
        Some((source.next().await?, source))
    });
    let all = pieces.map(|item| item.map(Bytes::from).map_err(Into::into));
    Ok(Body::Stream(Box::pin(all)))
}

async fn whole(source: &mut Source, length: u64) -> Result<Body> {
    let mut bytes = Vec::new();
    while let Some(piece) = source.next().await {
        bytes.extend(piece.map_err(|fault| Error::from_fault(&fault))?);
        if bytes.len() as u64 > length {
            return Err(Error::invalid(format_args!(
                "the body is longer than the {length} bytes that were told"
            )));
        }
    }
    Ok(Body::Bytes(bytes.into()))
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
