//! All runs that clients are told of.
//!
//! A tale begins when there is somebody to hear it, and is told to its end. Who comes while a run is under way hears
//! what it has said by then, and the rest.
use super::{
    event::{self, Event},
    tale::Tale,
};
use crate::agent::live::{Run, Step};
use std::{collections::HashMap, sync::Arc};
use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Tales {
    by_run: HashMap<String, Tale>,
}

impl Tales {
    /// None is being told.
    pub(super) fn is_empty(&self) -> bool {
        self.by_run.is_empty()
    }

    /// When there is something to tell without a step.
    pub(super) fn due(&self) -> Option<Instant> {
        self.by_run.values().filter_map(Tale::due).min()
    }

    /// What is told of a step. A run of which nothing was told yet stays untold for nobody.
    pub(super) fn step(
        &mut self,
        run: &Arc<Run>,
        step: &Step,
        anybody: bool,
        now: Instant,
        now_ms: i64,
    ) -> Vec<Event> {
        let is_told = self.by_run.contains_key(&run.id) || anybody && may_begin(run, step);
        if !is_told {
            return Vec::new();
        }
        let mut told = Vec::new();
        let tale = self.by_run.entry(run.id.clone()).or_insert_with(|| {
            if matches!(step, Step::Opened) {
                return Tale::new(run, now);
            }
            let mut tale = Tale::joined(run, now);
            told = tale.catch_up(run, now, now_ms);
            tale
        });
        told.extend(tale.step(run, step, now, now_ms));
        if matches!(step, Step::Ended) {
            self.by_run.remove(&run.id);
        }
        told
    }

    /// The time has come to tell what has grown.
    pub(super) fn ring(&mut self, now: Instant, now_ms: i64) -> Vec<Event> {
        let tales = self.by_run.values_mut();
        let due = tales.filter(|tale| tale.due().is_some_and(|due| due <= now));
        due.flat_map(|tale| tale.ring(now, now_ms)).collect()
    }

    /// News were missed. What runs have said is at the runs; those that are not active any more have ended.
    pub(super) fn catch_up(&mut self, active: &[Arc<Run>], now: Instant, now_ms: i64) -> Vec<Event> {
        let mut told = Vec::new();
        for run in active {
            let tale = self.by_run.entry(run.id.clone());
            let tale = tale.or_insert_with(|| Tale::joined(run, now));
            told.extend(tale.catch_up(run, now, now_ms));
        }
        self.by_run.retain(|id, tale| {
            let goes_on = active.iter().any(|run| run.id == *id);
            if !goes_on {
                // its words are in the history; that it is over is what has to be known
                told.push(event::chat(tale.chat_event("final")));
            }
            goes_on
        });
        told
    }
}

/// A step may come behind the end of its run. A tale that began with it would never end.
fn may_begin(run: &Run, step: &Step) -> bool {
    matches!(step, Step::Opened | Step::Ended) || run.how().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::live::{End, Live, Source},
        clock::Clock,
    };
    use openclaw_plugin_api::{AgentEvent, Usage};

    /// A run of a client that writes, and what is told of it.
    struct Stage {
        live: Live,
        run: Arc<Run>,
        tales: Tales,
    }

    impl Stage {
        fn new() -> Self {
            let live = Live::new(Clock::system());
            let (run, _) = live.open_for("r", "agent:main:main", "main", Source::Client, "connection");
            Self {
                live,
                run,
                tales: Tales::default(),
            }
        }

        fn step(&mut self, step: &Step, anybody: bool) -> Vec<Event> {
            self.tales.step(&self.run, step, anybody, Instant::now(), 0)
        }

        fn begins(&mut self, anybody: bool) {
            self.step(&Step::Opened, anybody);
            self.step(&Step::Acked, anybody);
            self.run.began("session");
            self.step(&Step::Began, anybody);
            self.run.asks("demo", "demo");
            let (provider, model) = ("demo".into(), "demo".into());
            self.step(&Step::Asks { provider, model }, anybody);
        }

        fn says(&self, text: &str) {
            self.run.hear(&AgentEvent::Text { text: text.into() });
        }

        fn ends(&self) {
            let (text, usage) = ("Hello there, friend".to_owned(), Usage::default());
            self.live.end("r", End::Answered { text, usage });
        }
    }

    /// State and new text of each event of the chat.
    fn chat(events: &[Event]) -> Vec<(&str, &str)> {
        let chat = events.iter().filter(|event| event.name == "chat");
        chat.map(|event| {
            let word = |field: &str| event.payload[field].as_str().unwrap_or_default();
            (word("state"), word("deltaText"))
        })
        .collect()
    }

    #[test]
    fn who_comes_in_the_middle_hears_what_was_said_and_the_rest() {
        let mut stage = Stage::new();
        stage.begins(false);
        stage.says("Hello there");
        assert!(stage.step(&Step::Grew, false).is_empty() && stage.tales.is_empty());
        stage.says(", fri");
        assert_eq!(
            chat(&stage.step(&Step::Grew, true)),
            [("delta", "Hello there, fri")]
        );
        // who leaves again may come back
        assert!(!stage.tales.is_empty());
        stage.ends();
        let told = stage.step(&Step::Ended, true);
        assert_eq!(chat(&told), [("delta", "end"), ("final", "")]);
        let phases: Vec<_> = told.iter().map(|event| &event.payload["data"]["phase"]).collect();
        assert!(
            phases.iter().any(|phase| *phase == "end"),
            "the turn's end too: {phases:?}"
        );
        assert!(stage.tales.is_empty());
    }

    #[test]
    fn what_comes_behind_the_end_begins_no_tale() {
        let mut stage = Stage::new();
        stage.begins(true);
        stage.ends();
        assert!(!stage.step(&Step::Ended, true).is_empty());
        assert!(stage.step(&Step::Wrote, true).is_empty());
        assert!(stage.step(&Step::Compacting(false), true).is_empty());
        assert!(stage.tales.is_empty());
    }

    #[test]
    fn a_run_that_is_over_before_it_is_told_of_is_told_of_as_any_other() {
        let mut stage = Stage::new();
        stage.ends();
        stage.begins(true);
        assert_eq!(chat(&stage.step(&Step::Ended, true)).last(), Some(&("final", "")));
    }

    #[test]
    fn after_news_were_missed_what_goes_on_goes_on_and_what_is_gone_is_over() {
        let mut stage = Stage::new();
        stage.begins(true);
        stage.says("Hello");
        let now = Instant::now();
        let told = stage.tales.catch_up(&stage.live.active(None), now, 0);
        assert_eq!(chat(&told), [("delta", "Hello")]);
        stage.ends();
        let told = stage.tales.catch_up(&stage.live.active(None), now, 0);
        assert_eq!(chat(&told), [("final", "")]);
        assert!(stage.tales.is_empty());
    }
}
