//! What a resolved model is: all that a call of it needs, or why there is no such call.
use super::{credentials::Credential, reference::ModelRef, words};
use openclaw_plugin_api::{CompletionRequest, Error, ErrorKind, ModelInfo};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt, time::Duration};

/// A model with all that a call needs.
#[derive(Clone, Default)]
pub struct Served {
    /// The model, as the configuration calls it.
    pub reference: ModelRef,
    /// The plugin that serves it.
    pub plugin: String,
    /// The provider that the call names.
    pub target: String,
    /// Address of the service. Empty: the vendor's.
    pub base_url: String,
    /// Which API. Empty: the plugin's choice.
    pub api: String,
    /// Headers to add; they may be secret.
    pub headers: BTreeMap<String, String>,
    /// The key goes into the header `Authorization` as well.
    pub auth_header: bool,
    /// Parameters, `compat` among them.
    pub params: Map<String, Value>,
    /// With which keys, in their order.
    pub credentials: Vec<Credential>,
    /// What the model can do.
    pub info: ModelInfo,
    /// Longest wait for the answer to begin.
    pub timeout: Option<Duration>,
}

/// Why nothing serves a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// It is neither a reference nor an alias.
    #[error(
        "\"{0}\" is no model and no alias; write provider/model, or add an alias in agents.defaults.models"
    )]
    Unknown(String),
    /// The name stands for several models.
    #[error("\"{written}\" can be {}; write one of them", .models.join(" or "))]
    Ambiguous {
        /// What was written.
        written: String,
        /// What it can mean.
        models: Vec<String>,
    },
    /// No plugin declares the provider, and no block says how to reach it.
    #[error(
        "no running plugin offers the provider {0}; see `openclaw plugins list`, or describe the service in \
         models.providers.{0} with baseUrl and api"
    )]
    NoPlugin(String),
    /// No plugin speaks the API of the block.
    #[error(
        "models.providers.{provider}.api is \"{api}\", which no running plugin speaks; enable one that does or correct it"
    )]
    NoApi {
        /// The provider.
        provider: String,
        /// Its API.
        api: String,
    },
    /// The block lacks the address.
    #[error("models.providers.{0}.baseUrl is missing, and no plugin knows the service")]
    NoAddress(String),
    /// The pinned profile has no key.
    #[error(
        "the auth profile {0} is unknown, has expired or belongs to another provider; choose another one"
    )]
    NoProfile(String),
}

// === impl Served ===

impl Served {
    /// A request to this model with one of its keys. What the turn adds: prompt, messages, tools, thinking.
    pub fn request(&self, credential: &Credential) -> CompletionRequest {
        let mut headers = self.headers.clone();
        if let (true, Some(secret)) = (self.auth_header, &credential.secret)
            && !secret.is_empty()
        {
            headers.insert("authorization".into(), format!("Bearer {}", secret.expose()));
        }
        let mut request = CompletionRequest {
            model: self.reference.model.clone(),
            max_tokens: Some(self.info.max_tokens).filter(|limit| *limit > 0),
            credential: credential.secret.clone(),
            base_url: self.base_url.clone(),
            api: self.api.clone(),
            headers,
            params: self.params.clone(),
            ..CompletionRequest::default()
        };
        words::take(&mut request);
        request
    }

    /// Does it take images in?
    pub fn takes_images(&self) -> bool {
        self.info.input.iter().any(|kind| kind == "image")
    }
}

/// Without headers and parameters, which may be secret.
impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served")
            .field("reference", &self.reference)
            .field("plugin", &self.plugin)
            .field("target", &self.target)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

// === impl ResolveError ===

impl ResolveError {
    /// The error that a turn ends with.
    pub fn to_error(&self) -> Error {
        let kind = match self {
            Self::Unknown(_) | Self::Ambiguous { .. } => ErrorKind::InvalidInput,
            Self::NoPlugin(_) => ErrorKind::NotFound,
            Self::NoApi { .. } | Self::NoAddress(_) => ErrorKind::Config,
            Self::NoProfile(_) => ErrorKind::Auth,
        };
        Error::new(kind, self)
    }
}
