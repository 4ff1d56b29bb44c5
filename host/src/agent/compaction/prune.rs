//! Old answers of tools made shorter for one request; what is stored stays as it was.
//!
//! It is done after a pause longer than the vendor keeps its cache: then the whole prefix is paid for anew anyway, and a
//! shorter one is cheaper. Answers with pictures and everything near the end are left alone.
use super::super::tokens::{self, Window};
use crate::config::{ContextPruning, PruningTools};
use openclaw_plugin_api::{Content, Message, Role};
use std::time::Duration;

/// When and how old answers of tools are made shorter.
#[derive(Debug, Clone, PartialEq)]
pub struct Pruning {
    /// The pause after which it is done.
    pub ttl: Duration,
    /// Newest answers of the assistant with whose tools nothing is done.
    pub keep_assistants: usize,
    /// Share of the window from which long answers lose their middle.
    pub soft_ratio: f64,
    /// Share of the window from which answers are taken away.
    pub hard_ratio: f64,
    /// Nothing is taken away unless this many characters can be.
    pub min_chars: usize,
    /// Longer answers lose their middle.
    pub soft_max: usize,
    /// What stays of their beginning.
    pub head: usize,
    /// What stays of their end.
    pub tail: usize,
    /// What stands for an answer that was taken away.
    pub placeholder: String,
    /// Is anything taken away?
    pub clears: bool,
    /// With which tools it is done.
    pub tools: PruningTools,
}

// === impl Pruning ===

impl Default for Pruning {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(300),
            keep_assistants: 3,
            soft_ratio: 0.3,
            hard_ratio: 0.5,
            min_chars: 50_000,
            soft_max: 4_000,
            head: 1_500,
            tail: 1_500,
            placeholder: "[Old tool result content cleared]".into(),
            clears: true,
            tools: PruningTools::default(),
        }
    }
}

impl Pruning {
    /// What the configuration says. None: it is not done.
    pub fn of(config: &ContextPruning) -> Option<Self> {
        let usual = Self::default();
        let ContextPruning {
            soft_trim,
            hard_clear,
            ..
        } = config;
        Some(Self {
            ttl: config.pause()?,
            keep_assistants: config.keep_last_assistants.unwrap_or(usual.keep_assistants),
            soft_ratio: config.soft_trim_ratio.unwrap_or(usual.soft_ratio),
            hard_ratio: config.hard_clear_ratio.unwrap_or(usual.hard_ratio),
            min_chars: config.min_prunable_tool_chars.unwrap_or(usual.min_chars),
            soft_max: soft_trim.max_chars.unwrap_or(usual.soft_max),
            head: soft_trim.head_chars.unwrap_or(usual.head),
            tail: soft_trim.tail_chars.unwrap_or(usual.tail),
            placeholder: hard_clear.placeholder.clone().unwrap_or(usual.placeholder),
            clears: hard_clear.enabled.unwrap_or(true),
            tools: config.tools.clone(),
        })
    }

    fn is_for(&self, message: &Message) -> bool {
        is_prunable(message) && self.tools.admits(&message.tool_name)
    }
}

/// Makes old answers of tools shorter, if the last request was `idle` ago. True: something changed.
pub fn prune(messages: &mut [Message], pruning: &Pruning, window: Window, idle: Duration) -> bool {
    let over = |tokens: u64, ratio: f64| tokens as f64 > window.total as f64 * ratio;
    let mut total = tokens::of_messages(&*messages);
    if idle < pruning.ttl || !over(total, pruning.soft_ratio) {
        return false;
    }
    let end = prunable_end(messages, pruning.keep_assistants);
    let mut changed = false;
    for message in messages[..end]
        .iter_mut()
        .filter(|message| pruning.is_for(message))
    {
        let before = tokens::of_message(message);
        if soften(message, pruning) {
            changed = true;
            total = total.saturating_sub(before) + tokens::of_message(message);
        }
    }
    let left: usize = messages[..end]
        .iter()
        .filter(|m| pruning.is_for(m))
        .map(chars)
        .sum();
    if left < pruning.min_chars || !pruning.clears {
        return changed;
    }
    for message in messages[..end]
        .iter_mut()
        .filter(|message| pruning.is_for(message))
    {
        if !over(total, pruning.hard_ratio) {
            break;
        }
        let before = tokens::of_message(message);
        message.content = vec![Content::text(pruning.placeholder.clone())];
        total = total.saturating_sub(before) + tokens::of_message(message);
        changed = true;
    }
    changed
}

/// Everything from the n-th last answer of the assistant on is left alone.
fn prunable_end(messages: &[Message], keep: usize) -> usize {
    let Some(others) = keep.checked_sub(1) else {
        return messages.len();
    };
    let answers = messages.iter().enumerate().rev();
    answers
        .filter(|(_, message)| message.role == Role::Assistant)
        .nth(others)
        .map_or(0, |(at, _)| at)
}

fn is_prunable(message: &Message) -> bool {
    let pictures = |part: &Content| matches!(part, Content::Image { .. });
    message.role == Role::ToolResult && !message.content.iter().any(pictures)
}

fn chars(message: &Message) -> usize {
    let texts = message.content.iter().map(|part| match part {
        Content::Text { text } => text.chars().count(),
        _ => 0,
    });
    texts.sum()
}

fn soften(message: &mut Message, pruning: &Pruning) -> bool {
    let mut changed = false;
    for part in &mut message.content {
        let Content::Text { text } = part else {
            continue;
        };
        let count = text.chars().count();
        if count <= pruning.soft_max || count <= pruning.head + pruning.tail {
            continue;
        }
        let at = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
        let (head, tail) = (&text[..at(pruning.head)], &text[at(count - pruning.tail)..]);
        *text = format!("{head}\n…\n{tail}\n[{count} characters, the middle is left out]");
        changed = true;
    }
    changed
}
