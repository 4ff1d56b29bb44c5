//! When something of an answer goes out before its end: it follows the turn and knows neither chat nor journal.
//!
//! Invariants: what could not be kept is tried again after a pause and never at once; whoever stops the turn waits for no
//! pause, and what nobody has heard by then stays unsaid.
use super::super::{
    blocks::{Flow, Part},
    commands::Verbose,
    desk::JOURNAL_WAIT,
    tool_words::{self, Uses},
    turn::stopped,
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::AgentEvent;
use std::time::Duration;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

/// What went out of an answer before its end.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// The beginning of the answer.
    pub(super) out: String,
    /// In how many parts.
    pub(super) parts: usize,
    /// What had come of it beside.
    pub(super) rest: String,
}

/// Brings out what is said.
pub(super) trait Mouth: Sync {
    /// A part of the answer. False: it could not be kept.
    fn part<'m>(&'m self, part: &'m Part) -> BoxFuture<'m, bool>;

    /// A line about a tool, by the name that it has once.
    fn line(&self, what: String, text: String) -> BoxFuture<'_, ()>;
}

/// Lets out what is due.
pub(super) struct Aloud<'m> {
    mouth: &'m dyn Mouth,
    flow: Option<Flow>,
    verbose: Verbose,
    uses: Uses,
    stop: watch::Receiver<bool>,
    /// Something could not be kept: nothing is tried before.
    again_at: Option<Instant>,
}

// === impl Aloud ===

impl<'m> Aloud<'m> {
    /// Without a flow nothing of the answer goes out in parts.
    pub(super) fn new(
        mouth: &'m dyn Mouth,
        flow: Option<Flow>,
        verbose: Verbose,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            mouth,
            flow,
            verbose,
            uses: Uses::default(),
            stop,
            again_at: None,
        }
    }

    /// Follows a turn to its end, or until it is stopped. None: nothing of the answer goes out in parts.
    pub(super) async fn follow(
        mut self,
        mut heard: mpsc::Receiver<AgentEvent>,
        on: mpsc::Sender<AgentEvent>,
    ) -> Option<Spoken> {
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                () = stopped(self.stop.clone()) => break,
                event = heard.recv() => match event {
                    Some(event) => {
                        self.hear(&event).await;
                        // nobody has to look
                        let _ = on.send(event).await;
                    }
                    None => break,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.say(false).await,
            }
        }
        drop(on);
        let mut flow = self.flow?;
        let rest = flow.rest();
        let (out, parts) = flow.told();
        if parts > 0 {
            reached(&self.stop, flow.not_before()).await;
        }
        Some(Spoken {
            out: out.to_owned(),
            parts,
            rest,
        })
    }

    /// When there is something to do, if nothing more is heard.
    fn due(&self) -> Option<Instant> {
        let due = self.flow.as_ref().and_then(Flow::due)?;
        Some(self.again_at.map_or(due, |again| again.max(due)))
    }

    async fn hear(&mut self, event: &AgentEvent) {
        match event {
            AgentEvent::Text { text } => {
                if let Some(flow) = &mut self.flow {
                    flow.write(text, Instant::now());
                }
                self.say(false).await;
            }
            AgentEvent::ToolStarted { id, name, arguments } => {
                if let Some(flow) = &mut self.flow {
                    flow.end_message(Instant::now());
                }
                // what was said before comes before
                self.say(true).await;
                let line = self.uses.began(id, name, arguments);
                if self.verbose != Verbose::Off {
                    self.mouth.line(format!("tool-{id}"), line).await;
                }
            }
            AgentEvent::ToolEnded { id, output } => {
                let used = self.uses.ended(id);
                if let Some(text) = tool_words::ended(self.verbose, &used, output) {
                    self.mouth.line(format!("tool-{id}-end"), text).await;
                }
            }
            _ => {}
        }
    }

    /// Lets out what is due, or all there is.
    async fn say(&mut self, all: bool) {
        if self.again_at.is_some_and(|again| again > Instant::now()) {
            return;
        }
        while let Some(flow) = &mut self.flow {
            if all && flow.told().1 > 0 && !reached(&self.stop, flow.not_before()).await {
                return;
            }
            let Some(part) = flow.next(Instant::now(), all) else {
                return;
            };
            if !self.mouth.part(&part).await {
                self.again_at = Some(Instant::now() + JOURNAL_WAIT);
                return;
            }
            self.again_at = None;
            let pause = pause(flow.pause());
            flow.went(&part, pause, Instant::now());
        }
    }
}

/// Waits until then. False: the turn was stopped before.
async fn reached(stop: &watch::Receiver<bool>, then: Instant) -> bool {
    tokio::select! {
        biased;
        () = stopped(stop.clone()) => false,
        () = sleep_until(then) => true,
    }
}

/// A pause between two bounds. Without randomness of the system all are the shortest, which is no fault.
fn pause((least, most): (u64, u64)) -> Duration {
    let mut bytes = [0_u8; 8];
    let _ = getrandom::fill(&mut bytes);
    Duration::from_millis(least + u64::from_le_bytes(bytes) % (most - least + 1))
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{
            blocks::{Style, Told},
            chunk::Limits,
        },
        *,
    };
    use futures_util::FutureExt;
    use openclaw_plugin_api::{ChannelInfo, ToolOutput};
    use serde_json::json;
    use std::sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    const TEXT: &str = "The first paragraph.\n\nThe second paragraph.\n\nThe third";
    /// More tries than any of these tests may see.
    const TOO_MANY: usize = 20;

    /// Keeps what is said, while the disk takes it.
    #[derive(Default)]
    struct Book {
        refuses: AtomicBool,
        tries: AtomicUsize,
        said: Mutex<Vec<String>>,
    }

    impl Book {
        fn said(&self) -> Vec<String> {
            self.said.lock().expect("whole").clone()
        }
    }

    impl Mouth for Book {
        fn part<'m>(&'m self, part: &'m Part) -> BoxFuture<'m, bool> {
            let tries = self.tries.fetch_add(1, Ordering::Relaxed);
            assert!(tries < TOO_MANY, "it is tried again and again");
            let taken = !self.refuses.load(Ordering::Relaxed);
            if taken {
                self.said.lock().expect("whole").push(part.text.clone());
            }
            async move { taken }.boxed()
        }

        fn line(&self, _what: String, text: String) -> BoxFuture<'_, ()> {
            self.said.lock().expect("whole").push(text);
            async {}.boxed()
        }
    }

    /// Paragraph by paragraph, with so many seconds between them.
    fn flow(pause: u64) -> Flow {
        let settings = json!({
            "blockStreamingDefault": "on", "blockStreamingChunk": { "minChars": 10, "maxChars": 100 },
            "humanDelay": { "mode": "custom", "minMs": pause * 1_000, "maxMs": pause * 1_000 },
        });
        let agent = serde_json::from_value(settings).expect("settings");
        let policy = serde_json::from_value(json!({})).expect("a policy");
        let style = Style::of(&agent, &policy, &ChannelInfo::default(), &Limits::default());
        Flow::new(style.expect("on"), Told::default(), Instant::now())
    }

    fn text(text: &str) -> AgentEvent {
        AgentEvent::Text { text: text.into() }
    }

    #[tokio::test(start_paused = true)]
    async fn what_cant_be_kept_is_tried_again_after_a_while() {
        let book = Book::default();
        book.refuses.store(true, Ordering::Relaxed);
        let (turn, heard) = mpsc::channel(8);
        let (on, _seen) = mpsc::channel(8);
        let stop = watch::channel(false).1;
        let aloud = Aloud::new(&book, Some(flow(0)), Verbose::Off, stop);
        let script = async {
            let turn = turn;
            turn.send(text(TEXT)).await.expect("heard");
            tokio::time::sleep(2 * JOURNAL_WAIT + JOURNAL_WAIT / 2).await;
            let tries = book.tries.load(Ordering::Relaxed);
            assert!((1..=3).contains(&tries) && book.said().is_empty(), "{tries}");
            book.refuses.store(false, Ordering::Relaxed);
            tokio::time::sleep(JOURNAL_WAIT).await;
        };
        let ((), spoken) = tokio::join!(script, aloud.follow(heard, on));
        assert_eq!(book.said(), ["The first paragraph.\n\nThe second paragraph."]);
        assert_eq!(spoken.map(|spoken| spoken.rest).as_deref(), Some("The third"));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stops_the_turn_waits_for_no_pause() {
        let book = Book::default();
        let (turn, heard) = mpsc::channel(8);
        let (on, mut seen) = mpsc::channel(8);
        let (stop, stopping) = watch::channel(false);
        let aloud = Aloud::new(&book, Some(flow(10)), Verbose::Full, stopping);
        let script = async {
            turn.send(text(TEXT)).await.expect("heard");
            seen.recv().await.expect("passed on");
            // all of this is said already when somebody stops it
            let output = ToolOutput::default();
            turn.try_send(AgentEvent::ToolEnded {
                id: "1".into(),
                output,
            })
            .expect("room");
            turn.try_send(text("\n\nAnd more.\n\n")).expect("room");
            stop.send_replace(true);
            drop(turn);
        };
        let began = Instant::now();
        let ((), spoken) = tokio::join!(script, aloud.follow(heard, on));
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let spoken = spoken.expect("in parts");
        assert_eq!((spoken.parts, book.said().len()), (1, 1), "{:?}", book.said());
    }
}
