//! Who may open a stream: one-time tickets, and how many streams there may be.
//!
//! A ticket has two halves. One stands in the address and opens the socket; the other comes in the first message and ties
//! the stream to its call. Who has seen the address alone, in a log say, hears nothing.
//!
//! Invariants: a ticket is used once and not for long; streams that have not said which call they are of are bounded, in
//! sum and for each address, and so are streams altogether.
use crate::{
    call::CallId,
    clock::{self, Clock, Millis},
};
use ring::digest::{SHA256, digest};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How long a ticket is good, milliseconds: carriers come at once.
const TICKET_MS: Millis = 60_000;
/// Tickets at once; then the oldest one goes.
const MAX_TICKETS: usize = 512;

/// How many streams there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    pub(super) pending: usize,
    pub(super) pending_per_ip: usize,
    pub(super) open: usize,
}

/// Lets streams in.
#[derive(Debug)]
pub(super) struct Gate {
    caps: Caps,
    clock: Clock,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tickets: HashMap<String, Pass>,
    pending: HashMap<String, usize>,
    open: usize,
}

/// What a ticket is for.
#[derive(Clone)]
pub(super) struct Pass {
    pub(super) call: CallId,
    /// The number that was dialled; empty for calls that the agent makes.
    pub(super) number: String,
    provider_call: String,
    token: String,
    until: Millis,
}

/// Why a stream is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no such ticket.
    Stranger,
    /// There are too many streams.
    Full,
    /// There are too many that have not said which call they are of.
    Crowded,
}

/// A place of a stream, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    /// The address, while it has not said which call it is of.
    waiting: Option<String>,
}

// === impl Gate ===

impl Gate {
    pub(super) fn new(caps: Caps, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            caps,
            clock,
            inner: Mutex::default(),
        })
    }

    /// A ticket for a call: the half for the address, and the one for the first message. A call's former one is void.
    pub(super) fn issue(&self, call: &CallId, provider_call: &str, number: &str) -> (String, String) {
        let now = self.clock.now();
        let (ticket, token) = (clock::token(), clock::token());
        let pass = Pass {
            call: call.clone(),
            number: number.to_owned(),
            provider_call: provider_call.to_owned(),
            token: token.clone(),
            until: now + TICKET_MS,
        };
        let mut inner = self.inner();
        inner
            .tickets
            .retain(|_, pass| pass.until > now && pass.call != *call);
        if inner.tickets.len() >= MAX_TICKETS {
            let oldest = inner.tickets.iter().min_by_key(|(_, pass)| pass.until);
            if let Some(oldest) = oldest.map(|(ticket, _)| ticket.clone()) {
                inner.tickets.remove(&oldest);
            }
        }
        inner.tickets.insert(ticket.clone(), pass);
        (ticket, token)
    }

    /// The call is over: nobody comes any more.
    pub(super) fn revoke(&self, call: &CallId) {
        self.inner().tickets.retain(|_, pass| pass.call != *call);
    }

    /// May a socket with this ticket be opened? It is not used up yet.
    pub(super) fn check(&self, ticket: &str, ip: &str) -> Result<(), Refusal> {
        let inner = self.inner();
        let now = self.clock.now();
        let good = inner.tickets.get(ticket).is_some_and(|pass| pass.until > now);
        if !good {
            return Err(Refusal::Stranger);
        }
        self.room(&inner, ip)
    }

    /// Uses a ticket up.
    pub(super) fn enter(self: &Arc<Self>, ticket: &str, ip: &str) -> Result<(Pass, Place), Refusal> {
        let mut inner = self.inner();
        let now = self.clock.now();
        self.room(&inner, ip)?;
        let pass = inner.tickets.remove(ticket).filter(|pass| pass.until > now);
        let pass = pass.ok_or(Refusal::Stranger)?;
        *inner.pending.entry(ip.to_owned()).or_default() += 1;
        inner.open += 1;
        let place = Place {
            gate: self.clone(),
            waiting: Some(ip.to_owned()),
        };
        Ok((pass, place))
    }

    fn room(&self, inner: &Inner, ip: &str) -> Result<(), Refusal> {
        let pending: usize = inner.pending.values().sum();
        let own = inner.pending.get(ip).copied().unwrap_or_default();
        if inner.open >= self.caps.open {
            Err(Refusal::Full)
        } else if pending >= self.caps.pending || own >= self.caps.pending_per_ip {
            Err(Refusal::Crowded)
        } else {
            Ok(())
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Pass ===

impl Pass {
    /// Is it the call that the ticket was made for? Compared by digests, which tell nothing by the time they take.
    pub(super) fn fits(&self, provider_call: &str, token: &str) -> bool {
        let same = |a: &str, b: &str| {
            digest(&SHA256, a.as_bytes()).as_ref() == digest(&SHA256, b.as_bytes()).as_ref()
        };
        same(&self.token, token) & same(&self.provider_call, provider_call)
    }
}

/// Without the token.
impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

// === impl Place ===

impl Place {
    /// It has said which call it is of.
    pub(super) fn started(&mut self) {
        if let Some(ip) = self.waiting.take() {
            leave(&mut self.gate.inner(), &ip);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.gate.inner();
        inner.open -= 1;
        if let Some(ip) = self.waiting.take() {
            leave(&mut inner, &ip);
        }
    }
}

fn leave(inner: &mut Inner, ip: &str) {
    if let Some(count) = inner.pending.get_mut(ip) {
        *count -= 1;
        if *count == 0 {
            inner.pending.remove(ip);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn gate() -> (Arc<Gate>, Arc<AtomicU64>) {
        let now = Arc::new(AtomicU64::new(1));
        let told = now.clone();
        let clock = Clock::from_fn(move || told.load(Ordering::Relaxed));
        let caps = Caps {
            pending: 3,
            pending_per_ip: 2,
            open: 4,
        };
        (Gate::new(caps, clock), now)
    }

    #[test]
    fn a_ticket_is_used_once_and_fits_one_call() {
        let (gate, now) = gate();
        let call = CallId::given("a");
        let (void, _) = gate.issue(&call, "CA1", "");
        let (ticket, token) = gate.issue(&call, "CA1", "");
        assert_eq!(gate.check(&void, "ip"), Err(Refusal::Stranger), "the former one");
        assert_eq!(gate.check(&ticket, "ip"), Ok(()));
        let (pass, _place) = gate.enter(&ticket, "ip").unwrap();
        assert!(pass.fits("CA1", &token));
        assert!(!pass.fits("CA2", &token) && !pass.fits("CA1", "") && !pass.fits("CA1", &ticket));
        assert_eq!(gate.enter(&ticket, "ip").unwrap_err(), Refusal::Stranger);
        let (late, _) = gate.issue(&call, "CA1", "");
        now.fetch_add(TICKET_MS, Ordering::Relaxed);
        assert_eq!(gate.enter(&late, "ip").unwrap_err(), Refusal::Stranger);
        let (ended, _) = gate.issue(&call, "CA1", "");
        gate.revoke(&call);
        assert_eq!(gate.check(&ended, "ip"), Err(Refusal::Stranger));
        for n in 0..2 * MAX_TICKETS {
            gate.issue(&CallId::given(&n.to_string()), "CA", "");
        }
        assert_eq!(gate.inner().tickets.len(), MAX_TICKETS);
    }

    #[test]
    fn streams_are_bounded_waiting_and_altogether() {
        let (gate, _) = gate();
        let enter = |n: usize, ip: &str| {
            let (ticket, _) = gate.issue(&CallId::given(&n.to_string()), "CA", "");
            gate.enter(&ticket, ip).map(|(_, place)| place)
        };
        let mut places = vec![enter(0, "a").unwrap(), enter(1, "a").unwrap()];
        assert_eq!(enter(2, "a").unwrap_err(), Refusal::Crowded);
        places.push(enter(3, "b").unwrap());
        assert_eq!(enter(4, "c").unwrap_err(), Refusal::Crowded);
        places[0].started();
        places.push(enter(5, "c").unwrap());
        places.iter_mut().for_each(Place::started);
        assert_eq!(enter(6, "d").unwrap_err(), Refusal::Full);
        places.clear();
        let inner = gate.inner();
        assert_eq!((inner.open, inner.pending.len()), (0, 0));
    }
}
