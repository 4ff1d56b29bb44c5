//! An answer that goes out in parts while it is written (`agents.defaults.blockStreaming…`).
//!
//! `cut` says where a part ends, `flow` what may go out when, `mark` what a killed process had let out; all of it without
//! I/O. Invariant: the parts one after the other are the beginning of the answer, so what is left to say is what stands
//! behind them, and nothing is said twice.
mod cut;
mod flow;
mod mark;

use crate::{
    agent::chunk::Limits,
    config::{
        AgentSettings, BreakPreference, ChannelPolicy, Coalesce, HumanDelayMode, OnOff, StreamingBreak,
    },
};
pub(super) use cut::Size;
pub(super) use flow::{Flow, Part, fenced};
pub(super) use mark::{Told, begins_with, behind, note};
use openclaw_plugin_api::ChannelInfo;
use std::time::Duration;

/// `blockStreamingChunk` where nobody says otherwise, characters.
const MIN_CHARS: usize = 800;
const MAX_CHARS: usize = 1200;
/// `blockStreamingCoalesce.idleMs` where nobody says otherwise.
const IDLE: Duration = Duration::from_secs(1);
/// Longest wait for more of a part.
const LONGEST_IDLE: Duration = Duration::from_secs(60);
/// Longest pause that `humanDelay` makes, milliseconds: a turn does not end before it.
const LONGEST_PAUSE: u64 = 10_000;
/// `humanDelay` in its mode `natural`, and where `custom` leaves a bound open, milliseconds.
const NATURAL: (u64, u64) = (800, 2500);

/// How an answer is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
    /// Where a part may end.
    pub(super) size: Size,
    /// Only whole messages of the model are divided.
    pub(super) at_message_end: bool,
    /// Fewest characters that go out at once, unless nothing more comes.
    pub(super) least: usize,
    /// Most that go out at once.
    pub(super) most: usize,
    /// How long nothing has to come for less to go out.
    pub(super) idle: Duration,
    /// Shortest and longest pause before each part but the first, milliseconds.
    pub(super) pause: (u64, u64),
}

impl Style {
    /// The style of an agent's answers in a channel. None: they go out whole.
    pub(super) fn of(
        agent: &AgentSettings,
        policy: &ChannelPolicy,
        info: &ChannelInfo,
        limits: &Limits,
    ) -> Option<Self> {
        let usual = agent.block_streaming_default == Some(OnOff::On);
        if !policy.block_streaming().unwrap_or(usual) {
            return None;
        }
        let limit = if limits.limit == 0 {
            usize::MAX
        } else {
            limits.limit
        };
        let chunk = agent.block_streaming_chunk.clone().unwrap_or_default();
        let max = chunk.max_chars.unwrap_or(MAX_CHARS).clamp(1, limit);
        let min = chunk.min_chars.unwrap_or(MIN_CHARS).clamp(1, max);
        let own = policy.block_streaming_coalesce();
        let usual = agent.block_streaming_coalesce.clone().unwrap_or_default();
        let of = |key: fn(&Coalesce) -> Option<usize>| own.and_then(key).or_else(|| key(&usual));
        let of_channel = usize::try_from(info.part_chars).ok().filter(|chars| *chars > 0);
        let most = of(|c| c.max_chars).unwrap_or(limit).clamp(1, limit);
        let least = of(|c| c.min_chars).or(of_channel).unwrap_or(min);
        let idle = own.and_then(|c| c.idle_ms).or(usual.idle_ms);
        Some(Self {
            size: Size {
                min,
                max,
                prefers: chunk.break_preference.unwrap_or(BreakPreference::Paragraph),
            },
            at_message_end: agent.block_streaming_break == Some(StreamingBreak::MessageEnd),
            least: least.clamp(1, most),
            most,
            idle: idle.map_or(IDLE, Duration::from_millis).min(LONGEST_IDLE),
            pause: pause(agent),
        })
    }
}

fn pause(agent: &AgentSettings) -> (u64, u64) {
    let delay = agent.human_delay.clone().unwrap_or_default();
    match delay.mode.unwrap_or(HumanDelayMode::Off) {
        HumanDelayMode::Off => (0, 0),
        HumanDelayMode::Natural => NATURAL,
        HumanDelayMode::Custom => {
            let least = delay.min_ms.unwrap_or(NATURAL.0).min(LONGEST_PAUSE);
            let most = delay.max_ms.unwrap_or(NATURAL.1).min(LONGEST_PAUSE);
            (least, most.max(least))
        }
    }
}

#[cfg(test)]
mod tests;
