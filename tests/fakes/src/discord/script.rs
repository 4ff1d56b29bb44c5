//! What goes wrong: with a call, with a connection, and when.
use super::{Discord, State};
use std::{collections::VecDeque, time::Duration};

/// What happens to the next call with a key instead of its answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Discord refuses with this status, code and words.
    Refuse {
        /// HTTP status.
        status: u16,
        /// `code` of the body.
        code: u32,
        /// `message` of the body.
        message: String,
    },
    /// 429 with its headers, though the bucket had room.
    Limited {
        /// `retry_after`.
        after: Duration,
        /// Of the whole bot.
        global: bool,
    },
    /// 429 of the network in front: a page and `Retry-After`, no bucket.
    Banned {
        /// `Retry-After`.
        after: Duration,
    },
    /// Something on the way answers with a page of its own; nothing happens.
    Page {
        /// HTTP status.
        status: u16,
    },
    /// The call takes effect, and something on the way answers with a page of its own.
    PageAfter {
        /// HTTP status.
        status: u16,
    },
    /// The call takes effect, and the connection breaks within the answer.
    Cut,
    /// The call takes effect, and nothing is ever answered.
    HalfOpen,
    /// The answer comes late.
    Delay(Duration),
}

/// What goes wrong with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It ends without a close frame.
    Drop,
    /// It is closed with a code.
    Close(u16),
    /// Op 7: connect again and resume.
    Reconnect,
    /// Op 9.
    Invalid {
        /// May the session be resumed?
        resumable: bool,
    },
    /// Heartbeats are not acknowledged any more; everything else goes on.
    Deaf,
    /// Nothing is read or written any more, and the socket stays open.
    HalfOpen,
}

/// When something goes wrong with a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// In place of op 10.
    Hello,
    /// In place of `READY`.
    Identify,
    /// In place of the replay.
    Resume,
}

#[derive(Debug, Default)]
pub(super) struct Script {
    calls: Vec<(String, Fault)>,
    connections: Vec<(Moment, Trouble)>,
    /// Events that the next resumes tell once more, each.
    pub(super) repeated: VecDeque<usize>,
}

impl Discord {
    /// What happens to the next call with a key. Several for one key happen one after the other.
    pub fn fail(&self, key: &str, fault: Fault) {
        self.state().script.calls.push((key.to_owned(), fault));
    }

    /// Discord refuses the next call with a key.
    pub fn refuse(&self, key: &str, status: u16, code: u32, message: &str) {
        let message = message.to_owned();
        self.fail(
            key,
            Fault::Refuse {
                status,
                code,
                message,
            },
        );
    }

    /// What happens to the next connection that gets so far. Several happen one after the other.
    pub fn trouble_at(&self, moment: Moment, trouble: Trouble) {
        self.state().script.connections.push((moment, trouble));
    }

    /// The next resume tells so many events again that the bot said it has.
    pub fn repeat_after_resume(&self, events: usize) {
        self.state().script.repeated.push_back(events);
    }

    /// Faults that have not happened.
    pub fn has_faults_left(&self) -> bool {
        let state = self.state();
        !state.script.calls.is_empty() || !state.script.connections.is_empty()
    }
}

impl State {
    pub(super) fn next_fault(&mut self, key: &str) -> Option<Fault> {
        let calls = &mut self.script.calls;
        let place = calls.iter().position(|(name, _)| name == key)?;
        Some(calls.remove(place).1)
    }

    pub(super) fn next_trouble(&mut self, moment: Moment) -> Option<Trouble> {
        let connections = &mut self.script.connections;
        let place = connections.iter().position(|(at, _)| *at == moment)?;
        Some(connections.remove(place).1)
    }
}
