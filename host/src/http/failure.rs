//! Translation of the libraries' failures into this module's errors.
//!
//! Their own words about URLs are dropped on the way; what decides the kind is the chain of causes, not a text.

use url::Url;

use super::dns::LookupError;
use super::error::{Error, Phase, causes, root_cause};

/// A failure of the caller's own body stream, as it travels through `reqwest`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct UploadFailed(pub(super) String);

/// Says what a failure of `reqwest` was, without its words about URLs.
pub(super) fn classify(url: &Url, error: reqwest::Error) -> Error {
    let error = error.without_url();
    for cause in causes(&error) {
        if let Some(error) = cause.downcast_ref::<LookupError>() {
            return lookup_failed(url, error);
        }
        if let Some(UploadFailed(reason)) = cause.downcast_ref() {
            return Error::upload(url, reason);
        }
        if let Some(reason) = cause.downcast_ref::<rustls::Error>() {
            // after the handshake it is a connection that broke: the request may have left
            return match error.is_connect() {
                true => Error::tls(url, reason),
                false => Error::cut(url, reason),
            };
        }
        if cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_parse)
        {
            return Error::protocol(url, root_cause(&error));
        }
    }
    let reason = root_cause(&error);
    match error {
        _ if error.is_builder() => Error::invalid_request("the URL can't be sent over HTTP"),
        _ if error.is_timeout() => Error::timeout(
            url,
            if error.is_connect() {
                Phase::Connect
            } else {
                Phase::Head
            },
        ),
        _ if error.is_connect() => Error::connect(url, reason),
        _ => Error::cut(url, reason),
    }
}

pub(super) fn lookup_failed(url: &Url, error: &LookupError) -> Error {
    match error {
        LookupError::Denied(denial) => Error::guard(url, *denial),
        error => Error::dns(url, error),
    }
}
