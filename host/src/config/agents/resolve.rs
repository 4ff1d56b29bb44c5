//! The agents as they are: both forms of the file brought together, defaults applied, ids normalised.
use super::{
    AgentEntry, AgentSettings, AgentsConfig, Heartbeat, Identity, ModelChoice, ModelEntry, Params,
    settings::{Compaction, ThinkingLevel},
};
use crate::config::{Config, Paths, messages::GroupChatConfig, tools::ToolPolicy};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

/// The agent that there is when the file names none.
pub const MAIN_AGENT: &str = "main";
/// Longest id, characters.
const MAX_ID: usize = 64;
/// Turns of all agents at the same time, if the file does not say.
const MAX_CONCURRENT: usize = 4;
/// Longest turn, if the file does not say, seconds.
const TIMEOUT_SECONDS: u64 = 600;
/// Characters of one instruction file, if the file does not say.
const BOOTSTRAP_CHARS: usize = 20_000;
/// Characters of all instruction files, if the file does not say.
const BOOTSTRAP_TOTAL_CHARS: usize = 60_000;
/// How often "is typing" is shown again, if the file does not say, seconds.
const TYPING_SECONDS: u64 = 4;
/// Largest file that is taken in or sent, if the file does not say, megabytes.
const MEDIA_MB: f64 = 5.0;

/// All agents.
#[derive(Debug, Clone)]
pub struct Agents {
    /// The one that answers what no binding sends elsewhere; it is in `agents`.
    pub default_id: String,
    /// The agents in the order of the file; at least one.
    pub agents: Vec<Agent>,
    /// Turns of all of them that run at the same time.
    pub max_concurrent: usize,
}

/// One agent.
#[derive(Debug, Clone, Default)]
pub struct Agent {
    /// Its id, normalised.
    pub id: String,
    /// It is the default agent.
    pub is_default: bool,
    /// Its name for people.
    pub name: Option<String>,
    /// What it is for, in words for people.
    pub description: Option<String>,
    /// Who it is in a chat.
    pub identity: Identity,
    /// How it behaves in groups: its own keys, else those of `messages.groupChat`.
    pub group_chat: GroupChatConfig,
    /// Its own rules for tools.
    pub tools: ToolPolicy,
    /// The model that answers, and the ones to fall back to. Empty: the file names none.
    pub model: ModelChoice,
    /// The model that looks at images. Empty: `model`.
    pub image_model: ModelChoice,
    /// Models by reference, with aliases and parameters; its own win over the default's.
    pub models: BTreeMap<String, ModelEntry>,
    /// The only models that people may choose. None: any.
    pub allowed_models: Option<Vec<String>>,
    /// Longest turn. None: no limit.
    pub timeout: Option<Duration>,
    /// How often "is typing" is shown again.
    pub typing_interval: Duration,
    /// Largest file that is taken in or sent, bytes.
    pub media_max_bytes: u64,
    /// Most characters of one instruction file in the prompt.
    pub bootstrap_max_chars: usize,
    /// Most characters of all instruction files in the prompt.
    pub bootstrap_total_max_chars: usize,
    /// What to do when the window is full.
    pub compaction: Compaction,
    /// When it looks by itself whether anything needs attention. None: never.
    pub heartbeat: Option<Heartbeat>,
    /// How hard to think. None: `low` if the model can, else `off`.
    pub thinking: Option<ThinkingLevel>,
    /// Everything else that the file says, its own keys before the default's. None: the default of the key's text.
    pub settings: AgentSettings,
    /// Parameters of every call: the default's for all models.
    base_params: Params,
    /// Parameters of every call: its own, which win over those of a model.
    own_params: Params,
    agent_dir: Option<String>,
}

// === impl AgentsConfig ===

impl AgentsConfig {
    /// The agents in the order of the file, `entries` first. An id that both forms name is taken from `entries`.
    fn written(&self) -> Vec<(String, &AgentEntry)> {
        let mut found: Vec<(String, &AgentEntry)> = Vec::new();
        let named = self.entries.iter().map(|(id, entry)| (agent_id(id), entry));
        let listed = self
            .list
            .iter()
            .map(|entry| (agent_id(entry.id.as_deref().unwrap_or(MAIN_AGENT)), entry));
        for (id, entry) in named.chain(listed) {
            if !found.iter().any(|(earlier, _)| *earlier == id) {
                found.push((id, entry));
            }
        }
        found
    }

    /// The agents as they are. `group` is `messages.groupChat`.
    fn resolve(&self, group: &GroupChatConfig) -> Agents {
        let written = self.written();
        let nobody = AgentEntry::default();
        let written = if written.is_empty() {
            vec![(MAIN_AGENT.to_owned(), &nobody)]
        } else {
            written
        };
        let chosen = written.iter().find(|(_, entry)| entry.default);
        let default_id = chosen.unwrap_or(&written[0]).0.clone();
        // where some have one of their own, only those have one
        let own = written
            .iter()
            .any(|(_, entry)| entry.settings.heartbeat.is_some());
        let agents = written
            .into_iter()
            .map(|(id, entry)| {
                let is_default = id == default_id;
                let beats = if own {
                    entry.settings.heartbeat.is_some()
                } else {
                    is_default
                };
                let mut agent = agent(id, is_default, entry, &self.defaults.settings, group);
                agent.heartbeat = beats.then(|| agent.settings.heartbeat.clone().unwrap_or_default());
                agent
            })
            .collect();
        Agents {
            default_id,
            agents,
            max_concurrent: self.defaults.max_concurrent.unwrap_or(MAX_CONCURRENT),
        }
    }
}

// === impl Config ===

impl Config {
    /// The agents as they are. There is at least one. Brought together once.
    pub fn agents(&self) -> Arc<Agents> {
        let resolve = || Arc::new(self.agents.resolve(&self.messages.group_chat));
        self.resolved.get_or_init(resolve).clone()
    }
}

// === impl Agents ===

impl Agents {
    /// The agent with this id, which is normalised first.
    pub fn get(&self, id: &str) -> Option<&Agent> {
        let id = agent_id(id);
        self.agents.iter().find(|agent| agent.id == id)
    }

    /// The default agent.
    pub fn default_agent(&self) -> &Agent {
        let found = self.agents.iter().find(|agent| agent.is_default);
        found.expect("one of the agents was made the default one")
    }
}

// === impl Agent ===

impl Agent {
    /// The folder with its instructions and files.
    pub fn workspace(&self, paths: &Paths) -> PathBuf {
        match &self.settings.workspace {
            Some(path) => paths.expand(path),
            None if self.is_default => paths.state_dir.join("workspace"),
            None => paths.state_dir.join(format!("workspace-{}", self.id)),
        }
    }

    /// The folder of its private state.
    pub fn agent_dir(&self, paths: &Paths) -> PathBuf {
        match &self.agent_dir {
            Some(path) => paths.expand(path),
            None => paths.state_dir.join("agents").join(&self.id).join("agent"),
        }
    }

    /// `provider/model` for what people write: an alias, or a reference as it is.
    pub fn reference<'a>(&'a self, written: &'a str) -> &'a str {
        let is_alias = |(_, entry): &(&String, &ModelEntry)| {
            entry
                .alias
                .as_ref()
                .is_some_and(|alias| alias.eq_ignore_ascii_case(written))
        };
        self.models
            .iter()
            .find(is_alias)
            .map_or(written, |(reference, _)| reference.as_str())
    }

    /// Parameters of a call to the model `reference` (`provider/model`).
    pub fn params(&self, reference: &str) -> Params {
        let of_model = self.models.get(reference).map(|entry| &entry.params);
        let base = of_model.map_or_else(|| self.base_params.clone(), |own| own.or(&self.base_params));
        self.own_params.or(&base)
    }
}

/// An agent's id as keys and folders have it: lower case, `a-z 0-9 _ -`, everything else becomes `-`.
pub fn agent_id(written: &str) -> String {
    let mut id = String::new();
    for c in written.trim().to_lowercase().chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') {
            id.push(c);
        } else if !id.ends_with('-') {
            id.push('-');
        }
    }
    let id: String = id.trim_start_matches(['-', '_']).chars().take(MAX_ID).collect();
    let id = id.trim_end_matches('-');
    if id.is_empty() {
        MAIN_AGENT.into()
    } else {
        id.into()
    }
}

fn agent(
    id: String,
    is_default: bool,
    entry: &AgentEntry,
    usual: &AgentSettings,
    group: &GroupChatConfig,
) -> Agent {
    let own = &entry.settings;
    let mut settings = own.or(usual);
    if !is_default {
        // two agents in one folder would overwrite each other's files
        settings.workspace.clone_from(&own.workspace);
    }
    let megabytes = settings.media_max_mb.unwrap_or(MEDIA_MB);
    let timeout = settings.timeout_seconds.unwrap_or(TIMEOUT_SECONDS);
    Agent {
        id,
        is_default,
        name: entry.name.clone(),
        description: entry.description.clone(),
        identity: entry.identity.clone(),
        group_chat: GroupChatConfig {
            mention_patterns: entry
                .group_chat
                .mention_patterns
                .clone()
                .or_else(|| group.mention_patterns.clone()),
            history_limit: entry.group_chat.history_limit.or(group.history_limit),
        },
        tools: entry.tools.clone(),
        model: settings.model.clone().unwrap_or_default(),
        image_model: settings.image_model.clone().unwrap_or_default(),
        models: settings.models.clone(),
        allowed_models: settings.model_policy.allow.clone(),
        timeout: (timeout > 0).then(|| Duration::from_secs(timeout)),
        typing_interval: Duration::from_secs(settings.typing_interval_seconds.unwrap_or(TYPING_SECONDS)),
        media_max_bytes: (megabytes * 1024.0 * 1024.0) as u64,
        bootstrap_max_chars: settings.bootstrap_max_chars.unwrap_or(BOOTSTRAP_CHARS),
        bootstrap_total_max_chars: settings
            .bootstrap_total_max_chars
            .unwrap_or(BOOTSTRAP_TOTAL_CHARS),
        compaction: settings.compaction.clone(),
        heartbeat: None,
        thinking: settings.thinking_default,
        base_params: usual.params.clone(),
        own_params: own.params.clone(),
        agent_dir: entry.agent_dir.clone(),
        settings,
    }
}
