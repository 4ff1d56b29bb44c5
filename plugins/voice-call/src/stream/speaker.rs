//! What a caller hears: texts one after the other, or the voice of a model that speaks by itself.
//!
//! One task has the writing half of the socket, the queue and the clock. Invariants: what was cleared is never sent, and
//! neither is what an engine still says of it; a text is done when the carrier says that it was played, when it was
//! cleared, or when its time is over.
use super::{
    engines::Engine,
    frames,
    narrow::Narrow,
    player::{FRAME_TIME, LEAD, Player},
};
use futures_channel::{mpsc, oneshot};
use futures_util::{StreamExt, future::BoxFuture};
use openclaw_plugin_api::{Error, ErrorKind, Host, Result, Speaking, WsSender};
use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

/// Time for an engine's next piece of audio.
const ENGINE: Duration = Duration::from_secs(8);
/// Time for the carrier to say that all was played, beyond the time that it takes.
const ECHO: Duration = Duration::from_secs(5);
/// Texts that wait; one more is refused.
const MAX_TEXTS: usize = 32;

/// A clock that only goes forward.
pub(crate) type Beat = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What the one who speaks is asked.
#[derive(Debug)]
pub(crate) enum Command {
    /// Speak a text.
    Say {
        text: String,
        done: oneshot::Sender<Result<()>>,
    },
    /// Play more of what a model says.
    Play(Vec<u8>),
    /// The model has said it all.
    Rest,
    /// Stop. Tells how much of it was heard.
    Clear(Option<oneshot::Sender<Duration>>),
    /// The carrier has come to this mark.
    Mark(String),
}

/// Speaks.
pub(super) struct Speaker {
    host: Host,
    out: WsSender,
    stream: String,
    engine: Engine,
    beat: Beat,
    commands: mpsc::Receiver<Command>,
    queue: VecDeque<(String, oneshot::Sender<Result<()>>)>,
    current: Option<Utterance>,
    /// A model speaks by itself.
    live: bool,
    player: Player,
    marks: u64,
    timer: Option<(Duration, BoxFuture<'static, ()>)>,
}

/// A text that is being spoken.
struct Utterance {
    /// What the engine makes of it; `None` when it is through.
    speaking: Option<Speaking>,
    narrow: Narrow,
    done: oneshot::Sender<Result<()>>,
    /// When it is given up.
    deadline: Duration,
    /// The mark behind it, once it was sent.
    mark: Option<String>,
    /// The engine failed after it had begun.
    failed: Option<Error>,
}

enum Wake {
    Command(Option<Command>),
    Sound(Result<Option<Vec<u8>>>),
    Time,
}

// === impl Speaker ===

impl Speaker {
    pub(super) fn new(
        host: &Host,
        (out, stream): (WsSender, String),
        engine: Engine,
        beat: Beat,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        Self {
            host: host.clone(),
            out,
            stream,
            engine,
            beat,
            commands,
            queue: VecDeque::new(),
            current: None,
            live: false,
            player: Player::default(),
            marks: 0,
            timer: None,
        }
    }

    /// Speaks until nobody asks any more, or the socket is closed.
    pub(super) async fn run(mut self) -> Result<()> {
        loop {
            match self.wake().await {
                Wake::Command(None) => return Ok(()),
                Wake::Command(Some(command)) => self.obey(command).await?,
                Wake::Sound(sound) => self.hear_engine(sound),
                Wake::Time => {}
            }
            self.play().await?;
            self.settle().await?;
        }
    }

    async fn wake(&mut self) -> Wake {
        let now = (self.beat)();
        let deadline = self.current.as_ref().map(|current| current.deadline);
        let due = [self.player.due(now), deadline].into_iter().flatten().min();
        match due {
            None => self.timer = None,
            Some(due) if self.timer.as_ref().is_some_and(|(armed, _)| *armed == due) => {}
            Some(due) => {
                let (host, wait) = (self.host.clone(), due.saturating_sub(now));
                self.timer = Some((due, Box::pin(async move { host.sleep(wait).await })));
            }
        }
        poll_fn(|cx| {
            if let Some((_, timer)) = &mut self.timer
                && timer.as_mut().poll(cx).is_ready()
            {
                self.timer = None;
                return Poll::Ready(Wake::Time);
            }
            if let Poll::Ready(command) = self.commands.poll_next_unpin(cx) {
                return Poll::Ready(Wake::Command(command));
            }
            let speaking = self
                .current
                .as_mut()
                .and_then(|current| current.speaking.as_mut());
            if let Some(speaking) = speaking.filter(|_| self.player.wants())
                && let Poll::Ready(sound) = pin!(speaking.chunk()).poll(cx)
            {
                return Poll::Ready(Wake::Sound(sound));
            }
            Poll::Pending
        })
        .await
    }

    async fn obey(&mut self, command: Command) -> Result<()> {
        match command {
            Command::Say { text, done } if self.queue.len() < MAX_TEXTS => {
                self.queue.push_back((text, done));
                self.next();
            }
            Command::Say { done, .. } => {
                let error = Error::new(ErrorKind::Overloaded, "too much waits to be spoken in this call");
                // who has gone away wants no answer
                let _ = done.send(Err(error));
            }
            Command::Play(codes) => {
                if !std::mem::replace(&mut self.live, true) {
                    self.player.begin();
                }
                self.player.push(&codes);
            }
            Command::Rest => {
                self.live = false;
                self.player.finish();
            }
            Command::Clear(reply) => {
                let heard = self.player.heard();
                self.clear().await?;
                if let Some(reply) = reply {
                    let _ = reply.send(heard);
                }
            }
            Command::Mark(name) => {
                let reached = |current: &mut Utterance| current.mark.as_ref() == Some(&name);
                if let Some(current) = self.current.take_if(reached) {
                    current.end(Ok(()));
                    self.next();
                }
            }
        }
        Ok(())
    }

    /// Begins the next text, if none is being spoken.
    fn next(&mut self) {
        while self.current.is_none() {
            let Some((text, done)) = self.queue.pop_front() else {
                return;
            };
            match self.engine.speak(&self.host, &text) {
                Ok(speaking) => {
                    self.player.begin();
                    self.current = Some(Utterance {
                        speaking: Some(speaking),
                        narrow: Narrow::new(),
                        done,
                        deadline: (self.beat)() + ENGINE,
                        mark: None,
                        failed: None,
                    });
                }
                Err(error) => drop(done.send(Err(error))),
            }
        }
    }

    fn hear_engine(&mut self, sound: Result<Option<Vec<u8>>>) {
        let Some(current) = &mut self.current else { return };
        match sound {
            Ok(Some(pcm)) => {
                self.player.push(&current.narrow.push(&pcm));
                current.deadline = (self.beat)() + ENGINE;
            }
            Ok(None) => {
                self.player.push(&current.narrow.finish());
                self.player.finish();
                current.speaking = None;
            }
            Err(error) => {
                self.player.finish();
                (current.speaking, current.failed) = (None, Some(error));
            }
        }
    }

    /// Sends what is due.
    async fn play(&mut self) -> Result<()> {
        loop {
            let now = (self.beat)();
            if self.player.due(now).is_none_or(|due| due > now) {
                return Ok(());
            }
            let Some(frame) = self.player.take(now) else {
                return Ok(());
            };
            self.out.text(frames::media(&self.stream, &frame)).await?;
        }
    }

    /// Is the text over?
    async fn settle(&mut self) -> Result<()> {
        let now = (self.beat)();
        let sent_all = self.player.is_empty();
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        if current.speaking.is_none() && current.mark.is_none() && sent_all {
            if !self.player.has_sent() {
                // not a word: whoever asked may have it said by other means
                let failed = current.failed.take();
                self.end(failed.map_or(Ok(()), Err));
                return Ok(());
            }
            self.marks += 1;
            let name = format!("tts-{}", self.marks);
            current.deadline = now + FRAME_TIME * LEAD + ECHO;
            current.mark = Some(name.clone());
            return self.out.text(frames::mark(&self.stream, &name)).await;
        }
        if current.deadline <= now {
            if current.mark.is_some() {
                // it was sent; that the carrier does not say so is no reason to say it again
                self.end(Ok(()));
            } else if current.speaking.is_some() && self.player.wants() {
                let error = Error::new(ErrorKind::Timeout, "the engine that speaks said nothing in time");
                self.player.finish();
                (current.speaking, current.failed) = (None, Some(error));
                return Box::pin(self.settle()).await;
            } else {
                // the engine waits for the player, not the other way round
                current.deadline = now + ENGINE;
            }
        }
        Ok(())
    }

    fn end(&mut self, outcome: Result<()>) {
        if let Some(current) = self.current.take() {
            current.end(outcome);
        }
        self.next();
    }

    async fn clear(&mut self) -> Result<()> {
        let sounding =
            self.player.has_sent() && (self.current.is_some() || self.live || !self.player.is_empty());
        let waiting = self.queue.drain(..).map(|(_, done)| done);
        for done in waiting.chain(self.current.take().map(|current| current.done)) {
            // to be interrupted is no failure
            let _ = done.send(Ok(()));
        }
        self.player.clear();
        self.live = false;
        if sounding {
            self.out.text(frames::clear(&self.stream)).await?;
        }
        Ok(())
    }
}

impl Utterance {
    fn end(self, outcome: Result<()>) {
        if let Some(error) = self.failed {
            tracing::warn!(%error, "voice-call: a text broke off; what was heard of it is not said again");
        }
        // who has gone away wants no answer
        let _ = self.done.send(outcome);
    }
}
