//! A model provider and a tool that need no account and no network, so that a newcomer sees the whole path work.
//!
//! The answers are the same for the same question: tests and demonstrations rely on it. `/tool <name> <json>` makes the
//! model ask for a tool.
mod model;
mod tool;

use openclaw_plugin_api::prelude::*;

export_plugin!(
    Declaration::new("demo", "Demo")
        .providers(&["demo"])
        .tools(&["count_words"])
        .default_enabled(),
    |api| {
        api.provider(model::Demo).tool(tool::CountWords);
        Ok(())
    }
);

#[cfg(test)]
mod tests;
