//! The silent turn before a compaction, in which an agent writes down what it wants to keep.
use super::super::tokens::Window;
use crate::config::MemoryFlush;

/// What the agent is asked, if the configuration has no text of its own.
pub const FLUSH_PROMPT: &str = "The older part of this conversation will be summarised soon. Write what should outlive it \
    into your memory files now: facts, decisions, promises, open ends. Append to today's notes and keep what is there. \
    If there is nothing to write, or when you are done, answer NO_REPLY.";

/// What is added to its system prompt.
pub const FLUSH_SYSTEM: &str =
    "This turn is for your memory only. Nobody reads the answer; it has to be NO_REPLY.";

/// What a decision is made of.
#[derive(Debug, Clone, Copy)]
pub struct Flush {
    /// Tokens of the conversation as the next request would have them.
    pub tokens: u64,
    /// Compactions that the session has behind it.
    pub compactions: u64,
    /// How many there were at the last silent turn.
    pub flushed_at: Option<u64>,
    /// The agent can write into its workspace.
    pub writable: bool,
}

/// Is it time for the silent turn? Once between two compactions, shortly before the second.
pub fn flush_due(config: &MemoryFlush, window: Window, state: Flush) -> bool {
    flush_near(config, window, state.tokens) && state.writable && state.flushed_at != Some(state.compactions)
}

/// Is the next compaction near, for a conversation of so many tokens? Until then nothing else has to be known.
pub fn flush_near(config: &MemoryFlush, window: Window, tokens: u64) -> bool {
    let soft = config.soft_threshold_tokens.unwrap_or(4_000);
    config.enabled.unwrap_or(true) && tokens > window.usable().saturating_sub(soft)
}
