//! Pages of the web for models, and searching it.
//!
//! Addresses come from models, so every request for a page goes out marked as untrusted: the host resolves, checks every
//! address, and pins it. What comes back was written by strangers and says so. Nothing here opens a socket.
mod cache;
mod config;
mod extract;
mod fetch;
mod page;
mod search;

use openclaw_plugin_api::{config_schema, prelude::*, ui_hints};

/// Everything that the plugin offers and needs. Pages may be anywhere, hence `*`; the guard decides for each of them.
const DECLARATION: Declaration = Declaration::new("web", "Web")
    .tools(&[fetch::WebFetch::NAME, search::WebSearch::NAME])
    .sections(&["tools.web"])
    .network(Network::Host(&["*"]))
    .secrets(search::VARIABLES)
    .default_enabled();

export_plugin!(
    DECLARATION.config(config_schema!()).ui_hints(ui_hints!()),
    |api| {
        let config: config::Config = api.config()?;
        let host = api.host().clone();
        api.tool(fetch::WebFetch::new(host.clone(), config.tools.web.fetch))
            .tool(search::WebSearch::new(host, config.tools.web.search));
        Ok(())
    }
);

#[cfg(test)]
mod tests;
