//! What people may change of one conversation. Stored as part of the session's entry, under the names that entries of
//! OpenClaw have; fields of others are kept as they are.
use openclaw_plugin_api::Thinking;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// The changes; whatever is absent is as the configuration says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SessionSettings {
    /// How hard to think.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_level: Option<Thinking>,
    /// What to tell of the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbose_level: Option<Verbose>,
    /// Are thoughts shown?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_level: Option<Reasoning>,
    /// The line about tokens under answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_usage: Option<UsageFooter>,
    /// Provider of the chosen model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_override: Option<String>,
    /// The chosen model, without its provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_override: Option<String>,
    /// The chosen auth profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_profile_override: Option<String>,
    /// Who chose it: `user` or `auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_profile_override_source: Option<String>,
    /// What becomes of messages during a turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_mode: Option<QueueMode>,
    /// How long to wait for more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_debounce_ms: Option<u64>,
    /// How many may wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_cap: Option<u32>,
    /// What goes when more come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_drop: Option<QueueDrop>,
    /// When to answer in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_activation: Option<Activation>,
    /// May answers be sent?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_policy: Option<SendPolicy>,
    /// Everything else of the entry.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The queue as it is in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// What becomes of messages during a turn.
    pub mode: QueueMode,
    /// How long to wait for more.
    pub debounce_ms: u64,
    /// How many may wait.
    pub cap: u32,
    /// What goes when more come.
    pub drop: QueueDrop,
}

/// Defines an enum of words: as serde, `Display` and commands write them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal $(| $alias:literal)*,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word $(, alias = $alias)*)] $variant,)+
        }

        impl $name {
            /// The words, as people are told of them.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The value of a word, its synonyms included.
            pub fn from_word(word: &str) -> Option<Self> {
                match word.to_ascii_lowercase().as_str() {
                    $($word $(| $alias)* => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word,)+ })
            }
        }
    };
}

words! {
    /// What to tell of the work.
    Verbose {
        /// Nothing.
        #[default]
        Off = "off" | "no" | "false" | "0",
        /// Which tools run.
        On = "on" | "yes" | "true" | "1" | "minimal",
        /// Also what they answer.
        Full = "full" | "all" | "everything",
    }
}
words! {
    /// Are thoughts shown?
    Reasoning {
        /// No.
        #[default]
        Off = "off" | "hide" | "hidden" | "no" | "false",
        /// As a message of their own.
        On = "on" | "show" | "yes" | "true",
        /// While they come, in the preview.
        Stream = "stream" | "live" | "draft",
    }
}
words! {
    /// The line about tokens under answers.
    UsageFooter {
        /// None.
        #[default]
        Off = "off" | "no" | "false" | "none",
        /// Tokens.
        Tokens = "tokens" | "on" | "token" | "yes",
        /// Tokens, cost and session.
        Full = "full" | "all",
    }
}
words! {
    /// What becomes of messages that come during a turn.
    QueueMode {
        /// The running turn gets them at its next step.
        Steer = "steer" | "queue" | "steer-backlog" | "steer+backlog",
        /// Each is a turn of its own afterwards.
        Followup = "followup" | "follow-up",
        /// All are one turn afterwards.
        #[default]
        Collect = "collect",
        /// The running turn ends and the newest message is the next.
        Interrupt = "interrupt" | "abort",
    }
}
words! {
    /// What goes when more messages wait than may.
    QueueDrop {
        /// The oldest, and a summary of them stays.
        #[default]
        Summarize = "summarize" | "summary",
        /// The oldest.
        Old = "old" | "oldest",
        /// The newest.
        New = "new" | "newest",
    }
}
words! {
    /// When to answer in a group.
    Activation {
        /// When addressed.
        #[default]
        Mention = "mention",
        /// Always.
        Always = "always",
    }
}
words! {
    /// May answers be sent?
    SendPolicy {
        /// Yes.
        #[default]
        Allow = "allow" | "on",
        /// No.
        Deny = "deny" | "off",
    }
}

// === impl SessionSettings ===

impl SessionSettings {
    /// The chosen model, `provider/model`.
    pub fn model(&self) -> Option<String> {
        let model = self.model_override.as_ref()?;
        let provider = self.provider_override.as_ref()?;
        Some(format!("{provider}/{model}"))
    }

    /// The queue, with what is not chosen as the configuration says.
    pub fn queue(&self, configured: QueueSettings) -> QueueSettings {
        QueueSettings {
            mode: self.queue_mode.unwrap_or(configured.mode),
            debounce_ms: self.queue_debounce_ms.unwrap_or(configured.debounce_ms),
            cap: self.queue_cap.unwrap_or(configured.cap),
            drop: self.queue_drop.unwrap_or(configured.drop),
        }
    }
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            mode: QueueMode::default(),
            debounce_ms: 1000,
            cap: 20,
            drop: QueueDrop::default(),
        }
    }
}

/// How hard somebody wishes a model to think; none for an empty word. Or what is wrong with the word.
pub fn wished_thinking(word: &str) -> Result<Option<Thinking>, String> {
    match word {
        "" => Ok(None),
        word => thinking_from_word(word).map(Some).ok_or_else(|| {
            format!("invalid thinking level \"{word}\"; write off, minimal, low, medium, high or xhigh")
        }),
    }
}

/// How people write a level of thinking.
pub fn thinking_from_word(word: &str) -> Option<Thinking> {
    Some(match word.to_ascii_lowercase().as_str() {
        "off" | "none" | "no" => Thinking::Off,
        "minimal" | "min" | "think" => Thinking::Minimal,
        "low" | "on" => Thinking::Low,
        "medium" | "med" | "mid" => Thinking::Medium,
        "high" | "max" => Thinking::High,
        "xhigh" | "x-high" | "highest" | "ultra" => Thinking::Xhigh,
        _ => return None,
    })
}

/// How a level of thinking is written.
pub fn thinking_word(level: Thinking) -> &'static str {
    match level {
        Thinking::Off => "off",
        Thinking::Minimal => "minimal",
        Thinking::Low => "low",
        Thinking::Medium => "medium",
        Thinking::High => "high",
        Thinking::Xhigh => "xhigh",
    }
}
