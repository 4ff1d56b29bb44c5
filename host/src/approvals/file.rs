//! `exec-approvals.json` in the state directory: the operator's rules for commands, in OpenClaw's format.
//!
//! The file is the truth: it is read for each decision and never held. It is replaced in one step, readable by its owner
//! only, and a lock beside it keeps two writers from losing each other's change. What is not known in it is kept. A file
//! that can't be read allows nothing.
use crate::config::{Opaque, Paths, exclusive, write_alone};
use openclaw_plugin_api::{ExecAsk, ExecSecurity};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Its name.
const NAME: &str = "exec-approvals.json";
/// Largest file that is read, bytes.
const MAX_FILE: u64 = 1 << 20;
/// Most rules of one agent.
pub const MAX_RULES: usize = 1_000;
/// The format's version.
const VERSION: u32 = 1;
/// The agent whose rules hold for all.
pub const EVERY_AGENT: &str = "*";

/// What stands in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rules {
    /// Version of the format.
    pub version: u32,
    /// Where another program of OpenClaw's is asked. Kept and not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<Socket>,
    /// What holds for agents that say nothing.
    pub defaults: Settings,
    /// By agent; `*` stands for all.
    pub agents: BTreeMap<String, AgentRules>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub rest: Rest,
}

/// A place of another program, with its secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Socket {
    /// Path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Secret; never told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Opaque>,
}

/// Settings of an agent, or of all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    /// What may be run at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<ExecSecurity>,
    /// When a person is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<ExecAsk>,
    /// What holds where nobody answers. Default: `deny`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask_fallback: Option<ExecSecurity>,
    /// Programs that the agent's skills need are allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_allow_skills: Option<bool>,
}

/// An agent's settings and rules.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentRules {
    /// Settings.
    #[serde(flatten)]
    pub settings: Settings,
    /// Programs that may run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowlist: Vec<Rule>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub rest: Rest,
}

/// A program that may run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rule {
    /// Names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its path, or a glob of paths.
    pub pattern: String,
    /// When it last allowed something, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<i64>,
    /// What that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_command: Option<String>,
    /// Which file that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_resolved_path: Option<String>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub rest: Rest,
}

/// Keys that this gateway does not know, and keeps.
pub type Rest = Map<String, Value>;

/// The file as it was read.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// There is a file.
    pub exists: bool,
    /// Changes with its content.
    pub hash: String,
    /// What it says.
    pub rules: Rules,
}

/// Where the file is.
#[derive(Debug, Clone)]
pub struct Store(PathBuf);

/// Why the file can't be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The disk says no.
    #[error("can't use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{path} can't be read: {why}; correct it, or remove it to begin with no rules")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Somebody else changes it all the time.
    #[error("{0} is being changed by another program; try again")]
    Busy(PathBuf),
    /// It was changed since the caller read it.
    #[error(
        "the file was changed since it was read; read it again with exec.approvals.get and repeat the change"
    )]
    Stale,
    /// There are as many rules as there may be.
    #[error("agent {0} has {MAX_RULES} rules already; remove some first")]
    Full(String),
}

// === impl Rules ===

impl Default for Rules {
    fn default() -> Self {
        Self {
            version: VERSION,
            socket: None,
            defaults: Settings::default(),
            agents: BTreeMap::new(),
            rest: Rest::new(),
        }
    }
}

impl Rules {
    /// The settings of an agent: its own, those for all agents, the defaults.
    pub fn settings(&self, agent: &str) -> Settings {
        let own = self.agents.get(agent).map(|rules| &rules.settings);
        let all = self.agents.get(EVERY_AGENT).map(|rules| &rules.settings);
        let of = [own, all, Some(&self.defaults)].into_iter().flatten();
        of.fold(Settings::default(), |known, next| Settings {
            security: known.security.or(next.security),
            ask: known.ask.or(next.ask),
            ask_fallback: known.ask_fallback.or(next.ask_fallback),
            auto_allow_skills: known.auto_allow_skills.or(next.auto_allow_skills),
        })
    }

    /// The rules that hold for an agent.
    pub fn allowlist(&self, agent: &str) -> Vec<Rule> {
        let names = [EVERY_AGENT, agent];
        let lists = names.iter().filter_map(|name| self.agents.get(*name));
        lists.flat_map(|rules| rules.allowlist.iter().cloned()).collect()
    }

    /// Adds a rule, unless there is one of the same pattern. Says whether it did.
    pub fn allow(&mut self, agent: &str, pattern: &str) -> Result<bool, FileError> {
        let rules = self.agents.entry(agent.to_owned()).or_default();
        if rules.allowlist.iter().any(|rule| rule.pattern == pattern) {
            return Ok(false);
        }
        if rules.allowlist.len() >= MAX_RULES {
            return Err(FileError::Full(agent.to_owned()));
        }
        rules.allowlist.push(Rule {
            id: Some(crate::gateway::random::uuid()),
            pattern: pattern.to_owned(),
            ..Rule::default()
        });
        Ok(true)
    }

    /// Removes the rule with this pattern or id. Says whether there was one.
    pub fn forget(&mut self, agent: &str, rule: &str) -> bool {
        let Some(rules) = self.agents.get_mut(agent) else {
            return false;
        };
        let before = rules.allowlist.len();
        rules
            .allowlist
            .retain(|known| known.pattern != rule && known.id.as_deref() != Some(rule));
        before != rules.allowlist.len()
    }

    /// As clients see it: without the secret.
    pub fn view(&self) -> Value {
        let mut view = serde_json::to_value(self).unwrap_or_default();
        if let Some(socket) = &self.socket {
            view["socket"] = json!({ "path": socket.path });
        }
        view
    }
}

// === impl Store ===

impl Store {
    /// The file of a gateway.
    pub fn new(paths: &Paths) -> Self {
        Self(paths.state_dir.join(NAME))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What it says now. No file is no rules.
    pub fn read(&self) -> Result<Snapshot, FileError> {
        let mut text = Vec::new();
        let exists = match File::open(&self.0) {
            Ok(file) => {
                file.take(MAX_FILE + 1)
                    .read_to_end(&mut text)
                    .map_err(|e| self.io(e))?;
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(self.io(error)),
        };
        if text.len() as u64 > MAX_FILE {
            return Err(self.invalid(format!("it is larger than {MAX_FILE} bytes")));
        }
        let hash = Sha256::digest(&text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let rules = match text.iter().all(u8::is_ascii_whitespace) {
            true => Rules::default(),
            false => serde_json::from_slice(&text).map_err(|e| self.invalid(e.to_string()))?,
        };
        if rules.version != VERSION {
            return Err(self.invalid(format!("version {} is not known here", rules.version)));
        }
        Ok(Snapshot { exists, hash, rules })
    }

    /// Changes it. `change` sees what it says now; nothing is written if it fails or changes nothing.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Snapshot) -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        let _lock = self.lock()?;
        let mut snapshot = self.read()?;
        let before = snapshot.rules.clone();
        let done = change(&mut snapshot)?;
        if snapshot.rules != before || !snapshot.exists {
            let mut text =
                serde_json::to_vec_pretty(&snapshot.rules).map_err(|e| self.invalid(e.to_string()))?;
            text.push(b'\n');
            write_alone(&self.0, &text).map_err(|e| self.io(e))?;
        }
        Ok(done)
    }

    /// Puts other rules in their place, if nobody changed them since the caller saw `base`.
    pub fn replace(&self, rules: Rules, base: Option<&str>) -> Result<Snapshot, FileError> {
        self.change(|now| {
            if now.exists && base != Some(now.hash.as_str()) {
                return Err(FileError::Stale);
            }
            let token = now.rules.socket.take().and_then(|socket| socket.token);
            now.rules = rules;
            if let Some(socket) = &mut now.rules.socket {
                // whoever read it did not see the secret
                socket.token = socket.token.take().or(token);
            }
            Ok(())
        })?;
        self.read()
    }

    fn lock(&self) -> Result<File, FileError> {
        exclusive(&self.0).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => FileError::Busy(self.0.clone()),
            _ => self.io(error),
        })
    }

    fn io(&self, source: io::Error) -> FileError {
        let path = self.0.clone();
        FileError::Io { path, source }
    }

    fn invalid(&self, why: String) -> FileError {
        let path = self.0.clone();
        FileError::Invalid { path, why }
    }
}
