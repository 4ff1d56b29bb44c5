//! Webhooks: programs wake an agent, or ask it something, over HTTP.
//!
//! Invariants: nothing of a body is read before the token was compared; a call is acknowledged only when the host has
//! what it asked for on its disk; what a call says is marked as coming from outside, and never acts in the operator's
//! name.
mod auth;
mod config;
mod content;
mod mapping;
mod reply;
mod request;
mod routes;
mod session;
mod template;

use openclaw_plugin_api::{config_schema, prelude::*};

/// Everything that the plugin offers and needs.
const DECLARATION: Declaration = Declaration::new("hooks", "Webhooks")
    .routes(&[routes::PATH])
    .sections(&["hooks"])
    .route_keys(&[(routes::PATH, "hooks.path")]);

export_plugin!(DECLARATION.config(config_schema!()), |api| {
    let config: config::Config = api.config()?;
    api.http(routes::Webhooks::new(api.host().clone(), config.hooks)?);
    Ok(())
});

#[cfg(test)]
mod tests;
