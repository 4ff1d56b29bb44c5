//! What operators set. The places are OpenClaw's own, so that an existing file works.
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The configuration: the plugin's own keys, and sections of `openclaw.json` under their own paths.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Variables that every command gets, by name.
    pub env: BTreeMap<String, String>,
    /// The sandbox of this system, for commands that nobody has approved.
    pub sandbox: Sandbox,
    /// Most commands at once, those that have ended and can still be looked at among them. Default: 32.
    pub max_sessions: Option<usize>,
    /// The program that keeps commands. Default: the gateway's own.
    #[schemars(extend("x-ui" = {"label": "Keeper", "advanced": true}))]
    pub keeper: Option<String>,
    /// `tools`
    pub tools: Tools,
    /// `agents`
    pub agents: Agents,
}

/// The sandbox of this system.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Sandbox {
    /// Further files and folders that commands may read.
    pub read: Vec<String>,
    /// Further files and folders that commands may change.
    pub write: Vec<String>,
    /// May they use the internet? Default: false.
    pub network: bool,
    /// Run commands even where the kernel can't confine them. Default: false, they are refused.
    pub optional: bool,
    /// Most processes of one command. Default: 256.
    pub processes: Option<u32>,
    /// Largest file that a command writes, megabytes. Default: 4096.
    pub file_size_mb: Option<u64>,
}

/// `tools`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Tools {
    /// `tools.exec`
    pub exec: Exec,
    /// `tools.elevated`
    pub elevated: Elevated,
}

/// `tools.exec`, for all agents or for one.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Exec {
    /// Where commands run: `sandbox` (default), `gateway`, `auto`.
    pub host: Option<Host>,
    /// What may run at all: `deny`, `allowlist`, `full`.
    pub security: Option<Security>,
    /// When the operator is asked: `off`, `on-miss`, `always`.
    pub ask: Option<Ask>,
    /// Both of them in one word: `deny`, `allowlist`, `ask`, `auto`, `full`.
    pub mode: Option<Mode>,
    /// Folders where programs are looked for first.
    pub path_prepend: Vec<String>,
    /// Programs that need no rule where they only read what is piped into them.
    pub safe_bins: Option<Vec<String>>,
    /// How long a call waits for its command, milliseconds. Default: 10000.
    pub background_ms: Option<u64>,
    /// How long a command may run, seconds. Default: 1800.
    pub timeout_sec: Option<u64>,
    /// The same.
    pub timeout_seconds: Option<u64>,
    /// How long a command that has ended can be looked at, milliseconds. Default: 1800000.
    pub cleanup_ms: Option<u64>,
    /// Does the agent hear of the end of a command in the background? Default: true.
    pub notify_on_exit: Option<bool>,
    /// Also of one that ended well and said nothing? Default: false.
    pub notify_on_exit_empty_success: Option<bool>,
}

/// `tools.elevated`, for all agents or for one.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Elevated {
    /// May anybody leave the sandbox by asking for it? Default: true, for those in `allowFrom`.
    pub enabled: Option<bool>,
    /// Who may, by channel: stable ids, or `*`.
    pub allow_from: BTreeMap<String, Vec<Id>>,
}

/// An id as operators write it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Id {
    /// A word.
    Text(String),
    /// A number.
    Number(i64),
}

/// `agents`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Agents {
    /// `agents.defaults`
    pub defaults: Defaults,
    /// `agents.list`
    pub list: Vec<Agent>,
    /// `agents.entries`
    pub entries: BTreeMap<String, Agent>,
}

/// `agents.defaults`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Defaults {
    /// How far a call with `elevated` goes: `off`, `on`, `ask`, `full`. Default: on.
    pub elevated_default: Option<Level>,
    /// `agents.defaults.sandbox`
    pub sandbox: Containers,
}

/// One agent.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Agent {
    /// Its id.
    pub id: String,
    /// What it sets for itself.
    pub tools: Tools,
    /// Its own `sandbox`.
    pub sandbox: Containers,
}

/// `sandbox`: a container engine around commands.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Containers {
    /// Which conversations run their commands in a container: `off` (default), `non-main`, `all`.
    pub mode: Option<ContainerMode>,
    /// What is seen of the workspace: `none` (default), `ro`, `rw`.
    pub workspace_access: Option<Access>,
    /// Who shares a container's folder, which is what lasts of it: `session`, `agent` (default), `shared`.
    pub scope: Option<Scope>,
    /// Where the containers' own folders are. Default: `sandboxes` beside the workspace.
    pub workspace_root: Option<String>,
    /// What containers are made of.
    pub docker: Docker,
}

/// `sandbox.docker`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Docker {
    /// The engine's program. Default: docker, or else podman.
    pub engine: Option<String>,
    /// Default: openclaw-sandbox:bookworm-slim.
    pub image: Option<String>,
    /// Default: openclaw-sbx-.
    pub container_prefix: Option<String>,
    /// Default: /workspace.
    pub workdir: Option<String>,
    /// Default: true.
    pub read_only_root: Option<bool>,
    /// Default: /tmp, /var/tmp, /run.
    pub tmpfs: Option<Vec<String>>,
    /// Default: none.
    pub network: Option<String>,
    /// Default: the gateway's own.
    pub user: Option<String>,
    /// Default: ALL.
    pub cap_drop: Option<Vec<String>>,
    /// Variables of its commands.
    pub env: BTreeMap<String, String>,
    /// Most processes. Default: 256.
    pub pids_limit: Option<u32>,
    /// Such as `1g`.
    pub memory: Option<String>,
    /// Such as `1.5`.
    pub cpus: Option<f64>,
    /// Further folders, `/on/the/host:/in/it:ro`.
    pub binds: Vec<String>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$each])* $variant),* }
    };
}

words!(
    /// Where a command runs.
    Host {
        /// Confined.
        Sandbox,
        /// As the gateway itself, with approval.
        Gateway,
        /// On another device.
        Node,
        /// Confined, unless it is asked otherwise.
        Auto,
    }
);
words!(
    /// What may run at all.
    Security {
        /// Nothing.
        Deny,
        /// What a rule or a person allows.
        Allowlist,
        /// Anything.
        Full,
    }
);
words!(
    /// When a person is asked.
    Ask {
        /// Never.
        Off,
        /// Where no rule decides.
        OnMiss,
        /// Every time.
        Always,
    }
);
words!(
    /// Security and ask in one word.
    Mode {
        /// Nothing runs.
        Deny,
        /// What a rule allows.
        Allowlist,
        /// What a rule or a person allows.
        Ask,
        /// The same.
        Auto,
        /// Anything.
        Full,
    }
);
words!(
    /// How far `elevated` goes.
    Level {
        /// Nowhere.
        Off,
        /// Out of the sandbox, with approval.
        On,
        /// The same.
        Ask,
        /// Out of the sandbox, without.
        Full,
    }
);
words!(
    /// Which conversations use containers.
    ContainerMode {
        /// None.
        Off,
        /// All but agents' main ones.
        NonMain,
        /// All.
        All,
    }
);
words!(
    /// Who shares a container's folder.
    Scope {
        /// Each conversation has its own.
        Session,
        /// Each agent has its own.
        Agent,
        /// All have one.
        Shared,
    }
);
words!(
    /// What a container sees of the workspace.
    Access {
        /// Nothing.
        None,
        /// All, to read.
        Ro,
        /// All.
        Rw,
    }
);
