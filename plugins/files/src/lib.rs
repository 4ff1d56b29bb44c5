//! Files of an agent's workspace: `read`, `write`, `edit` and `apply_patch`.
//!
//! Invariant: every file is reached through a handle of the workspace's folder, so no `..`, no link and nobody who swaps
//! folders meanwhile leads out of it. A path is never looked at by name after it was judged.
mod config;
mod edit;
mod error;
mod off_thread;
mod patch;
mod picture;
mod tools;
mod view;
mod workspace;

use openclaw_plugin_api::{config_schema, prelude::*, ui_hints};
use std::sync::Arc;
use workspace::Desk;

/// Everything that the plugin offers and needs. The folders are the agents' workspaces and what their prompts name.
const DECLARATION: Declaration = Declaration::new("files", "Files")
    .tools(&["read", "write", "edit", "apply_patch"])
    .files(&["{readable}"], &["{workspaces}"])
    .default_enabled();

export_plugin!(
    DECLARATION.config(config_schema!()).ui_hints(ui_hints!()),
    |api| {
        let config: config::Config = api.config()?;
        let desk = Arc::new(Desk::new(config.readable));
        api.tool(tools::Read(desk.clone()))
            .tool(tools::Write(desk.clone()))
            .tool(tools::Edit(desk.clone()))
            .tool(tools::ApplyPatch(desk));
        Ok(())
    }
);
