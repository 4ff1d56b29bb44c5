//! `openclaw.json`: where it is, what it says, how it is changed.
//!
//! The way of a configuration: [`Paths`] → [`Sources`] (JSON5, `$include`) → variables → [`Config`] (typed, checked).
//! A file with a fault yields an error with file, line, column and path, and never a partial or empty configuration.
//! This module depends on nothing else of the host and never applies a setting itself.

mod agents;
mod approvals;
mod auth;
mod bindings;
mod change;
mod channels;
mod commands;
mod cron;
mod diagnostics;
mod diff;
mod draft;
mod edit;
mod env;
mod exclusive;
mod gateway;
mod ids;
mod include;
mod inspect;
mod judge;
mod known;
mod last_good;
mod location;
mod logging;
mod marks;
mod messages;
mod models;
mod opaque;
mod ordered;
mod origin;
mod outline;
mod parse;
mod patch;
mod paths;
mod plugins;
mod read;
mod redact;
mod restore;
mod revision;
mod rewrite;
mod schema;
mod secrets;
mod sections;
mod session;
mod skills;
mod substitute;
mod tools;
mod usage;
mod watch;
mod whole;
mod write;

use std::{fmt, os::unix::fs::MetadataExt};

use serde_json::Value;

pub use agents::{
    ActiveHours, Agent, AgentDefaults, AgentEntry, AgentPlace, AgentSettings, Agents, AgentsConfig,
    BreakPreference, Chunk, Coalesce, Compaction, CompactionMode, ContextInjection, ContextPruning,
    HardClear, Heartbeat, HumanDelay, HumanDelayMode, Identity, MAIN_AGENT, MemoryFlush, ModelChoice,
    ModelEntry, ModelPolicy, OnOff, Params, PruningMode, PruningTools, ReasoningLevel, SoftTrim,
    StreamingBreak, Subagents, ThinkingLevel, TimeFormat, TypingMode, VerboseLevel, add_agent, agent_id,
    bindings_of, put_workspace_aside, remove_agent, remove_bindings,
};
pub use approvals::{ApprovalForwarding, ApprovalMode, ApprovalTarget, ApprovalsConfig};
pub use auth::{AuthConfig, AuthMode, AuthProfile, CooldownsConfig};
pub use bindings::{BindingConfig, BindingKind, BindingMatch, BindingSession, PeerConfig, PeerKind};
pub use change::{ChangeError, Changed, JudgePlugins, change, rehearse};
pub use channels::{
    AllowBots, ChannelPolicy, ChatRule, ChunkMode, DirectRule, DmBlock, DmPolicy, GroupPolicy,
    ImplicitMentions, PlaceRule, ReplyToMode, SpaceRule, StreamMode, TopicRule,
};
pub use commands::{Auto, CommandsConfig, NativeCommands, PeerId};
pub use cron::{CronConfig, WebhookPolicy};
pub use diagnostics::{DiagnosticsConfig, OtelConfig};
pub use diff::diff;
pub use draft::Draft;
pub use edit::{Edit, EditError, apply, edit_file};
pub use env::Env;
pub use exclusive::exclusive;
pub use gateway::{
    AuthMethod, BindMode, ControlUiConfig, DEFAULT_PORT, EndpointConfig, EndpointsConfig, GatewayAuth,
    GatewayConfig, GatewayMode, HttpConfig, NodeCommandsConfig, NodePairingConfig, NodesConfig,
    RateLimitConfig, ReloadConfig, ReloadMode, RemoteConfig, TrustedProxyConfig,
};
pub use ids::{CommandAccess, IdList};
pub use include::{IncludeError, Sources};
pub use inspect::{Inspected, is_unfilled};
pub use judge::{Judgement, judge, without_known_keys};
pub use known::{ReloadKind, is_known, reload_kind};
pub use last_good::{keep_last_good, last_good};
pub use location::{JsonPath, Location, PathSyntaxError, Step};
pub use logging::{ConsoleStyle, LogLevel, LoggingConfig, RedactSensitive};
pub use messages::{
    AckScope, GroupChatConfig, InboundConfig, MessagesConfig, QueueConfig, QueueDrop, QueueMode,
};
pub use models::{
    CatalogueMode, CompatConfig, CostConfig, MaxTokensField, Modality, ModelConfig, ModelsConfig,
    ProviderAuth, ProviderConfig, RequestConfig,
};
pub use opaque::{Ignored, Opaque};
pub use ordered::Ordered;
pub use origin::{EnvConfig, MetaConfig};
pub use outline::Outline;
pub use parse::{Document, ParseError, locate};
pub use patch::{edits_between, merge_patch};
pub use paths::{Paths, PathsError};
pub use plugins::{
    DeadlinesConfig, EntryConfig, FilesConfig, IntegrityConfig, IsolationConfig, LoadConfig, MinisignConfig,
    PermissionsConfig, PluginsConfig,
};
pub use redact::{HIDDEN, PLACEHOLDER, Redactor, names_a_variable};
pub use restore::{has_placeholder, restore};
pub use revision::Fingerprint;
pub use rewrite::{edited, included_file_of, rewrite};
pub use schema::{Fault, InvalidSchema, Schema, type_name, unknown_key};
pub use secrets::{
    EnvProvider, ExecProvider, FileMode, FileProvider, SecretDefaults, SecretInput, SecretProvider,
    SecretRef, SecretSource, SecretsConfig, sensitive_key as has_secret_name,
};
pub use sections::Config;
pub use session::{
    DmScope, GroupScope, ResetConfig, ResetMode, ResetPolicy, SendAction, SendMatch, SendPolicy, SendRule,
    SessionConfig, SessionScope,
};
pub use skills::{SkillEntry, SkillsConfig, SkillsLoad};
pub use substitute::{MissingVariable, substitute};
pub use tools::{
    GatewayTool, MessageTool, NestedTools, SessionVisibility, ToolNames, ToolPolicy, ToolProfile, ToolRules,
    ToolsConfig, check as check_tools, names as tool_names,
};
pub use usage::provider_id;
pub use watch::{Asked, Change, News, Outcome, Reader, Watch};
pub use whole::{PluginSchemas, is_secret as is_secret_schema, json_schema};
pub use write::{write_alone, write_atomic};

/// A configuration together with the files that it came from.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// The files, as written.
    pub sources: Sources,
    /// What the operator should know and need not correct.
    pub warnings: Vec<Problem>,
}

/// Something about one value of the configuration, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written.
    pub at: Location,
    /// The value.
    pub path: JsonPath,
    /// What is the matter, and what is allowed.
    pub message: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The files can not be read as one value. A first start may take [`IncludeError::Missing`] for an empty file.
    #[error(transparent)]
    Include(#[from] IncludeError),
    /// The files say something that can not be.
    #[error("the configuration has {} to correct:{}", count(.0.len()), list(.0))]
    Invalid(Vec<Problem>),
}

// === impl Config ===

impl Config {
    /// Reads the file and everything that it includes, secrets too.
    pub fn load(paths: &Paths, env: &Env) -> Result<Self, ConfigError> {
        Loaded::read(paths, env).map(|loaded| loaded.config)
    }

    /// The configuration that `value` holds, which has no place in a file. Or all that is wrong with it.
    pub fn from_value(value: Value) -> Result<Self, Vec<Fault>> {
        Self::judged(value).map(|(config, _)| config)
    }

    /// The same, with the keys that have no effect here.
    fn judged(value: Value) -> Result<(Self, Vec<JsonPath>), Vec<Fault>> {
        let fault = |path: JsonPath, value: &Value| {
            let message = format!("is of type {}, but must be of type object", type_name(value));
            vec![Fault { path, message }]
        };
        let Some(all) = value.as_object() else {
            return Err(fault(JsonPath::root(), &value));
        };
        if let Some(channels) = all.get("channels").filter(|channels| !channels.is_object()) {
            return Err(fault(JsonPath::root().key("channels"), channels));
        }
        let (config, without_effect) = sections::read(all)?;
        let value = Opaque(value);
        Ok((Self { value, ..config }, without_effect))
    }

    /// The merged value, with variables replaced.
    pub fn value(&self) -> &Value {
        &self.value
    }
}

// === impl ConfigError ===

impl ConfigError {
    /// Is there no file at all?
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Include(IncludeError::Missing(_)))
    }
}

// === impl Loaded ===

impl Loaded {
    /// Reads the file and everything that it includes, replaces variables, fetches secrets and checks the result.
    pub fn read(paths: &Paths, env: &Env) -> Result<Self, ConfigError> {
        Self::read_as(paths, env, true)
    }

    /// The same without fetching secrets, which may need programs: references to them stay where they are.
    pub fn read_without_secrets(paths: &Paths, env: &Env) -> Result<Self, ConfigError> {
        Self::read_as(paths, env, false)
    }

    /// The same, if there is a file.
    pub fn read_if_there(paths: &Paths, env: &Env) -> Result<Option<Self>, ConfigError> {
        match Self::read(paths, env) {
            Err(error) if error.is_absence() => Ok(None),
            read => read.map(Some),
        }
    }

    fn read_as(paths: &Paths, env: &Env, with_secrets: bool) -> Result<Self, ConfigError> {
        let sources = Sources::read(&paths.config_file, &paths.include_roots)?;
        let read = config_of(&sources, paths, env, with_secrets);
        let (config, without_effect) = read.map_err(|faults| {
            let problems = faults.into_iter().map(|fault| Problem::of_fault(fault, &sources));
            ConfigError::Invalid(problems.collect())
        })?;
        let warnings = warnings(without_effect, &sources);
        Ok(Self {
            config,
            sources,
            warnings,
        })
    }
}

// === impl Problem ===

impl Problem {
    /// A fault with its place in the files.
    pub fn of_fault(fault: Fault, sources: &Sources) -> Self {
        Self {
            at: sources.locate(&fault.path),
            path: fault.path,
            message: fault.message,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.at, self.path, self.message)
    }
}

/// Variables of the process, and those that the file gives where the process has none.
struct Variables<'c> {
    env: &'c Env,
    written: &'c Value,
}

impl<'c> Variables<'c> {
    fn new(merged: &'c Value, env: &'c Env) -> Self {
        Self {
            env,
            written: &merged["env"],
        }
    }

    fn get(&self, name: &str) -> Option<&'c str> {
        let of_file = || {
            let beside = || self.written[name].as_str();
            self.written["vars"][name].as_str().or_else(beside)
        };
        self.env
            .var(name)
            .or_else(|| of_file().filter(|value| !value.is_empty()))
    }
}

fn config_of(
    sources: &Sources,
    paths: &Paths,
    env: &Env,
    with_secrets: bool,
) -> Result<(Config, Vec<JsonPath>), Vec<Fault>> {
    let variables = Variables::new(sources.merged(), env);
    let variable = |name: &str| variables.get(name);
    let missing = |all: Vec<MissingVariable>| -> Vec<Fault> {
        all.into_iter().map(MissingVariable::into_fault).collect()
    };
    let mut value = substitute(sources.merged(), &variable).map_err(missing)?;
    if with_secrets {
        let secrets = sections::secrets(&value)?;
        let places = secrets::Places {
            config: &secrets,
            variable: &variable,
            env,
            paths,
        };
        secrets::resolve(&mut value, &places)?;
    }
    let (mut config, without_effect) = Config::judged(value)?;
    config.skills.note_fetched(sources.merged());
    Ok((config, without_effect))
}

fn warnings(without_effect: Vec<JsonPath>, sources: &Sources) -> Vec<Problem> {
    let ignored = |path: JsonPath| Fault {
        path,
        message: "is a key of OpenClaw that has no effect here; it may be removed".into(),
    };
    let mut faults: Vec<_> = without_effect.into_iter().map(ignored).collect();
    let readable =
        |path: &std::path::Path| std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0);
    if sources.files().any(readable) {
        let message =
            "the file can be read by other users of this machine; if it holds secrets, run `chmod 600` on it"
                .into();
        faults.push(Fault {
            path: JsonPath::root(),
            message,
        });
    }
    faults
        .into_iter()
        .map(|fault| Problem::of_fault(fault, sources))
        .collect()
}

fn count(problems: usize) -> String {
    if problems == 1 {
        "one fault".into()
    } else {
        format!("{problems} faults")
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

#[cfg(test)]
mod tests;
