//! Agents behind the API that OpenAI's clients speak.
//!
//! Every request is a turn of an agent. Who may ask is the gateway's matter: nothing reaches this plugin that did not
//! bring the gateway's own credentials. A client that goes away ends its turn.
mod chat;
mod config;
mod embeddings;
mod error;
mod input;
mod models;
mod reply;
mod responses;
mod routes;
mod target;
mod tools;

use openclaw_plugin_api::{config_schema, prelude::*};

/// Everything that the plugin offers and needs.
const DECLARATION: Declaration = Declaration::new("openai-http", "OpenAI-compatible API")
    .routes(&[
        routes::CHAT,
        routes::RESPONSES,
        routes::MODELS,
        routes::EMBEDDINGS,
        routes::TOOLS,
    ])
    .sections(&[
        "gateway.http.endpoints",
        "gateway.tools",
        "agents.list",
        "agents.entries",
    ]);

export_plugin!(DECLARATION.config(config_schema!()), |api| {
    let config = api.config()?;
    api.http(routes::Api::new(api.host().clone(), config));
    Ok(())
});

#[cfg(test)]
mod tests;
