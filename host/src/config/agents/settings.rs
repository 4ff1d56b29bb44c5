//! What both `agents.defaults` and one agent can say: models, folders, thinking, streaming, limits.
//!
//! Everything is optional: an agent's own key wins over the default's, and [`super::Agents`] knows what holds if both
//! are silent.
use super::{
    heartbeat::Heartbeat,
    model::{ModelChoice, ModelEntry, ModelPolicy, Params},
    pruning::ContextPruning,
};
use openclaw_plugin_api::Thinking;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Keys of `agents.defaults` and of `agents.entries.<id>`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentSettings {
    /// The model that answers.
    pub model: Option<ModelChoice>,
    /// Accepted, without effect but that its provider's plugin is on: a model for images.
    pub image_model: Option<ModelChoice>,
    /// Accepted, without effect but that its provider's plugin is on: a model for side tasks.
    pub utility_model: Option<ModelChoice>,
    /// Models by reference: aliases and parameters.
    pub models: BTreeMap<String, ModelEntry>,
    /// Which models people may choose.
    pub model_policy: ModelPolicy,
    /// Parameters that are sent with every model call.
    pub params: Params,
    /// Folder with its instructions and files. Default: `<state>/workspace`, or `<state>/workspace-<id>`.
    pub workspace: Option<String>,
    /// Accepted, without effect: a folder that is shown as the repository.
    pub repo_root: Option<String>,
    /// Skills that it may use. None: all.
    pub skills: Option<Vec<String>>,
    /// Accepted, without effect: instruction files in a new workspace.
    pub skip_bootstrap: Option<bool>,
    /// Most characters of one instruction file in the prompt. Default: 20,000.
    #[schemars(range(min = 1))]
    pub bootstrap_max_chars: Option<usize>,
    /// Most characters of all instruction files in the prompt. Default: 60,000.
    #[schemars(range(min = 1))]
    pub bootstrap_total_max_chars: Option<usize>,
    /// Accepted, without effect: instruction files are always part of the prompt.
    pub context_injection: Option<ContextInjection>,
    /// The user's time zone, like `Europe/Berlin`. Default: `UTC` in what the agent is told, else the machine's.
    pub user_timezone: Option<String>,
    /// Accepted, without effect: how times are written.
    pub time_format: Option<TimeFormat>,
    /// Time zone in the line before each message: `utc`, `local`, `user` or a zone. Default: `utc`.
    pub envelope_timezone: Option<String>,
    /// Is the time in the line before each message? Default: `on`.
    pub envelope_timestamp: Option<OnOff>,
    /// Accepted, without effect: the time since the last message in that line.
    pub envelope_elapsed: Option<OnOff>,
    /// Most tokens of the context window that are used. Default: the model's window.
    #[schemars(range(min = 1))]
    pub context_tokens: Option<u64>,
    /// What to do when the window is full.
    pub compaction: Compaction,
    /// When old answers of tools are made shorter.
    pub context_pruning: ContextPruning,
    /// How hard to think. Default: `low` if the model can, else `off`.
    pub thinking_default: Option<ThinkingLevel>,
    /// Does the agent say what tools do? Default: `off`.
    pub verbose_default: Option<VerboseLevel>,
    /// Accepted, without effect: `/reasoning` says it for each conversation.
    pub reasoning_default: Option<ReasoningLevel>,
    /// Are finished parts of an answer sent before the whole? Default: `off`.
    pub block_streaming_default: Option<OnOff>,
    /// When a part is finished. Default: `text_end`.
    pub block_streaming_break: Option<StreamingBreak>,
    /// How large the parts are.
    pub block_streaming_chunk: Option<Chunk>,
    /// When small parts are sent as one.
    pub block_streaming_coalesce: Option<Coalesce>,
    /// Pauses between the parts.
    pub human_delay: Option<HumanDelay>,
    /// Longest turn, seconds. 0: no limit. Default: 600.
    #[schemars(range(max = 86_400))]
    pub timeout_seconds: Option<u64>,
    /// Largest file that is taken in or sent, megabytes. Default: 5.
    #[schemars(range(min = 0.001, max = 1024.0))]
    pub media_max_mb: Option<f64>,
    /// How often "is typing" is shown again, seconds. Default: 4.
    #[schemars(range(min = 1, max = 3600))]
    pub typing_interval_seconds: Option<u64>,
    /// When "is typing" is shown. Default: `instant` in direct chats and when mentioned, else `message`.
    pub typing_mode: Option<TypingMode>,
    /// When it looks by itself whether anything needs attention.
    pub heartbeat: Option<Heartbeat>,
    /// Agents that this one starts.
    pub subagents: Subagents,
}

/// `agents.defaults.compaction`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Compaction {
    /// Summarise the conversation before the window overflows? Default: true.
    pub enabled: Option<bool>,
    /// Accepted, without effect: long conversations are summarised in pieces by themselves.
    pub mode: Option<CompactionMode>,
    /// The model that summarises. Default: the agent's.
    pub model: Option<String>,
    /// Tokens of the window that stay free for the answer. Default: 20,000, at most a quarter of the window.
    pub reserve_tokens_floor: Option<u64>,
    /// Most of the window that the kept part of the conversation takes. Default: 0.5.
    #[schemars(range(min = 0.1, max = 0.9))]
    pub max_history_share: Option<f64>,
    /// Tokens of the newest messages that are kept as they are. Default: 20,000.
    pub keep_recent_tokens: Option<u64>,
    /// Newest turns that are kept as they are. Default: 3.
    #[schemars(range(max = 12))]
    pub recent_turns_preserve: Option<u32>,
    /// Longest summary call, seconds. Default: 300.
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_seconds: Option<u64>,
    /// Tell the user? Default: false.
    pub notify_user: Option<bool>,
    /// A turn before it, in which the agent writes down what it wants to keep.
    pub memory_flush: MemoryFlush,
}

/// `agents.defaults.compaction.memoryFlush`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct MemoryFlush {
    /// Do it? Default: true.
    pub enabled: Option<bool>,
    /// How many tokens before the compaction. Default: 4,000.
    pub soft_threshold_tokens: Option<u64>,
    /// What the agent is asked.
    pub prompt: Option<String>,
    /// What is added to its system prompt.
    pub system_prompt: Option<String>,
    /// The model. Default: the agent's.
    pub model: Option<String>,
}

/// `agents.defaults.blockStreamingChunk`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Chunk {
    /// Fewest characters of a part. Default: 800.
    #[schemars(range(min = 1))]
    pub min_chars: Option<usize>,
    /// Most characters of a part. Default: 1200.
    #[schemars(range(min = 1))]
    pub max_chars: Option<usize>,
    /// Where a part ends best. Default: `paragraph`.
    pub break_preference: Option<BreakPreference>,
}

/// `agents.defaults.blockStreamingCoalesce`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Coalesce {
    /// Fewest characters that are sent at once.
    #[schemars(range(min = 1))]
    pub min_chars: Option<usize>,
    /// Most characters that are sent at once.
    #[schemars(range(min = 1))]
    pub max_chars: Option<usize>,
    /// How long to wait for more, milliseconds. Default: 1000.
    pub idle_ms: Option<u64>,
}

/// `agents.defaults.humanDelay`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct HumanDelay {
    /// Which pauses. Default: `off`.
    pub mode: Option<HumanDelayMode>,
    /// Shortest pause in mode `custom`, milliseconds. Default: 800.
    #[schemars(range(max = 600_000))]
    pub min_ms: Option<u64>,
    /// Longest pause in mode `custom`, milliseconds. Default: 2500.
    #[schemars(range(max = 600_000))]
    pub max_ms: Option<u64>,
}

/// `agents.defaults.subagents`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Subagents {
    /// Which agents it may start; `*` stands for all. Default: itself only.
    pub allow_agents: Option<Vec<String>>,
    /// How many run at the same time. Default: 8.
    #[schemars(range(min = 1, max = 1024))]
    pub max_concurrent: Option<usize>,
    /// How deep subagents start subagents. Default: 1.
    #[schemars(range(min = 1, max = 5))]
    pub max_spawn_depth: Option<u32>,
    /// How many of them one agent may have. Default: 5.
    #[schemars(range(min = 1, max = 20))]
    pub max_children_per_agent: Option<u32>,
    /// Accepted, without effect: their conversations stay.
    pub archive_after_minutes: Option<u64>,
    /// Their model. Default: the agent's.
    pub model: Option<ModelChoice>,
    /// How hard they think. Default: as the agent does.
    pub thinking: Option<ThinkingLevel>,
    /// Longest run, seconds. 0: no limit. Default: 0.
    #[schemars(range(max = 86_400))]
    pub run_timeout_seconds: Option<u64>,
}

/// Declares enumerations of one word for each value, as they are written in the file.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
        pub enum $name {$(
            $(#[$value_doc])*
            #[serde(rename = $word)]
            $value,
        )+}
    )+};
}

words! {
    /// A switch that is written as a word.
    OnOff {
        /// Yes.
        On = "on",
        /// No.
        Off = "off",
    }
    /// How hard to think.
    ThinkingLevel {
        /// Not at all.
        Off = "off",
        /// A little.
        Minimal = "minimal",
        /// Less than usual.
        Low = "low",
        /// As usual.
        Medium = "medium",
        /// More than usual.
        High = "high",
        /// Very hard.
        Xhigh = "xhigh",
        /// As the model decides; here the same as `medium`.
        Adaptive = "adaptive",
        /// As hard as it can; here the same as `xhigh`.
        Max = "max",
        /// As hard as it can; here the same as `xhigh`.
        Ultra = "ultra",
    }
    /// What the agent says of its tools.
    VerboseLevel {
        /// Nothing.
        Off = "off",
        /// Which tools it uses.
        On = "on",
        /// Also what they answer.
        Full = "full",
    }
    /// Whether thoughts are shown.
    ReasoningLevel {
        /// No.
        Off = "off",
        /// As a message of their own.
        On = "on",
        /// While they are thought, where the channel can show them.
        Stream = "stream",
    }
    /// When instruction files are part of the prompt.
    ContextInjection {
        /// In every turn.
        Always = "always",
        /// Not in turns that continue at once after another.
        ContinuationSkip = "continuation-skip",
        /// Never.
        Never = "never",
    }
    /// How times are written.
    TimeFormat {
        /// As is usual where the user is.
        Auto = "auto",
        /// 3 pm
        Twelve = "12",
        /// 15:00
        TwentyFour = "24",
    }
    /// When a part of an answer is finished.
    StreamingBreak {
        /// When a text ends, also between tool calls.
        TextEnd = "text_end",
        /// When the message ends.
        MessageEnd = "message_end",
    }
    /// Where a part of an answer ends best.
    BreakPreference {
        /// Between paragraphs.
        Paragraph = "paragraph",
        /// At the end of a line.
        Newline = "newline",
        /// At the end of a sentence.
        Sentence = "sentence",
    }
    /// Pauses between the parts of an answer.
    HumanDelayMode {
        /// None.
        Off = "off",
        /// 800 to 2500 ms.
        Natural = "natural",
        /// `minMs` to `maxMs`.
        Custom = "custom",
    }
    /// When "is typing" is shown.
    TypingMode {
        /// Never.
        Never = "never",
        /// As soon as the message is accepted.
        Instant = "instant",
        /// As soon as the model thinks.
        Thinking = "thinking",
        /// As soon as there is text.
        Message = "message",
    }
    /// How to summarise.
    CompactionMode {
        /// In one go.
        Default = "default",
        /// In pieces, for long conversations.
        Safeguard = "safeguard",
    }
}

pub(in crate::config) use words;

// === impl ThinkingLevel ===

impl From<ThinkingLevel> for Thinking {
    fn from(level: ThinkingLevel) -> Self {
        match level {
            ThinkingLevel::Off => Self::Off,
            ThinkingLevel::Minimal => Self::Minimal,
            ThinkingLevel::Low => Self::Low,
            ThinkingLevel::Medium | ThinkingLevel::Adaptive => Self::Medium,
            ThinkingLevel::High => Self::High,
            ThinkingLevel::Xhigh | ThinkingLevel::Max | ThinkingLevel::Ultra => Self::Xhigh,
        }
    }
}
