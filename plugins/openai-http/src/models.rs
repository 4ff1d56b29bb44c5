//! `GET /v1/models` and `GET /v1/models/{id}`: the agents, as models.
use crate::{config::Config, error::Refusal};
use serde_json::{Value, json};

/// What is answered to a path below `/v1/models`.
pub(crate) fn answer(config: &Config, path: &str) -> Result<Value, Refusal> {
    let rest = path.strip_prefix(crate::routes::MODELS).unwrap_or_default();
    let id = rest.trim_start_matches('/');
    let all = ids(config);
    if id.is_empty() {
        let data: Vec<_> = all.iter().map(|id| model(id)).collect();
        return Ok(json!({"object": "list", "data": data}));
    }
    match all.iter().find(|known| *known == id) {
        Some(known) => Ok(model(known)),
        None => Err(Refusal::missing(format!(
            "there is no model \"{id}\"; GET /v1/models lists them"
        ))),
    }
}

fn ids(config: &Config) -> Vec<String> {
    let mut agents = config.agents();
    if agents.is_empty() {
        agents.push("main".into());
    }
    let always = ["openclaw", "openclaw/default"].map(str::to_owned);
    let named = agents.iter().map(|id| format!("openclaw/{id}"));
    always.into_iter().chain(named).collect()
}

fn model(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": 0, "owned_by": "openclaw"})
}
