//! The routes, and what is the same for all of them.
use crate::{chat, config::Config, embeddings, error::Refusal, models, responses, tools};
use openclaw_plugin_api::{Answer, Host, HttpCall, HttpRoutes, Result, Route};
use serde_json::Value;

/// Chat completions.
pub(crate) const CHAT: &str = "/v1/chat/completions";
/// Responses.
pub(crate) const RESPONSES: &str = "/v1/responses";
/// The agents, as models.
pub(crate) const MODELS: &str = "/v1/models";
/// Texts into vectors.
pub(crate) const EMBEDDINGS: &str = "/v1/embeddings";
/// One tool, without a model.
pub(crate) const TOOLS: &str = "/tools/invoke";
/// Headers of a stream of events.
pub(crate) const EVENTS: &[(&str, &str)] = &[
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
];

/// Longest request, bytes: a conversation with a few pictures.
const MAX_BODY: u64 = 20 << 20;
/// Longest call of a tool, bytes.
const MAX_CALL: u64 = 2 << 20;
/// Time for a request to arrive, milliseconds.
const BODY_TIME_MS: u64 = 30_000;
/// Time for a turn to say its first word, or, without streaming, its last; milliseconds.
const ANSWER_TIME_MS: u64 = 15 * 60 * 1000;

/// The interface.
pub(crate) struct Api {
    host: Host,
    config: Config,
}

impl Api {
    pub(crate) fn new(host: Host, config: Config) -> Self {
        Self { host, config }
    }
}

impl HttpRoutes for Api {
    fn routes(&self) -> Vec<Route> {
        let post = |path: &str| Route {
            path: path.into(),
            methods: vec!["POST".into()],
            max_body_bytes: MAX_BODY,
            body_timeout_ms: BODY_TIME_MS,
            answer_timeout_ms: ANSWER_TIME_MS,
            ..Route::default()
        };
        let models = Route {
            path: MODELS.into(),
            prefix: true,
            ..Route::default()
        };
        let tools = Route {
            max_body_bytes: MAX_CALL,
            ..post(TOOLS)
        };
        vec![post(CHAT), post(RESPONSES), post(EMBEDDINGS), tools, models]
    }

    async fn handle(&self, call: HttpCall, answer: Answer) -> Result<()> {
        let endpoints = &self.config.gateway.http.endpoints;
        let off = |key: &str| {
            let message = format!("this interface is off; set gateway.http.endpoints.{key}.enabled to true");
            Refusal::missing(message)
        };
        let refused = match call.path.as_str() {
            CHAT if !endpoints.chat_completions.enabled => Some((answer, off("chatCompletions"))),
            RESPONSES if !endpoints.responses.enabled => Some((answer, off("responses"))),
            CHAT => chat::complete(&self.host, &self.config, &call, answer).await?,
            RESPONSES => responses::respond(&self.host, &self.config, &call, answer).await?,
            TOOLS => {
                let (status, body) = tools::invoke(&self.host, &self.config, &call).await;
                return json(answer, status, &body).await;
            }
            _ if !self.config.any() => Some((answer, off("chatCompletions"))),
            path => {
                let made = match path {
                    EMBEDDINGS => embeddings::embed(&self.host, &call).await,
                    path => models::answer(&self.config, path),
                };
                match made {
                    Ok(body) => return json(answer, 200, &body).await,
                    Err(refusal) => Some((answer, refusal)),
                }
            }
        };
        match refused {
            None => Ok(()),
            Some((answer, refusal)) => json(answer, refusal.status, &refusal.body()).await,
        }
    }
}

async fn json(answer: Answer, status: u16, body: &Value) -> Result<()> {
    let body = serde_json::to_vec(body)?;
    answer.send(status, "application/json", &body).await
}
