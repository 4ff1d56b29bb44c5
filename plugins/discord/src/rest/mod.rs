//! Requests of the REST API.
use openclaw_plugin_api::{Error, Host, Secret};
use serde::de::DeserializeOwned;

/// A way to the REST API with one bot's token.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    host: Host,
}

/// Which resource.
#[derive(Debug, Clone)]
pub(crate) struct Route;

/// One request.
#[derive(Debug)]
pub(crate) struct Request;

/// Why a request failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct RestError(Error);

impl Rest {
    pub(crate) fn new(host: Host, _token: Secret, _base: String, _proxy: Option<String>) -> Self {
        Self { host }
    }

    pub(crate) async fn call<T: DeserializeOwned>(&self, _request: Request) -> Result<T, RestError> {
        Err(RestError(Error::unsupported(
            "discord: this build has no REST client",
        )))
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }
}

impl RestError {
    /// As the host sees it.
    pub(crate) fn into_error(self) -> Error {
        self.0
    }
}
