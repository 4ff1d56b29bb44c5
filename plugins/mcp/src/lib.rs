//! Servers of the Model Context Protocol: their tools, resources and prompts for agents.
//!
//! A server is a program that somebody else wrote, and its answers are too. Invariant: a server that hangs, floods, dies or
//! lies hurts only itself. Each has its own deadlines, its own bounds and its own process group; what it says is marked as
//! somebody else's words. Programs are started here, requests over HTTP go through the host.
mod catalog;
mod command;
mod config;
mod connection;
mod convert;
mod engine;
mod http;
mod process;
mod server;
mod servers;
mod stdio;
mod tools;

use openclaw_plugin_api::{OFFERED_TOOLS, config_schema, prelude::*, ui_hints};

/// Everything that the plugin offers and needs. The hosts that it reaches are those that `mcp.servers.*.url` names.
const DECLARATION: Declaration = Declaration::new("mcp", "Model Context Protocol")
    .tools(&[OFFERED_TOOLS])
    .commands(&[command::NAME])
    .services(&[servers::Watch::ID])
    .secrets(process::INHERITED)
    .sections(&["mcp"])
    .network(Network::Host(&[]))
    .processes(&["*"])
    .default_enabled();

export_plugin!(
    DECLARATION.config(config_schema!()).ui_hints(ui_hints!()),
    |api| {
        let config: config::Config = api.config()?;
        let servers = servers::Servers::new(api.host().clone(), config.mcp);
        api.tool_set(tools::Tools(servers.clone()))
            .commands(command::Mcp(servers.clone()))
            .service(servers::Watch(servers));
        Ok(())
    }
);

#[cfg(test)]
mod tests;
