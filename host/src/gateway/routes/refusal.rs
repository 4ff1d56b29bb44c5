//! What a client is told that gets no answer of a plugin. The plugin's own words are for the log: they may say more than
//! a stranger should know.
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use openclaw_plugin_api::{Error, ErrorKind};

use super::limits;

/// A plain text.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, format!("{text}\n")).into_response()
}

/// As [`plain`], for requests whose body was not read: the connection can't go on.
pub(super) fn unread(status: StatusCode, text: &'static str) -> Response {
    hang_up(plain(status, text))
}

/// "Come back": no room, or no plugin.
pub(super) fn later(text: &'static str) -> Response {
    let mut response = unread(StatusCode::SERVICE_UNAVAILABLE, text);
    retry_after(response.headers_mut(), limits::RETRY_AFTER_SECS);
    response
}

/// What was asked for is at another path of ours.
pub(super) fn elsewhere(path: &str) -> Response {
    let mut response = unread(StatusCode::FOUND, "elsewhere");
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

/// The connection ends with this response.
pub(super) fn hang_up(mut response: Response) -> Response {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// What an error of a plugin is over HTTP.
pub(super) fn of(error: &Error) -> Response {
    use ErrorKind as K;
    let (status, text) = match error.kind() {
        K::InvalidInput => (StatusCode::BAD_REQUEST, "bad request"),
        K::Auth => (StatusCode::UNAUTHORIZED, "unauthorized"),
        K::Refused | K::Rejected => (StatusCode::FORBIDDEN, "forbidden"),
        K::NotFound => (StatusCode::NOT_FOUND, "not found"),
        K::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "too many requests"),
        K::Timeout => (StatusCode::GATEWAY_TIMEOUT, "no answer in time"),
        K::Closed | K::Overloaded | K::Config | K::Cancelled => {
            (StatusCode::SERVICE_UNAVAILABLE, "not available")
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
    };
    if status.is_server_error() {
        tracing::warn!(target: "openclaw::routes", %error, "a route failed");
    } else {
        tracing::debug!(target: "openclaw::routes", %error, "a request was refused");
    }
    let mut response = plain(status, text);
    if matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    ) {
        let asked = error.retry_after().map(|wait| wait.as_secs().max(1));
        retry_after(response.headers_mut(), asked.unwrap_or(limits::RETRY_AFTER_SECS));
    }
    response
}

fn retry_after(headers: &mut HeaderMap, seconds: u64) {
    headers.insert(header::RETRY_AFTER, seconds.into());
}
