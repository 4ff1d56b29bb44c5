//! Commands of agents: `exec` and `process`.
//!
//! What nobody has approved runs confined: it changes the workspace, reads the system, and has no network. What is to run
//! as the gateway itself is asked of the host, which knows the operator's rules and asks the operator. Commands end with
//! all that they started, at the latest with the gateway.
mod bench;
mod config;
mod rules;
mod run;
mod tools;

use bench::{Bench, Keeper};
use openclaw_plugin_api::{config_schema, prelude::*, ui_hints};
use std::sync::Arc;

/// Everything that the plugin offers and needs. Its children need the network, of which confined ones get none.
const DECLARATION: Declaration = Declaration::new("shell", "Shell")
    .tools(&["exec", "process"])
    .services(&["shell"])
    .sections(&[
        "tools.exec",
        "tools.elevated",
        "agents.defaults.elevatedDefault",
        "agents.defaults.sandbox",
        "agents.list",
        "agents.entries",
    ])
    .secrets(rules::GIVEN)
    .files(
        &[
            "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix", "/etc", "/proc", "/sys",
            "/dev",
        ],
        &["{workspaces}", "/dev/ptmx", "/dev/pts", "/dev/tty"],
    )
    .processes(&["*"])
    .own_runtime()
    .default_enabled();

export_plugin!(
    DECLARATION.config(config_schema!()).ui_hints(ui_hints!()),
    |api| {
        let config: config::Config = api.config()?;
        let bench = Arc::new(Bench::new(api.host().clone(), config));
        bench.follow();
        api.tool(tools::Exec(bench.clone()))
            .tool(tools::Process(bench.clone()))
            .service(Keeper(bench));
        Ok(())
    }
);
