//! All runs that clients are told of.
//!
//! A tale begins when there is somebody to hear it, and is told to its end. Who comes while a run is under way hears
//! what it has said by then, and the rest.
use super::{event::Event, tale::Tale};
use crate::agent::live::{News, Run, Step};
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};
use tokio::{
    sync::broadcast::{Receiver, error::TryRecvError},
    time::Instant,
};

#[derive(Debug, Default)]
pub(super) struct Tales {
    by_run: HashMap<String, Told>,
    /// Runs whose ends were told when news were missed. The step itself may still come, as long as somebody has the run.
    over: Vec<Weak<Run>>,
}

/// A run that is told of.
#[derive(Debug)]
struct Told {
    run: Arc<Run>,
    tale: Tale,
}

// === impl Tales ===

impl Tales {
    /// None is being told.
    pub(super) fn is_empty(&self) -> bool {
        self.by_run.is_empty()
    }

    /// When there is something to tell without a step.
    pub(super) fn due(&self) -> Option<Instant> {
        self.by_run.values().filter_map(|told| told.tale.due()).min()
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
        let ends = matches!(step, Step::Ended);
        if ends && self.was_over(run) {
            return Vec::new();
        }
        let is_told = self.by_run.contains_key(&run.id) || anybody && may_begin(run, step);
        if !is_told {
            return Vec::new();
        }
        let mut events = Vec::new();
        let told = self.by_run.entry(run.id.clone()).or_insert_with(|| {
            if matches!(step, Step::Opened) {
                return Told::new(run, Tale::new(run, now));
            }
            let mut told = Told::new(run, Tale::joined(run, now));
            events = told.tale.catch_up(run, now, now_ms);
            told
        });
        events.extend(told.tale.step(run, step, now, now_ms));
        if ends {
            self.by_run.remove(&run.id);
        }
        events
    }

    /// The time has come to tell what has grown, run by run.
    pub(super) fn ring(&mut self, now: Instant, now_ms: i64) -> Vec<(Arc<Run>, Vec<Event>)> {
        let is_due = |told: &&mut Told| told.tale.due().is_some_and(|due| due <= now);
        let due = self.by_run.values_mut().filter(is_due);
        due.map(|told| (told.run.clone(), told.tale.ring(now, now_ms)))
            .collect()
    }

    /// News were missed. What is told then, run by run: what runs have said is at the runs, and so is how they ended.
    pub(super) fn catch_up(
        &mut self,
        active: &[Arc<Run>],
        now: Instant,
        now_ms: i64,
    ) -> Vec<(Arc<Run>, Vec<Event>)> {
        for run in active {
            let told = self.by_run.entry(run.id.clone());
            told.or_insert_with(|| Told::new(run, Tale::joined(run, now)));
        }
        self.over.retain(|run| run.strong_count() > 0);
        let mut all = Vec::new();
        self.by_run.retain(|_, Told { run, tale }| {
            let mut events = tale.catch_up(run, now, now_ms);
            let is_over = run.how().is_some();
            if is_over {
                events.extend(tale.step(run, &Step::Ended, now, now_ms));
                self.over.push(Arc::downgrade(run));
            }
            all.push((run.clone(), events));
            !is_over
        });
        all
    }

    /// Was the end of this run told before its step came? Asked once, by that step.
    fn was_over(&mut self, run: &Arc<Run>) -> bool {
        let place = self
            .over
            .iter()
            .position(|over| std::ptr::eq(over.as_ptr(), Arc::as_ptr(run)));
        place.map(|place| self.over.swap_remove(place)).is_some()
    }
}

impl Told {
    fn new(run: &Arc<Run>, tale: Tale) -> Self {
        Self {
            run: run.clone(),
            tale,
        }
    }
}

/// News were missed: passes over what is still there, for it is older than what runs say of themselves now, and a step that
/// is told a second time would be another one. Gives the runs whose ends were among it.
pub(super) fn pass_over(news: &mut Receiver<News>) -> Vec<Arc<Run>> {
    let mut ended = Vec::new();
    // no more than were there: what comes meanwhile is not waited for
    for _ in 0..news.len() {
        match news.try_recv() {
            Ok(News::Run(run, Step::Ended)) => ended.push(run),
            Ok(_) | Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    ended
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

        fn catches_up(&mut self) -> Vec<Event> {
            let active = self.live.active(None);
            let told = self.tales.catch_up(&active, Instant::now(), 0);
            told.into_iter().flat_map(|(_, events)| events).collect()
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
    fn what_is_told_a_little_later_is_known_to_be_of_its_run() {
        let mut stage = Stage::new();
        stage.begins(true);
        let thought = AgentEvent::Thinking { text: "Hm".into() };
        stage.run.hear(&thought);
        stage.step(&Step::Grew, true);
        stage.says("Hello");
        stage.step(&Step::Grew, true);
        let due = stage.tales.due().expect("more is to come");
        let told = stage.tales.ring(due, 0);
        assert!(told.iter().all(|(run, _)| run.id == "r"));
        // when a model has begun to answer is told to who asked it, and to nobody else
        let to_sender = |event: &Event| event.payload["phase"] == "first-assistant-event";
        assert!(told.iter().flat_map(|(_, events)| events).any(to_sender));
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
    fn what_was_begun_is_told_to_its_end_also_to_nobody() {
        let mut stage = Stage::new();
        stage.begins(true);
        stage.says("Hello there");
        stage.step(&Step::Grew, false);
        stage.ends();
        assert_eq!(
            chat(&stage.step(&Step::Ended, false)).last(),
            Some(&("final", ""))
        );
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
        assert_eq!(chat(&stage.catches_up()), [("delta", "Hello")]);
        stage.ends();
        let told = stage.catches_up();
        assert_eq!(chat(&told), [("delta", " there, friend"), ("final", "")]);
        assert!(stage.tales.is_empty());
    }

    #[test]
    fn an_end_that_was_told_because_news_were_missed_is_not_told_again() {
        let mut stage = Stage::new();
        stage.begins(true);
        stage.live.end("r", End::Aborted);
        assert_eq!(chat(&stage.catches_up()), [("aborted", "")]);
        let again = stage.step(&Step::Ended, true);
        assert!(again.is_empty(), "it was still in the channel: {again:?}");
        assert!(stage.tales.is_empty() && stage.tales.over.is_empty());
    }

    #[test]
    fn an_end_that_was_missed_keeps_nothing_and_hides_no_other_run() {
        let mut stage = Stage::new();
        stage.begins(true);
        stage.ends();
        stage.catches_up();
        // another run under the same name
        let old = std::mem::replace(
            &mut stage.run,
            stage.live.open("r", "k", "main", Source::Channel).0,
        );
        stage.begins(true);
        stage.ends();
        assert_eq!(chat(&stage.step(&Step::Ended, true)).last(), Some(&("final", "")));
        assert_eq!(stage.tales.over.len(), 1);
        drop(old);
        stage.catches_up();
        assert!(stage.tales.over.is_empty(), "nobody has the run any more");
    }

    #[test]
    fn what_is_older_than_what_a_run_says_of_itself_is_passed_over() {
        let mut stage = Stage::new();
        stage.begins(true);
        let mut news = stage.live.watch();
        let (short, _) = stage.live.open("s", "k", "main", Source::Channel);
        // more than the channel holds
        (0..5_000).for_each(|_| short.wrote());
        stage.run.asks("demo", "demo");
        stage.says("Hello");
        stage.live.end("s", End::Aborted);
        assert!(matches!(news.try_recv(), Err(TryRecvError::Lagged(_))));
        let ended = pass_over(&mut news);
        assert!(ended.iter().map(|run| &run.id).eq(["s"]));
        assert_eq!(chat(&stage.catches_up()), [("delta", "Hello")]);
        stage.says(" there");
        let mut told = Vec::new();
        let later = Instant::now() + std::time::Duration::from_secs(1);
        while let Ok(News::Run(run, step)) = news.try_recv() {
            told.extend(stage.tales.step(&run, &step, true, later, 0));
        }
        assert_eq!(chat(&told), [("delta", " there")]);
    }
}
