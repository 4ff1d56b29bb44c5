//! Guessing a secret: counted per client, before the secret is looked at.
//!
//! A client is a network ([`Peer::network`]); requests of web pages are counted apart, so that a page can't lock out the
//! programs beside it. Everybody is locked out after [`Attempts::most`] failures in the window, but for programs
//! on this machine: those wait instead, longer each time, because a lock would let any of them lock out the owner.
//!
//! Invariants: a locked client is refused whatever it offers; the table never grows beyond its bound.
use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Mutex, PoisonError, RwLock},
    time::Duration,
};
use tokio::time::Instant;

use super::limits;
use crate::http::server::Peer;

/// How many wrong secrets there may be: `gateway.auth.rateLimit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Failures of one client in the window until it is locked out.
    pub most: usize,
    /// How long a failure counts.
    pub window: Duration,
    /// How long a client is locked out.
    pub lockout: Duration,
    /// Programs on this machine wait instead of being locked out.
    pub exempt_loopback: bool,
}

/// Failed attempts of all clients.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    rules: RwLock<Attempts>,
    clients: Mutex<HashMap<Client, Record>>,
}

/// Who is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    network: IpAddr,
    browser: bool,
    local: bool,
}

#[derive(Debug)]
struct Record {
    failures: VecDeque<Instant>,
    locked_until: Option<Instant>,
    touched: Instant,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            most: limits::AUTH_ATTEMPTS,
            window: limits::AUTH_WINDOW,
            lockout: limits::AUTH_LOCKOUT,
            exempt_loopback: true,
        }
    }
}

// === impl Limiter ===

impl Limiter {
    /// A limiter with these rules.
    pub(crate) fn new(rules: Attempts) -> Self {
        let limiter = Self::default();
        limiter.change(rules);
        limiter
    }

    /// From now on these rules hold. Who is locked out stays so until his time has passed.
    pub(crate) fn change(&self, rules: Attempts) {
        let rules = Attempts {
            most: rules.most.clamp(1, limits::MAX_AUTH_ATTEMPTS),
            ..rules
        };
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// May this client try? If not: how long it has to wait.
    pub(crate) fn check(&self, client: Client, now: Instant) -> Result<(), Duration> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let until = clients.get(&client).and_then(|record| record.locked_until);
        match until.filter(|until| *until > now) {
            Some(until) => Err(until - now),
            None => Ok(()),
        }
    }

    /// This client failed. Its answer waits for the time returned.
    pub(crate) fn failed(&self, client: Client, now: Instant) -> Duration {
        let rules = *self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if !clients.contains_key(&client) {
            make_room(&mut clients, rules.window, now);
        }
        let record = clients.entry(client).or_insert_with(|| Record::new(now));
        record.note(rules, now);
        let failures = record.failures.len();
        if rules.exempt_loopback && client.is_exempt() {
            let doublings = u32::try_from(failures - 1).unwrap_or(u32::MAX);
            return limits::AUTH_DELAY
                .saturating_mul(2_u32.saturating_pow(doublings))
                .min(limits::MAX_AUTH_DELAY);
        }
        if failures >= rules.most {
            record.locked_until = Some(now + rules.lockout);
            record.failures.clear();
        }
        Duration::ZERO
    }

    /// This client is in: what it failed before is forgotten.
    pub(crate) fn succeeded(&self, client: Client) {
        self.clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&client);
    }
}

/// Room for more: whoever's failures are forgotten anyway goes, else those silent longest, unlocked ones first. Many go
/// at once, so that a flood of new clients doesn't search the table each time.
fn make_room(clients: &mut HashMap<Client, Record>, window: Duration, now: Instant) {
    if clients.len() < limits::MAX_LIMITED_CLIENTS {
        return;
    }
    clients.retain(|_, record| record.is_locked(now) || now < record.touched + window);
    let keep = limits::MAX_LIMITED_CLIENTS - limits::MAX_LIMITED_CLIENTS / 8;
    if clients.len() <= keep {
        return;
    }
    let mut by_worth: Vec<_> = clients
        .iter()
        .map(|(client, record)| ((record.is_locked(now), record.touched), *client))
        .collect();
    let surplus = clients.len() - keep;
    by_worth.select_nth_unstable_by_key(surplus, |(worth, _)| *worth);
    for (_, client) in &by_worth[..surplus] {
        clients.remove(client);
    }
}

// === impl Client ===

impl Client {
    /// The client of a request; `browser`: it carries an `Origin`.
    pub(crate) fn new(peer: &Peer, browser: bool) -> Self {
        Self {
            network: peer.network(),
            browser,
            local: peer.is_local(),
        }
    }

    fn is_exempt(self) -> bool {
        self.local && !self.browser
    }
}

// === impl Record ===

impl Record {
    fn new(now: Instant) -> Self {
        Self {
            failures: VecDeque::new(),
            locked_until: None,
            touched: now,
        }
    }

    fn note(&mut self, rules: Attempts, now: Instant) {
        self.touched = now;
        while self
            .failures
            .front()
            .is_some_and(|failed| now >= *failed + rules.window)
        {
            self.failures.pop_front();
        }
        if self.failures.len() >= rules.most {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
    }

    fn is_locked(&self, now: Instant) -> bool {
        self.locked_until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;

    fn client(address: &str, browser: bool) -> Client {
        Client::new(
            &Peer::of(address.parse().unwrap(), &HeaderMap::new(), &[]),
            browser,
        )
    }

    #[test]
    fn ten_failures_in_a_minute_lock_for_five() {
        let limiter = Limiter::default();
        let start = Instant::now();
        let remote = client("192.0.2.1", false);
        for n in 0..10 {
            assert!(limiter.check(remote, start).is_ok(), "attempt {n}");
            assert_eq!(limiter.failed(remote, start), Duration::ZERO);
        }
        assert_eq!(limiter.check(remote, start), Err(limits::AUTH_LOCKOUT));
        assert!(
            limiter.check(client("::ffff:192.0.2.1", false), start).is_err(),
            "the same in IPv6 clothes"
        );
        assert!(limiter.check(client("192.0.2.2", false), start).is_ok());
        assert!(limiter.check(remote, start + limits::AUTH_LOCKOUT).is_ok());
    }

    #[test]
    fn slow_failures_and_a_success_do_not_add_up() {
        let limiter = Limiter::default();
        let start = Instant::now();
        let remote = client("192.0.2.1", false);
        for n in 0..40 {
            limiter.failed(remote, start + Duration::from_secs(7) * n);
        }
        assert!(limiter.check(remote, start + Duration::from_secs(281)).is_ok());
        for _ in 0..2 {
            for _ in 0..9 {
                limiter.failed(remote, start + Duration::from_secs(400));
            }
            limiter.succeeded(remote);
        }
        assert!(limiter.check(remote, start + Duration::from_secs(400)).is_ok());
    }

    #[test]
    fn programs_here_wait_and_pages_here_are_locked() {
        let limiter = Limiter::default();
        let start = Instant::now();
        let (native, page) = (client("127.0.0.1", false), client("127.0.0.1", true));
        let delays: Vec<u128> = (0..12)
            .map(|_| limiter.failed(native, start).as_millis())
            .collect();
        assert_eq!(delays[..7], [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert!(limiter.check(native, start).is_ok());
        for _ in 0..10 {
            limiter.failed(page, start);
        }
        assert!(limiter.check(page, start).is_err());
        assert!(limiter.check(native, start).is_ok());
    }

    #[test]
    fn the_table_is_bounded_and_locked_clients_stay() {
        let limiter = Limiter::default();
        let start = Instant::now();
        let locked = client("192.0.2.1", false);
        for _ in 0..10 {
            limiter.failed(locked, start);
        }
        for n in 0..20_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).to_string();
            limiter.failed(
                client(&address, false),
                start + Duration::from_millis(u64::from(n)),
            );
        }
        assert!(limiter.clients.lock().unwrap().len() <= limits::MAX_LIMITED_CLIENTS);
        assert!(limiter.check(locked, start + Duration::from_secs(30)).is_err());
    }
}
