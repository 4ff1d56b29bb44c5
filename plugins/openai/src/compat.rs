//! In what a service differs from OpenAI's Chat Completions, and what the operator says about it.
//!
//! The vendor's row gives the base; `compat` among a request's parameters (a model's `compat` in the configuration)
//! overrides it key by key. Keys that are not known have no effect.
use openclaw_plugin_api::{Thinking, prelude::*};
use serde_json::Map;
use std::collections::BTreeMap;

/// Differences of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirks {
    /// Takes `store`.
    pub store: bool,
    /// Knows the role `developer`.
    pub developer_role: bool,
    /// Takes an effort.
    pub reasoning_effort: bool,
    /// Takes `stream_options.include_usage`.
    pub usage_in_stream: bool,
    /// Takes tools.
    pub tools: bool,
    /// Takes `strict` with a tool.
    pub strict: bool,
    /// Takes content as text only, never as parts.
    pub string_content: bool,
    /// Wants the tool's name with its result.
    pub tool_result_name: bool,
    /// Wants the model to speak between a tool's result and a user.
    pub assistant_after_tool: bool,
    /// Takes ids of calls of exactly nine letters and digits.
    pub short_call_ids: bool,
    /// Takes `prompt_cache_key`.
    pub cache_key: bool,
    /// The field with the limit of the answer.
    pub max_tokens: MaxTokens,
    /// How thinking is asked for.
    pub thinking: ThinkingFormat,
}

/// The field with the limit of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxTokens {
    /// `max_tokens`
    Plain,
    /// `max_completion_tokens`
    Completion,
}

/// How a service is asked to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkingFormat {
    /// `reasoning_effort`
    OpenAi,
    /// `reasoning.effort`
    OpenRouter,
    /// `thinking.type` and `reasoning_effort`
    DeepSeek,
    /// `thinking.type`
    Zai,
    /// `reasoning.enabled`
    Together,
    /// `enable_thinking`
    Qwen,
    /// `chat_template_kwargs.enable_thinking`
    QwenChatTemplate,
}

/// What is known of a service and a model together.
#[derive(Debug, Clone)]
pub struct Compat {
    /// The differences.
    pub quirks: Quirks,
    /// Efforts that the model takes, the least first. None: not known.
    pub efforts: Option<Vec<String>>,
    /// Other words for levels, by the host's word.
    pub effort_words: BTreeMap<String, String>,
}

// === impl Quirks ===

impl Quirks {
    /// OpenAI itself.
    pub const OPENAI: Self = Self {
        store: true,
        developer_role: true,
        cache_key: true,
        max_tokens: MaxTokens::Completion,
        ..Self::PLAIN
    };

    /// What nearly every compatible service takes.
    pub const PLAIN: Self = Self {
        store: false,
        developer_role: false,
        reasoning_effort: true,
        usage_in_stream: true,
        tools: true,
        strict: false,
        string_content: false,
        tool_result_name: false,
        assistant_after_tool: false,
        short_call_ids: false,
        cache_key: false,
        max_tokens: MaxTokens::Plain,
        thinking: ThinkingFormat::OpenAi,
    };
}

// === impl Compat ===

impl Compat {
    /// A service's own, with what the operator says.
    pub fn new(quirks: Quirks, efforts: &[&str], overrides: Option<&Value>) -> Self {
        let known = (!efforts.is_empty()).then(|| efforts.iter().map(|&word| word.to_owned()).collect());
        let mut compat = Self {
            quirks,
            efforts: known,
            effort_words: BTreeMap::new(),
        };
        if let Some(Value::Object(overrides)) = overrides {
            compat.apply(overrides);
        }
        compat
    }

    fn apply(&mut self, overrides: &Map<String, Value>) {
        let quirks = &mut self.quirks;
        for (key, flag) in [
            ("supportsStore", &mut quirks.store),
            ("supportsDeveloperRole", &mut quirks.developer_role),
            ("supportsReasoningEffort", &mut quirks.reasoning_effort),
            ("supportsUsageInStreaming", &mut quirks.usage_in_stream),
            ("supportsTools", &mut quirks.tools),
            ("supportsStrictMode", &mut quirks.strict),
            ("supportsPromptCacheKey", &mut quirks.cache_key),
            ("requiresStringContent", &mut quirks.string_content),
            ("requiresToolResultName", &mut quirks.tool_result_name),
            (
                "requiresAssistantAfterToolResult",
                &mut quirks.assistant_after_tool,
            ),
            ("requiresMistralToolIds", &mut quirks.short_call_ids),
        ] {
            if let Some(value) = overrides.get(key).and_then(Value::as_bool) {
                *flag = value;
            }
        }
        match overrides.get("maxTokensField").and_then(Value::as_str) {
            Some("max_tokens") => quirks.max_tokens = MaxTokens::Plain,
            Some("max_completion_tokens") => quirks.max_tokens = MaxTokens::Completion,
            _ => {}
        }
        if let Some(format) = overrides.get("thinkingFormat").and_then(Value::as_str) {
            quirks.thinking = ThinkingFormat::named(format).unwrap_or(quirks.thinking);
        }
        if let Some(efforts) = overrides.get("supportedReasoningEfforts") {
            self.efforts = Vec::deserialize(efforts).ok().or(self.efforts.take());
        }
        if let Some(Value::Object(words)) = overrides.get("reasoningEffortMap") {
            let words = words
                .iter()
                .filter_map(|(level, word)| Some((level.clone(), word.as_str()?.to_owned())));
            self.effort_words = words.collect();
        }
    }

    /// The vendor's word for a level. None: say nothing of effort.
    ///
    /// A level that the model doesn't take becomes the next lower one that it does, or else its least.
    pub fn effort(&self, level: Thinking) -> Option<&str> {
        if !self.quirks.reasoning_effort {
            return None;
        }
        let rank = level as usize;
        if let Some(word) = self.effort_words.get(LEVELS[rank].0) {
            return Some(word);
        }
        let Some(efforts) = &self.efforts else {
            return (level != Thinking::Off).then_some(LEVELS[rank].1);
        };
        let takes = |word: &str| efforts.iter().find(|effort| *effort == word);
        // Someone who wants a little thought is not served by none.
        let least = usize::from(level != Thinking::Off);
        (least..=rank)
            .rev()
            .find_map(|level| takes(LEVELS[level].1))
            .or_else(|| efforts.iter().find(|word| least == 0 || *word != LEVELS[0].1))
            .map(String::as_str)
    }
}

/// The host's levels and OpenAI's words for them, the least first.
const LEVELS: [(&str, &str); 6] = [
    ("off", "none"),
    ("minimal", "minimal"),
    ("low", "low"),
    ("medium", "medium"),
    ("high", "high"),
    ("xhigh", "xhigh"),
];

// === impl ThinkingFormat ===

impl ThinkingFormat {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "openai" => Self::OpenAi,
            "openrouter" => Self::OpenRouter,
            "deepseek" => Self::DeepSeek,
            "zai" => Self::Zai,
            "together" => Self::Together,
            "qwen" => Self::Qwen,
            "qwen-chat-template" => Self::QwenChatTemplate,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_has_the_last_word() {
        let overrides = json!({
            "supportsStore": true, "maxTokensField": "max_completion_tokens", "thinkingFormat": "qwen",
            "supportedReasoningEfforts": ["low", "high"], "reasoningEffortMap": {"xhigh": "ultra"},
            "somethingElse": 1,
        });
        let compat = Compat::new(Quirks::PLAIN, &[], Some(&overrides));
        assert!(compat.quirks.store && !compat.quirks.developer_role);
        assert_eq!(compat.quirks.max_tokens, MaxTokens::Completion);
        assert_eq!(compat.quirks.thinking, ThinkingFormat::Qwen);
        assert_eq!(compat.effort(Thinking::Xhigh), Some("ultra"));
        assert_eq!(compat.effort(Thinking::Medium), Some("low"));
    }

    #[test]
    fn a_level_becomes_what_the_model_takes() {
        let modern = Compat::new(Quirks::OPENAI, &["none", "low", "medium", "high"], None);
        assert_eq!(modern.effort(Thinking::Off), Some("none"));
        assert_eq!(modern.effort(Thinking::Minimal), Some("low"));
        assert_eq!(modern.effort(Thinking::Xhigh), Some("high"));
        let old = Compat::new(Quirks::OPENAI, &["low", "medium", "high"], None);
        assert_eq!(old.effort(Thinking::Off), Some("low"));
        let unknown = Compat::new(Quirks::OPENAI, &[], None);
        assert_eq!(unknown.effort(Thinking::Off), None);
        assert_eq!(unknown.effort(Thinking::Minimal), Some("minimal"));
    }
}
