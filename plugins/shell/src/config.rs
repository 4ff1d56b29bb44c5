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
    /// Programs that agents run.
    pub exec: Exec,
    /// Leaving the sandbox by asking for it.
    pub elevated: Elevated,
}

/// `tools.exec`, for all agents or for one.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Exec {
    /// Where commands run. Default: `sandbox`.
    pub host: Option<Host>,
    /// What may run at all. Default: `full` in the sandbox, `allowlist` outside.
    pub security: Option<Security>,
    /// When the operator is asked. Default: `off` in the sandbox, `on-miss` outside.
    pub ask: Option<Ask>,
    /// The device that runs commands where `host` is `node`: its id or its name. Default: the only one that does.
    pub node: Option<String>,
    /// `security` and `ask` in one word; each of them wins over it.
    pub mode: Option<Mode>,
    /// Folders where programs are looked for first.
    pub path_prepend: Vec<String>,
    /// Programs that need no rule where they only read what is piped into them.
    pub safe_bins: Option<Vec<String>>,
    /// How long a call waits for its command, milliseconds. Default: 10,000.
    pub background_ms: Option<u64>,
    /// How long a command may run, seconds. Default: 1,800.
    pub timeout_sec: Option<u64>,
    /// The same as `timeoutSec`.
    pub timeout_seconds: Option<u64>,
    /// After how long an agent hears that a command which somebody approved still runs, milliseconds; 0: never. Default: 10,000.
    pub approval_running_notice_ms: Option<u64>,
    /// How long a command that has ended can be looked at, milliseconds. Default: 1,800,000.
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
    /// How far a call with `elevated` goes. Default: `on`.
    pub elevated_default: Option<Level>,
    /// A container engine around commands.
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
    /// Which conversations run their commands in a container. Default: `off`.
    pub mode: Option<ContainerMode>,
    /// What is seen of the workspace. Default: `none`.
    pub workspace_access: Option<Access>,
    /// Who shares a container and its folder. Default: `agent`.
    pub scope: Option<Scope>,
    /// Where the containers' own folders are. Default: `sandboxes` beside the workspace.
    pub workspace_root: Option<String>,
    /// What containers are made of. What an agent sets for itself wins, unless all share one container.
    pub docker: Docker,
    /// When containers are taken away. Their folders stay.
    pub prune: Prune,
}

/// `sandbox.prune`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Prune {
    /// After so many hours in which nothing ran in it; 0: never. Default: 24.
    pub idle_hours: Option<u64>,
    /// So many days after it was made; 0: never. Default: 7.
    pub max_age_days: Option<u64>,
}

/// `sandbox.docker`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Docker {
    /// The engine's program. Default: docker, or else podman.
    pub engine: Option<String>,
    /// The image. Default: `openclaw-sandbox:bookworm-slim`.
    pub image: Option<String>,
    /// What names of containers begin with. Default: `openclaw-sbx-`.
    pub container_prefix: Option<String>,
    /// Where commands begin, in the container. Default: `/workspace`.
    pub workdir: Option<String>,
    /// May its own files not be changed? Default: true.
    pub read_only_root: Option<bool>,
    /// Folders that are kept in memory. Default: `/tmp`, `/var/tmp`, `/run`.
    pub tmpfs: Option<Vec<String>>,
    /// Its network, as the engine names it. Default: `none`.
    pub network: Option<String>,
    /// The user of its commands. Default: the gateway's own.
    pub user: Option<String>,
    /// Capabilities that are taken from it. Default: `ALL`.
    pub cap_drop: Option<Vec<String>>,
    /// Variables of its commands.
    pub env: BTreeMap<String, String>,
    /// Most processes. Default: 256.
    pub pids_limit: Option<u32>,
    /// Most memory, such as `1g`.
    pub memory: Option<Id>,
    /// Most memory and swap together, such as `2g`.
    pub memory_swap: Option<Id>,
    /// Most processors, such as `1.5`.
    pub cpus: Option<f64>,
    /// Graphics processors, as the engine names them.
    pub gpus: Option<String>,
    /// Limits of its processes by name, such as `nofile`.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// File with a seccomp profile.
    pub seccomp_profile: Option<String>,
    /// Name of an AppArmor profile.
    pub apparmor_profile: Option<String>,
    /// Servers for names.
    pub dns: Vec<String>,
    /// Further names of machines, such as `name:10.0.0.1`.
    pub extra_hosts: Vec<String>,
    /// Commands that are run in it once, when it is made.
    pub setup_command: Option<Lines>,
    /// Further folders, such as `/on/the/host:/in/it:ro`.
    pub binds: Vec<String>,
}

/// One limit of `sandbox.docker.ulimits`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Ulimit {
    /// As the engine writes it.
    One(Id),
    /// Both values.
    Both {
        /// What holds at first.
        soft: u64,
        /// What it can be raised to.
        hard: u64,
    },
}

/// One line, or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Lines {
    /// One.
    One(String),
    /// Several.
    All(Vec<String>),
}

impl Id {
    /// As a word.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.trim().to_owned(),
            Self::Number(number) => number.to_string(),
        }
    }
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
    /// Who shares a container.
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
