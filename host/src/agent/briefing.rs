//! What an agent is told ahead of a conversation, from its workspace and its settings.
use super::{
    desk::Desk,
    policy::subagent_depth,
    prompt::{InjectedFile, PromptInput, PromptMode, PromptReport, Runtime, SystemPrompt, Workspace},
};
use crate::config::Agent;
use openclaw_plugin_api::ToolSpec;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Conversations whose last prompt is remembered for `/context`; one more empties the memory.
const MAX_REPORTS: usize = 500;

/// Workspaces with what was read of them, and what the last prompts were made of.
#[derive(Debug, Default)]
pub struct Briefings {
    workspaces: Mutex<HashMap<std::path::PathBuf, Arc<Workspace>>>,
    reports: Mutex<HashMap<String, PromptReport>>,
}

/// For whom a prompt is.
pub(super) struct Occasion<'a> {
    pub(super) session_key: &'a str,
    pub(super) model: &'a str,
    pub(super) default_model: &'a str,
    pub(super) channel: &'a str,
    pub(super) thinking: &'a str,
    /// What the operator says of the chat.
    pub(super) chat_prompt: &'a str,
    pub(super) extra: &'a str,
    pub(super) tools: &'a [Arc<ToolSpec>],
}

impl Briefings {
    /// The system prompt, what changes seldom first.
    pub(super) async fn build(&self, desk: &Desk, agent: &Agent, occasion: Occasion<'_>) -> Vec<String> {
        let path = agent.workspace(&desk.paths);
        let workspace = self.workspace(&path, agent);
        // a subagent has a task, and nobody to talk to
        let mode = match subagent_depth(occasion.session_key) {
            0 => PromptMode::Full,
            _ => PromptMode::Minimal,
        };
        let files = match workspace.unchanged(mode) {
            Some(files) => files,
            None => load(workspace, mode).await,
        };
        let skills = desk.skills.get(&desk.config(), agent, &desk.paths).await;
        let skills = crate::skills::section(&skills);
        let name = agent.identity.name.as_deref().or(agent.name.as_deref());
        let prompt = SystemPrompt::build(&PromptInput {
            mode,
            name: name.unwrap_or_default(),
            tools: occasion.tools,
            workspace: &path.display().to_string(),
            time_zone: agent.settings.user_timezone.as_deref().unwrap_or("UTC"),
            files: &files,
            skills: &skills,
            chat_prompt: occasion.chat_prompt,
            extra: occasion.extra,
            runtime: Runtime {
                agent: &agent.id,
                os: concat!("linux ", env!("CARGO_PKG_VERSION")),
                model: occasion.model,
                default_model: occasion.default_model,
                channel: occasion.channel,
                thinking: occasion.thinking,
                ..Runtime::default()
            },
        });
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        if reports.len() >= MAX_REPORTS {
            reports.clear();
        }
        reports.insert(occasion.session_key.to_owned(), prompt.report);
        prompt.blocks
    }

    /// The files of an agent's workspace that stand in its prompt, by name.
    pub(crate) async fn files(&self, desk: &Desk, agent: &Agent) -> Vec<(String, Arc<str>)> {
        let workspace = self.workspace(&agent.workspace(&desk.paths), agent);
        let files = match workspace.unchanged(PromptMode::Full) {
            Some(files) => files,
            None => load(workspace, PromptMode::Full).await,
        };
        let there = files
            .into_iter()
            .filter(|file| !file.report.missing && !file.text.is_empty());
        there.map(|file| (file.report.name, file.text)).collect()
    }

    /// What the last prompt of a conversation was made of.
    pub(super) fn report(&self, session_key: &str) -> Option<PromptReport> {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.get(session_key).cloned()
    }

    fn workspace(&self, path: &std::path::Path, agent: &Agent) -> Arc<Workspace> {
        let mut workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let (one, all) = (agent.bootstrap_max_chars, agent.bootstrap_total_max_chars);
        let made = || Arc::new(Workspace::with_caps(path, one, all));
        workspaces.entry(path.to_owned()).or_insert_with(made).clone()
    }
}

async fn load(workspace: Arc<Workspace>, mode: PromptMode) -> Vec<InjectedFile> {
    let files = tokio::task::spawn_blocking(move || {
        // a workspace that can't be made is told of as a missing one
        let _ = std::fs::create_dir_all(workspace.path());
        workspace.load(mode)
    });
    files.await.unwrap_or_default()
}
