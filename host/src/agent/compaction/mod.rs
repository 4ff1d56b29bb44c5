//! What happens when a conversation no longer fits into the window: its older part becomes a summary.
//!
//! [`shorten`] does the whole for a turn, [`summarise`] for `/compact`; both change the [`History`](super::turn::History)
//! only, and writing it down is the caller's. [`flush_due`] tells when a silent turn should come before. Invariant: a tool
//! call and its answer are never on two sides of the cut.
mod cut;
mod flush;
mod prune;
mod shorten;
mod summariser;
mod summary;

pub use cut::{Cut, cut};
pub use flush::{FLUSH_PROMPT, FLUSH_SYSTEM, Flush, flush_due, flush_near};
pub use prune::{Pruning, prune};
pub use shorten::{Shortened, Shortening, summarise};
pub(super) use shorten::{ask, shorten};
pub use summariser::Summariser;
pub use summary::{MAX_SUMMARY_TOKENS, parts, request};

use crate::config::Compaction;

/// Most that is read of a conversation, tokens: more than any model's window.
const MAX_READ: u64 = 2_000_000;

/// What stays as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// Is it done by itself? Asked for, it is always done.
    pub automatic: bool,
    /// Tokens of the newest messages that are kept.
    pub keep_tokens: u64,
    /// Newest turns that are kept.
    pub keep_turns: usize,
    /// Most of the window that the kept part may take, 0 to 1.
    pub share: f64,
}

// === impl Policy ===

impl Policy {
    /// What the configuration says.
    pub fn of(config: &Compaction) -> Self {
        let turns = config.recent_turns_preserve.unwrap_or(3);
        Self {
            automatic: config.enabled.unwrap_or(true),
            keep_tokens: config.keep_recent_tokens.unwrap_or(20_000),
            keep_turns: usize::try_from(turns).unwrap_or(usize::MAX),
            share: config.max_history_share.unwrap_or(0.5).clamp(0.1, 0.9),
        }
    }

    /// How much of a conversation is read, tokens. `cap` is `contextTokens`. What a model can't take is summarised, which
    /// keeps what was said at its beginning; what is not read would be lost without a word. Only where nothing is
    /// summarised the conversation is cut to the operator's window.
    pub fn read_back(self, cap: Option<u64>) -> u64 {
        cap.filter(|_| !self.automatic).unwrap_or(MAX_READ)
    }

    /// For a second try, after the provider said that what was kept is still too long.
    #[must_use]
    pub fn tighter(self) -> Self {
        Self {
            keep_tokens: self.keep_tokens / 4,
            keep_turns: 1,
            share: self.share / 4.0,
            ..self
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::of(&Compaction::default())
    }
}

#[cfg(test)]
mod tests;
