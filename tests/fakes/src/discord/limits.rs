//! Buckets of calls, as Discord counts them: one for each route and place, one for each bot, and one for refusals.
use super::{Discord, State};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// Calls of a bot in a second, all routes together.
const GLOBAL: u32 = 50;
/// Refusals (401, 403, 429) in ten minutes before the network in front bans an address.
const MAX_INVALID: usize = 10_000;

/// Known limits: key, calls, window. All others are [`REST_OF_THEM`].
const KNOWN: &[(&str, u32, Duration)] = &[
    ("POST /channels/*/messages", 5, Duration::from_secs(5)),
    ("PATCH /channels/*/messages/*", 5, Duration::from_secs(5)),
    ("DELETE /channels/*/messages/*", 5, Duration::from_secs(1)),
    (
        "PUT /channels/*/messages/*/reactions/*/@me",
        1,
        Duration::from_millis(250),
    ),
    (
        "DELETE /channels/*/messages/*/reactions/*/@me",
        1,
        Duration::from_millis(250),
    ),
    ("POST /channels/*/typing", 5, Duration::from_secs(5)),
    ("POST /users/@me/channels", 10, Duration::from_secs(10)),
    ("PUT /applications/*/commands", 2, Duration::from_secs(20)),
    ("POST /applications/*/commands", 5, Duration::from_secs(20)),
];
const REST_OF_THEM: (u32, Duration) = (50, Duration::from_secs(1));

#[derive(Debug, Default)]
pub(super) struct Limits {
    changed: HashMap<String, (u32, Duration)>,
    buckets: HashMap<(u64, String), Bucket>,
    global: HashMap<u64, Bucket>,
    /// Calls that found no room, without the script's.
    pub(super) exceeded: usize,
    pub(super) invalid: usize,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    used: u32,
    resets: Instant,
}

/// What the headers of an answer say, and whether there was room.
#[derive(Debug, Clone, Default)]
pub(super) struct Room {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    pub(super) after: Duration,
    pub(super) bucket: String,
    /// None: there was room. Otherwise: is it the global limit?
    pub(super) exceeded: Option<bool>,
}

impl Discord {
    /// Calls with a key in a window, from now on.
    pub fn limit(&self, key: &str, calls: u32, window: Duration) {
        let mut state = self.state();
        state.limits.changed.insert(key.to_owned(), (calls, window));
        state
            .limits
            .buckets
            .retain(|(_, bucket), _| !bucket.starts_with(key));
    }

    /// Nobody counts messages and edits any more, but for the global limit.
    pub fn unlimited(&self) {
        for (key, ..) in KNOWN {
            self.limit(key, 1_000, Duration::from_secs(1));
        }
    }

    /// Calls that found their bucket empty, without those that the script refused.
    pub fn exceeded(&self) -> usize {
        self.state().limits.exceeded
    }

    /// Calls that were answered with 401, 403 or 429.
    pub fn invalid(&self) -> usize {
        self.state().limits.invalid
    }
}

impl State {
    /// Takes a place for a call. Answers to interactions count for nothing but their own bucket.
    pub(super) fn take(&mut self, bot: u64, key: &str, major: &str) -> Room {
        let now = Instant::now();
        let limits = &mut self.limits;
        let known = KNOWN.iter().find(|(known, ..)| *known == key);
        let (limit, window) = match (limits.changed.get(key), known) {
            (Some(changed), _) => *changed,
            (None, Some((_, limit, window))) => (*limit, *window),
            (None, None) => REST_OF_THEM,
        };
        let place = format!("{key} {major}");
        let global = limits
            .global
            .entry(bot)
            .or_insert(Bucket { used: 0, resets: now });
        global.renew(now, Duration::from_secs(1));
        let is_counted = !key.contains("/interactions/") && !key.contains("/webhooks/");
        let mut room = Room {
            limit,
            bucket: format!("{:032x}", hash(key)),
            ..Room::default()
        };
        if is_counted && global.used >= GLOBAL {
            room.exceeded = Some(true);
            room.after = global.resets - now;
            limits.exceeded += 1;
            return room;
        }
        let bucket = limits
            .buckets
            .entry((bot, place))
            .or_insert(Bucket { used: 0, resets: now });
        bucket.renew(now, window);
        room.after = bucket.resets - now;
        if bucket.used >= limit {
            room.exceeded = Some(false);
            limits.exceeded += 1;
            return room;
        }
        bucket.used += 1;
        global.used += u32::from(is_counted);
        room.remaining = limit - bucket.used;
        room
    }

    pub(super) fn note_status(&mut self, status: u16) {
        if matches!(status, 401 | 403 | 429) {
            self.limits.invalid += 1;
            if self.limits.invalid == MAX_INVALID {
                self.complaints
                    .push("10,000 refusals: Discord would have banned the address".into());
            }
        }
    }
}

impl Bucket {
    fn renew(&mut self, now: Instant, window: Duration) {
        if now >= self.resets {
            *self = Self {
                used: 0,
                resets: now + window,
            };
        }
    }
}

/// FNV-1a: Discord shows a hash of the route.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
