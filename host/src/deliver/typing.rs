//! When a chat is shown that somebody is typing.
use crate::config::TypingMode;
use openclaw_plugin_api::AgentEvent;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// An answer that is there sooner needs no sign: it would be broken off, and count against the platform's limits.
const FIRST_AFTER: Duration = Duration::from_millis(100);
/// The least time between two signs.
const SHORTEST: Duration = Duration::from_secs(1);

/// The signs for one answer.
#[derive(Debug)]
pub(super) struct Signs {
    mode: TypingMode,
    ticks: Interval,
    begun: bool,
}

impl Signs {
    /// For an answer that is begun now.
    pub(super) fn new(mode: TypingMode, every: Duration) -> Self {
        let mut ticks = interval_at(Instant::now() + FIRST_AFTER, every.max(SHORTEST));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            mode,
            ticks,
            begun: mode == TypingMode::Instant,
        }
    }

    /// This happens in the turn.
    pub(super) fn hear(&mut self, event: &AgentEvent) {
        self.begun |= match event {
            AgentEvent::Thinking { .. } | AgentEvent::ToolStarted { .. } => self.mode == TypingMode::Thinking,
            AgentEvent::Text { text } => self.mode != TypingMode::Never && !text.trim().is_empty(),
            _ => false,
        };
    }

    /// Waits until the next sign is due.
    pub(super) async fn due(&mut self) {
        if !self.begun {
            return std::future::pending().await;
        }
        self.ticks.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, timeout};

    const EVERY: Duration = Duration::from_secs(6);

    fn text(text: &str) -> AgentEvent {
        AgentEvent::Text { text: text.into() }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_there_at_once_has_no_sign() {
        let begun = Instant::now();
        let mut signs = Signs::new(TypingMode::Instant, EVERY);
        timeout(FIRST_AFTER - Duration::from_millis(1), signs.due())
            .await
            .expect_err("too early");
        signs.due().await;
        assert_eq!(begun.elapsed(), FIRST_AFTER);
        signs.due().await;
        assert_eq!(begun.elapsed(), FIRST_AFTER + EVERY);
    }

    #[tokio::test(start_paused = true)]
    async fn signs_are_not_shown_in_a_row() {
        let mut signs = Signs::new(TypingMode::Instant, Duration::ZERO);
        signs.due().await;
        timeout(SHORTEST - Duration::from_millis(1), signs.due())
            .await
            .expect_err("too early");
    }

    #[tokio::test(start_paused = true)]
    async fn somebody_types_from_what_the_operator_chose() {
        let thought = AgentEvent::Thinking { text: "hm".into() };
        for (mode, event, shown) in [
            (TypingMode::Never, text("words"), false),
            (TypingMode::Message, thought.clone(), false),
            (TypingMode::Message, text(" "), false),
            (TypingMode::Message, text("words"), true),
            (TypingMode::Thinking, thought, true),
        ] {
            let mut signs = Signs::new(mode, EVERY);
            signs.hear(&event);
            let due = timeout(FIRST_AFTER * 2, signs.due()).await;
            assert_eq!(due.is_ok(), shown, "{mode:?} {event:?}");
        }
    }
}
