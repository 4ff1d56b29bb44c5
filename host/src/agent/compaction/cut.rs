//! Where a conversation is cut: before which message the summary ends and the kept part begins.
use super::{super::tokens, Policy};
use openclaw_plugin_api::{Content, Message, Role};
use std::collections::HashSet;

/// Where to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The first message that is kept; everything before it is summarised.
    pub first_kept: usize,
    /// Tokens of the whole before the cut.
    pub tokens_before: u64,
    /// Tokens of what is kept.
    pub tokens_kept: u64,
}

/// Chooses the cut in the messages since the last one. None: there is nothing that could be summarised.
///
/// Whole turns are kept if they fit into the share of the window; else as many as do; else the cut goes through a turn.
pub fn cut(messages: &[Message], policy: Policy, window: tokens::Window) -> Option<Cut> {
    let kept = kept_tokens(messages);
    let whole = *kept.first()?;
    // the window is far below 2^53, so nothing is lost on the way through a float
    let most = (window.usable() as f64 * policy.share) as u64;
    let keep = policy.keep_tokens.min(most);
    let safe = boundaries(messages);
    let turns: Vec<usize> = safe
        .iter()
        .copied()
        .filter(|at| messages[*at].role == Role::User)
        .collect();
    // the turn that begins with the first message is no boundary but a turn
    if whole <= keep && turns.len() < policy.keep_turns.max(1) {
        return None;
    }
    let fits = |at: &usize| kept[*at] <= most;
    let by_turns = match policy.keep_turns.checked_sub(1) {
        Some(others) => turns.iter().rev().nth(others).copied(),
        None => Some(messages.len()),
    };
    let by_tokens = turns.iter().copied().find(|at| kept[*at] <= keep);
    let wanted = by_turns.map(|at| by_tokens.map_or(at, |other| at.min(other)));
    let first_kept = wanted
        .filter(|at| *at < messages.len())
        .filter(fits)
        .or_else(|| turns.iter().copied().find(fits))
        .or_else(|| safe.iter().copied().find(fits))
        .or_else(|| safe.last().copied())?;
    Some(Cut {
        first_kept,
        tokens_before: whole,
        tokens_kept: kept[first_kept],
    })
}

/// For each message the tokens of it and of all that follow.
fn kept_tokens(messages: &[Message]) -> Vec<u64> {
    let mut kept: Vec<u64> = messages.iter().map(tokens::of_message).collect();
    for at in (1..kept.len()).rev() {
        kept[at - 1] += kept[at];
    }
    kept
}

/// The messages before which a cut parts no tool call from its answer; never the first one.
fn boundaries(messages: &[Message]) -> Vec<usize> {
    let results = messages.iter().filter(|message| message.role == Role::ToolResult);
    let answered: HashSet<&str> = results.map(|message| message.tool_call_id.as_str()).collect();
    let mut waiting: HashSet<&str> = HashSet::new();
    let mut found = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if at > 0 && waiting.is_empty() && message.role != Role::ToolResult {
            found.push(at);
        }
        match message.role {
            Role::ToolResult => {
                waiting.remove(message.tool_call_id.as_str());
            }
            // some vendors number their calls anew in each answer: what an earlier turn left open is not this turn's
            Role::User => waiting.clear(),
            Role::Assistant => waiting.extend(message.content.iter().filter_map(|part| match part {
                Content::ToolCall { id, .. } if answered.contains(id.as_str()) => Some(id.as_str()),
                _ => None,
            })),
        }
    }
    found
}
