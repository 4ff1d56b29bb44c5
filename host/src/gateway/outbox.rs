//! What waits to be sent to one client.
//!
//! Invariants: frames leave in the order in which they came; the `seq` of events rises by one per event; the bytes that
//! wait are bounded, and a client that lets them reach the bound is closed; nothing is taken in after the close.
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::Notify, time::Instant};

use super::{frame, limits};

/// The queue of one client.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

/// Why and how a socket is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

/// What the writer does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Send(String),
    Close(Close),
    /// Nothing before this time.
    Pause(Instant),
    Wait,
}

/// An event on its way, its parts written already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    pub(crate) name: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) state_version: Option<&'a str>,
    /// Leave it out if the client is slow; its `seq` is used up, so that the client sees the gap.
    pub(crate) droppable: bool,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// A frame that is to come alone was sent: the next one not before this time.
    quiet: Option<Instant>,
    seq: u64,
    close: Option<Close>,
}

#[derive(Debug)]
struct Frame {
    text: String,
    alone: bool,
}

// === impl Outbox ===

impl Outbox {
    /// Takes a frame.
    pub(crate) fn send(&self, frame: String) {
        self.take(frame, false);
    }

    /// Takes a frame that the client gets alone: what comes behind it waits for [`limits::ALONE`].
    pub(crate) fn send_alone(&self, frame: String) {
        self.take(frame, true);
    }

    fn take(&self, text: String, alone: bool) {
        let mut state = self.state();
        if state.close.is_none() {
            if state.fits(text.len()) {
                state.push(text, alone);
            } else {
                state.overflow();
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Takes an event.
    pub(crate) fn send_event(&self, event: Event<'_>) {
        let mut state = self.state();
        if state.close.is_none() {
            state.seq += 1;
            let frame = frame::event(event.name, event.payload, Some(state.seq), event.state_version);
            if state.fits(frame.len()) {
                state.push(frame, false);
            } else if !event.droppable {
                state.overflow();
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Closes the socket when everything that waits is sent. The first close counts.
    pub(crate) fn close(&self, code: u16, reason: impl Into<String>) {
        self.state().close.get_or_insert(Close {
            code,
            reason: reason.into(),
        });
        self.changed.notify_one();
    }

    /// Is it closed?
    pub(crate) fn is_closed(&self) -> bool {
        self.state().close.is_some()
    }

    /// The next thing to do.
    pub(crate) fn next(&self) -> Next {
        let mut state = self.state();
        if let Some(until) = state.quiet {
            if Instant::now() < until {
                return Next::Pause(until);
            }
            state.quiet = None;
        }
        if let Some(Frame { text, alone }) = state.frames.pop_front() {
            state.bytes -= text.len() + limits::FRAME_OVERHEAD;
            state.quiet = alone.then(|| Instant::now() + limits::ALONE);
            return Next::Send(text);
        }
        state.close.clone().map_or(Next::Wait, Next::Close)
    }

    /// Waits until there may be something to do.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn fits(&self, length: usize) -> bool {
        self.bytes + length + limits::FRAME_OVERHEAD <= limits::MAX_BUFFERED
    }

    fn push(&mut self, text: String, alone: bool) {
        self.bytes += text.len() + limits::FRAME_OVERHEAD;
        self.frames.push_back(Frame { text, alone });
    }

    fn overflow(&mut self) {
        *self = Self {
            seq: self.seq,
            close: Some(Close {
                code: 1008,
                reason: "slow consumer".into(),
            }),
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(droppable: bool) -> Event<'static> {
        Event {
            name: "e",
            payload: "{}",
            state_version: None,
            droppable,
        }
    }

    #[test]
    fn a_slow_client_is_closed_and_its_queue_freed() {
        let outbox = Outbox::default();
        let frame = "x".repeat(10 * 1024 * 1024 - limits::FRAME_OVERHEAD);
        (0..5).for_each(|_| outbox.send(frame.clone()));
        outbox.send_event(event(true));
        assert!(
            !outbox.is_closed(),
            "an event that may be left out closes nothing"
        );
        outbox.send_event(event(false));
        assert_eq!(
            outbox.next(),
            Next::Close(Close {
                code: 1008,
                reason: "slow consumer".into()
            })
        );
        outbox.send("late".into());
        assert_eq!(outbox.state().bytes, 0);
    }

    #[test]
    fn a_left_out_event_leaves_a_gap() {
        let outbox = Outbox::default();
        outbox.send_event(event(true));
        outbox.send("x".repeat(limits::MAX_BUFFERED - 2000));
        (0..40).for_each(|_| outbox.send_event(event(true)));
        let (mut seqs, mut last) = (Vec::new(), 0);
        while let Next::Send(frame) = outbox.next() {
            if let Ok(frame) = serde_json::from_str::<serde_json::Value>(&frame) {
                last = frame["seq"].as_u64().unwrap();
                seqs.push(last);
            }
        }
        outbox.send_event(event(true));
        let Next::Send(frame) = outbox.next() else {
            panic!("nothing sent")
        };
        assert!(frame.contains("\"seq\":42") && last < 41, "{frame} after {last}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_follows_at_once_what_comes_alone() {
        let outbox = Outbox::default();
        outbox.send("before".into());
        outbox.send_alone("alone".into());
        outbox.send("after".into());
        outbox.close(1012, "service restart");
        assert_eq!(outbox.next(), Next::Send("before".into()));
        assert_eq!(outbox.next(), Next::Send("alone".into()));
        let until = Instant::now() + limits::ALONE;
        assert_eq!(outbox.next(), Next::Pause(until));
        tokio::time::advance(limits::ALONE).await;
        assert_eq!(outbox.next(), Next::Send("after".into()));
        assert!(matches!(outbox.next(), Next::Close(_)));
    }

    #[test]
    fn what_waits_is_sent_before_the_close() {
        let outbox = Outbox::default();
        outbox.send("bye".into());
        outbox.close(1012, "service restart");
        outbox.close(1008, "later");
        outbox.send("late".into());
        assert_eq!(outbox.next(), Next::Send("bye".into()));
        assert_eq!(
            outbox.next(),
            Next::Close(Close {
                code: 1012,
                reason: "service restart".into()
            })
        );
    }
}
