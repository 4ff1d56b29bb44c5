//! From events to what the host has: each place in order, all places at once.
//!
//! Invariant: an event is settled only after the host took what it became, or when nobody needs it. Bounded: an intake
//! that is full takes no more until something is settled.
use crate::{
    account::Connection,
    inbound::{self, Event},
};
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select},
    stream::FuturesUnordered,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Events that may wait or be under way.
const MAX_EVENTS: usize = 1024;
/// Places whose events are worked on at once.
const MAX_AT_ONCE: usize = 64;

/// Events on their way to the host.
pub(crate) struct Intake {
    connection: Arc<Connection>,
    /// The first of each lane is being worked on, or its lane is in `ready`.
    lanes: HashMap<String, VecDeque<Work>>,
    /// Lanes that wait for one of the places at once.
    ready: VecDeque<String>,
    flight: FuturesUnordered<BoxFuture<'static, String>>,
    count: usize,
    /// The session that tells events now.
    session: u64,
    /// How many of `count` it would not tell again.
    others: usize,
    settled: Vec<Mark>,
}

/// Which event of which session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Counts the sessions of a shard.
    pub(crate) session: u64,
    /// The number in the session.
    pub(crate) number: u64,
}

struct Work {
    mark: Mark,
    /// Taken out when the work begins.
    event: Option<Event>,
}

impl Intake {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            flight: FuturesUnordered::new(),
            count: 0,
            session: 0,
            others: 0,
            settled: Vec::new(),
        }
    }

    /// Is there no room for more?
    pub(crate) fn is_full(&self) -> bool {
        self.count >= MAX_EVENTS
    }

    /// From now on another session tells events. What there is would not be told again by it.
    pub(crate) fn begin_session(&mut self, session: u64) {
        self.session = session;
        self.others = self.count;
    }

    /// Is there something that the session would not tell again?
    pub(crate) fn has_others(&self) -> bool {
        self.others > 0
    }

    /// What was settled since this was asked last.
    pub(crate) fn take_settled(&mut self) -> Vec<Mark> {
        std::mem::take(&mut self.settled)
    }

    /// Takes an event.
    pub(crate) fn take(&mut self, mark: Mark, event: Event) {
        self.count += 1;
        self.others += usize::from(mark.session != self.session);
        let (name, is_urgent) = (inbound::lane_of(&event), event.is_urgent());
        let lane = self.lanes.entry(name.clone()).or_default();
        let is_free = lane.is_empty();
        lane.push_back(Work {
            mark,
            event: Some(event),
        });
        if !is_free {
            return;
        }
        if is_urgent {
            self.ready.push_front(name);
            self.begin_next();
        } else {
            self.ready.push_back(name);
            self.begin();
        }
    }

    /// Works while something else is waited for. Cancel-safe.
    pub(crate) async fn work_while<T>(&mut self, other: impl Future<Output = T> + Send) -> T {
        let mut other = Box::pin(other);
        loop {
            if self.flight.is_empty() {
                return other.await;
            }
            match select(self.flight.next(), other).await {
                Either::Left((lane, rest)) => {
                    other = rest;
                    self.done(lane);
                }
                Either::Right((value, _)) => return value,
            }
        }
    }

    /// Works until something is settled. Cancel-safe. Never returns if nothing is under way.
    pub(crate) async fn step(&mut self) {
        match self.flight.next().await {
            Some(lane) => self.done(Some(lane)),
            None => std::future::pending().await,
        }
    }

    fn begin(&mut self) {
        while self.flight.len() < MAX_AT_ONCE && self.begin_next() {}
    }

    fn begin_next(&mut self) -> bool {
        let Some(name) = self.ready.pop_front() else {
            return false;
        };
        let first = self.lanes.get_mut(&name).and_then(VecDeque::front_mut);
        if let Some(event) = first.and_then(|work| work.event.take()) {
            let connection = self.connection.clone();
            let work = async move {
                inbound::deliver(&connection, event).await;
                name
            };
            self.flight.push(work.boxed());
        }
        true
    }

    fn done(&mut self, lane: Option<String>) {
        let Some(name) = lane else { return };
        if let Some(lane) = self.lanes.get_mut(&name) {
            if let Some(work) = lane.pop_front() {
                self.settled.push(work.mark);
                self.count -= 1;
                self.others -= usize::from(work.mark.session != self.session);
            }
            if lane.is_empty() {
                self.lanes.remove(&name);
            } else {
                self.ready.push_back(name);
            }
        }
        self.begin();
    }
}
