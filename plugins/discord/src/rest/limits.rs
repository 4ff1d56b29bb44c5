//! When a request may go: the limit of its route, the one of the whole bot, and the number of refusals after which
//! Discord's front door closes for everybody at this address.
//!
//! Invariant: at most [`MAX_WAITING`] requests wait, and none longer than its own deadline.
use super::{
    Request, RestError,
    bucket::{Bucket, Headers, Turn},
};
use crate::clock;
use futures_channel::mpsc;
use futures_util::{
    StreamExt,
    future::{Either, select},
};
use openclaw_plugin_api::Host;
use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Requests that wait for one limit.
const MAX_WAITING_HERE: usize = 64;
/// Requests that wait at all.
const MAX_WAITING: usize = 1024;
/// Limits that are remembered; beyond that those are forgotten that nobody needs now.
const MAX_BUCKETS: usize = 4096;
/// Requests a second that a bot may make; Discord's own number is 50.
const PER_SECOND: u32 = 48;
const SECOND: Duration = Duration::from_secs(1);
/// Answers 401, 403 and 429 after which no request goes until [`INVALID_WINDOW`] is over. Discord closes its door to an
/// address at 10,000, and several bots may share one.
const MAX_INVALID: u32 = 1_000;
const INVALID_WINDOW: Duration = Duration::from_secs(600);
/// How long a token that was refused is not shown again.
const TOKEN_REST: Duration = Duration::from_secs(30);

/// The limits of one bot.
#[derive(Clone, Default)]
pub(super) struct Limits(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The name of the limit that a route has, once an answer has told it.
    names: HashMap<String, String>,
    buckets: HashMap<Key, Bucket>,
    waiting: usize,
    tickets: u64,
    global: Count,
    global_pause: Option<Instant>,
    invalid: Count,
    token_refused: Option<Instant>,
}

/// Things of a window of time.
#[derive(Default)]
struct Count {
    began: Option<Instant>,
    number: u32,
}

/// Name of the limit or of the route, and the major parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    name: String,
    major: String,
}

/// The right to send one request. What is dropped without an answer is counted as ended.
pub(super) struct Permit {
    limits: Limits,
    key: Key,
    route: String,
    is_open: bool,
}

/// A place in a queue.
struct Place<'a> {
    limits: &'a Limits,
    number: u64,
    key: Key,
    woken: mpsc::Receiver<()>,
}

// === impl Limits ===

impl Limits {
    /// Waits for the turn of a request.
    pub(super) async fn turn(
        &self,
        host: &Host,
        request: &Request,
        until: Instant,
    ) -> Result<Permit, RestError> {
        let name = request.name();
        let mut place: Option<Place<'_>> = None;
        loop {
            let now = clock::now();
            let turn = {
                let mut state = self.lock();
                let key = state.key(&name, request.route.major());
                if place.as_ref().is_some_and(|place| place.key != key) {
                    // An answer told the route's real limit; the wait goes on there.
                    drop(state);
                    drop(place.take());
                    state = self.lock();
                }
                state.check_doors(request, &name, now)?;
                let number = place.as_ref().map_or(u64::MAX, |place| place.number);
                match state.turn(&key, number, request, now) {
                    Turn::Go => {
                        drop(state);
                        return Ok(Permit::new(self, key, name));
                    }
                    turn => {
                        if place.is_none() {
                            place = Some(state.join(self, key, &name)?);
                        }
                        turn
                    }
                }
            };
            if let Turn::At(at) = turn
                && at > until
            {
                return Err(RestError::limited(name, at.saturating_duration_since(now)));
            }
            let at = match turn {
                Turn::At(at) => at.min(until),
                _ => until,
            };
            let Some(place) = &mut place else { continue };
            let wait = pin!(host.sleep(at.saturating_duration_since(now)));
            if let Either::Right(_) = select(place.woken.next(), wait).await
                && clock::now() >= until
            {
                return Err(RestError::Queue { route: name });
            }
        }
    }

    /// Takes note of an answer's status. `is_shared`: the limit was reached by somebody else.
    pub(super) fn answered(&self, request: &Request, status: u16, is_shared: bool) {
        let mut state = self.lock();
        let now = clock::now();
        if matches!(status, 401 | 403) || status == 429 && !is_shared {
            state.invalid.add(now, INVALID_WINDOW);
        }
        if !request.route.is_own_authority() {
            state.token_refused = (status == 401).then_some(now + TOKEN_REST);
        }
    }

    /// Nothing of this bot goes for so long.
    pub(super) fn pause_all(&self, wait: Duration) {
        let until = clock::now() + wait;
        let mut state = self.lock();
        state.global_pause = Some(state.global_pause.map_or(until, |other| other.max(until)));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn key(&self, route: &str, major: &str) -> Key {
        let name = self.names.get(route).map_or(route, String::as_str);
        Key {
            name: name.to_owned(),
            major: major.to_owned(),
        }
    }

    /// What no wait within a request's deadline helps against.
    fn check_doors(&mut self, request: &Request, name: &str, now: Instant) -> Result<(), RestError> {
        if let Some(until) = self.token_refused.filter(|until| *until > now)
            && !request.route.is_own_authority()
        {
            return Err(RestError::TokenRefused {
                wait: until.saturating_duration_since(now),
            });
        }
        if self.invalid.within(now, INVALID_WINDOW) >= MAX_INVALID {
            let began = self.invalid.began.unwrap_or(now);
            return Err(RestError::TooManyRefusals {
                route: name.to_owned(),
                wait: (began + INVALID_WINDOW).saturating_duration_since(now),
            });
        }
        Ok(())
    }

    fn turn(&mut self, key: &Key, number: u64, request: &Request, now: Instant) -> Turn {
        let is_counted = !request.route.is_own_authority();
        if is_counted {
            if let Some(until) = self.global_pause.filter(|until| *until > now) {
                return Turn::At(until);
            }
            if self.global.within(now, SECOND) >= PER_SECOND {
                return Turn::At(self.global.began.unwrap_or(now) + SECOND);
            }
        }
        if !self.buckets.contains_key(key) && self.buckets.len() >= MAX_BUCKETS {
            self.buckets.retain(|_, bucket| !bucket.is_idle(now));
        }
        let turn = self.buckets.entry(key.clone()).or_default().turn(number, now);
        if turn == Turn::Go && is_counted {
            self.global.add(now, SECOND);
        }
        turn
    }

    fn join<'a>(&mut self, limits: &'a Limits, key: Key, route: &str) -> Result<Place<'a>, RestError> {
        let bucket = self.buckets.entry(key.clone()).or_default();
        if bucket.waiting() >= MAX_WAITING_HERE || self.waiting >= MAX_WAITING {
            return Err(RestError::Queue {
                route: route.to_owned(),
            });
        }
        let (wake, woken) = mpsc::channel(0);
        self.tickets += 1;
        self.waiting += 1;
        bucket.join(self.tickets, wake);
        Ok(Place {
            limits,
            number: self.tickets,
            key,
            woken,
        })
    }
}

// === impl Count ===

impl Count {
    fn within(&mut self, now: Instant, window: Duration) -> u32 {
        if self.began.is_none_or(|began| began + window <= now) {
            (self.began, self.number) = (None, 0);
        }
        self.number
    }

    fn add(&mut self, now: Instant, window: Duration) {
        self.within(now, window);
        self.began.get_or_insert(now);
        self.number += 1;
    }
}

// === impl Permit ===

impl Permit {
    fn new(limits: &Limits, key: Key, route: String) -> Self {
        Self {
            limits: limits.clone(),
            key,
            route,
            is_open: true,
        }
    }

    /// There is an answer; it may name the limit, and it may ask to wait.
    pub(super) fn answered(mut self, headers: &Headers, pause: Option<Duration>) {
        self.close(Some(headers), pause);
    }

    fn close(&mut self, headers: Option<&Headers>, pause: Option<Duration>) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let now = clock::now();
        let mut state = self.limits.lock();
        let mut key = self.key.clone();
        let told = headers.and_then(|headers| headers.bucket.as_deref());
        if let Some(name) = told.filter(|name| *name != key.name) {
            state.names.insert(self.route.clone(), name.to_owned());
            if let Some(old) = state.buckets.get_mut(&key) {
                old.ended(None, now);
                old.wake_all();
            }
            key.name = name.to_owned();
            state.buckets.entry(key.clone()).or_default().adopt(headers, now);
        } else if let Some(bucket) = state.buckets.get_mut(&key) {
            bucket.ended(headers, now);
        }
        if let Some(bucket) = state.buckets.get_mut(&key) {
            if let Some(wait) = pause {
                bucket.pause(now + wait);
            }
            bucket.wake();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.close(None, None);
    }
}

// === impl Place ===

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.limits.lock();
        state.waiting = state.waiting.saturating_sub(1);
        if let Some(bucket) = state.buckets.get_mut(&self.key) {
            bucket.leave(self.number);
            bucket.wake();
        }
    }
}
