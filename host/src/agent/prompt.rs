//! The system prompt: what an agent is told before anybody speaks.
//!
//! Two blocks: a stable one, which vendors may cache, and one that changes with the chat and the model. Nothing that
//! changes from turn to turn, such as the time, stands in the first. What people outside wrote never stands in either.
mod files;
mod sections;

pub use files::{FileReport, InjectedFile, MAX_FILE_CHARS, MAX_TOTAL_CHARS, Workspace, heartbeat_is_blank};
use openclaw_plugin_api::ToolSpec;
use serde::Serialize;
use std::sync::Arc;

/// How much an agent is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PromptMode {
    /// Everything.
    #[default]
    Full,
    /// What a subagent needs.
    Minimal,
    /// Who it is, in one line.
    None,
}

/// What the prompt is made of.
#[derive(Debug, Clone, Default)]
pub struct PromptInput<'a> {
    /// How much to tell.
    pub mode: PromptMode,
    /// The agent's name for people; empty if it has none.
    pub name: &'a str,
    /// Tools that it has.
    pub tools: &'a [Arc<ToolSpec>],
    /// Path of the workspace.
    pub workspace: &'a str,
    /// Name of the person's time zone.
    pub time_zone: &'a str,
    /// Files of the workspace, from [`Workspace::load`].
    pub files: &'a [InjectedFile],
    /// The section that offers skills; may be empty.
    pub skills: &'a str,
    /// What the operator says about this chat or group; may be empty.
    pub chat_prompt: &'a str,
    /// What the operator or the caller adds; may be empty.
    pub extra: &'a str,
    /// Where and as what it runs.
    pub runtime: Runtime<'a>,
}

/// The line about where an agent runs. Empty fields are left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Runtime<'a> {
    /// Agent id.
    pub agent: &'a str,
    /// Name of the machine.
    pub host: &'a str,
    /// Operating system and processor.
    pub os: &'a str,
    /// `provider/model`
    pub model: &'a str,
    /// The model as the configuration says.
    pub default_model: &'a str,
    /// Channel of the chat.
    pub channel: &'a str,
    /// What the channel can do, comma-separated.
    pub capabilities: &'a str,
    /// How hard it thinks.
    pub thinking: &'a str,
}

/// A prompt and what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemPrompt {
    /// The stable block, then the changing one if there is anything in it.
    pub blocks: Vec<String>,
    /// Sizes, for `/context`.
    pub report: PromptReport,
}

/// How big the parts of a prompt are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PromptReport {
    /// Characters of the stable block.
    pub stable_chars: usize,
    /// Characters of the changing block.
    pub dynamic_chars: usize,
    /// How many tools.
    pub tools: usize,
    /// The workspace's files.
    pub files: Vec<FileReport>,
}

// === impl SystemPrompt ===

impl SystemPrompt {
    /// Puts a prompt together. The same input gives the same text.
    pub fn build(input: &PromptInput<'_>) -> Self {
        let stable = sections::stable(input);
        let dynamic = sections::dynamic(input);
        let report = PromptReport {
            stable_chars: stable.chars().count(),
            dynamic_chars: dynamic.chars().count(),
            tools: input.tools.len(),
            files: input.files.iter().map(|file| file.report.clone()).collect(),
        };
        let blocks = [stable, dynamic]
            .into_iter()
            .filter(|block| !block.is_empty())
            .collect();
        Self { blocks, report }
    }
}

#[cfg(test)]
mod tests;
