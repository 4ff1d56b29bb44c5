//! What a redirect does to a request.
//!
//! Invariants: no step from https to http; a step to another origin takes along only headers that can't be credentials.

use reqwest::header::{HeaderMap, HeaderName, LOCATION};
use reqwest::{Method, StatusCode};
use url::Url;

use super::error::{Error, Result};
use super::guard::{self, Scheme};

/// Headers that go along to another origin; keys have too many names to list those that don't.
const PORTABLE: [&str; 8] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-language",
    "content-type",
    "range",
    "user-agent",
];

/// The URL that a response redirects to, or `None` if it is not a redirect.
pub(super) fn target(from: &Url, status: StatusCode, headers: &HeaderMap) -> Result<Option<Url>> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get(LOCATION) else {
        return Ok(None);
    };
    let url = std::str::from_utf8(location.as_bytes())
        .ok()
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| Error::protocol(from, "its redirect is not a URL"))?;
    let url = guard::canonical(url, Scheme::Http)?;
    if from.scheme() == "https" && url.scheme() == "http" {
        return Err(Error::protocol(from, "it redirects from https to http"));
    }
    Ok(Some(url))
}

/// The method after a redirect, and whether the body is sent again.
pub(super) fn method(status: StatusCode, method: &Method) -> (Method, bool) {
    match status.as_u16() {
        303 if *method != Method::HEAD => (Method::GET, false),
        301 | 302 if *method == Method::POST => (Method::GET, false),
        _ => (method.clone(), true),
    }
}

/// Takes out the headers that must not follow.
pub(super) fn strip(headers: &mut HeaderMap, same_origin: bool, keeps_body: bool) {
    let drop = |name: &HeaderName| {
        (!same_origin && !PORTABLE.contains(&name.as_str()))
            || (!keeps_body && name.as_str().starts_with("content-"))
    };
    let names: Vec<HeaderName> = headers.keys().filter(|name| drop(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}
