//! How often a bot may log in: so many sessions in a day, and so many at once.
//!
//! Invariant: no login is begun that the budget does not have. Discord resets the token of a bot that goes beyond it.
use super::login::Gateway;
use crate::{account::Connection, clock};
use futures_util::lock::Mutex;
use openclaw_plugin_api::Host;
use std::{
    sync::{Mutex as Lock, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Time between two logins of one of the groups that may log in at once: Discord's five seconds, and some for the way.
const APART: Duration = Duration::from_millis(5_250);
/// The budget's day.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Sessions in a day, where Discord doesn't say.
const DEFAULT_TOTAL: u64 = 1000;
/// Below one part in so many, further logins are spread over what is left of the day.
const SCARCE: u64 = 10;
/// Groups that are kept apart; large bots have 16.
const MAX_GROUPS: u64 = 64;

/// What Discord says of a bot's logins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limit {
    pub(crate) total: u64,
    pub(crate) remaining: u64,
    pub(crate) reset_after: Duration,
    pub(crate) max_concurrency: u64,
}

/// The logins of one bot, for all of its shards.
#[derive(Debug)]
pub(crate) struct Budget {
    state: Lock<State>,
    groups: Vec<Mutex<Option<Instant>>>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    total: u64,
    remaining: u64,
    reset_at: Instant,
}

impl Limit {
    /// What Discord says.
    pub(crate) fn of(gateway: &Gateway) -> Self {
        let Some(said) = &gateway.session_start_limit else {
            return Self::default();
        };
        Self {
            total: said.total.max(1),
            remaining: said.remaining,
            reset_after: Duration::from_millis(said.reset_after),
            max_concurrency: said.max_concurrency,
        }
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            total: DEFAULT_TOTAL,
            remaining: DEFAULT_TOTAL,
            reset_after: DAY,
            max_concurrency: 1,
        }
    }
}

impl Budget {
    pub(crate) fn new(limit: Limit) -> Self {
        let groups = limit.max_concurrency.clamp(1, MAX_GROUPS);
        Self {
            state: Lock::new(State::of(limit)),
            groups: (0..groups).map(|_| Mutex::new(None)).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Discord says it anew.
    pub(crate) fn update(&self, limit: Limit) {
        *self.lock() = State::of(limit);
    }

    /// Logins that are left, of how many, and seconds until there are more.
    pub(crate) fn left(&self) -> (u64, u64, u64) {
        let state = *self.lock();
        let left = state.reset_at.saturating_duration_since(clock::now());
        (state.remaining, state.total, left.as_secs())
    }

    /// How long a login has to wait for the budget; nothing if it may begin. The first of a shard, and one that has
    /// waited, waits only if there is nothing left.
    pub(crate) fn wait(&self, has_waited: bool) -> Duration {
        let mut state = self.lock();
        let now = clock::now();
        if now >= state.reset_at {
            (state.remaining, state.reset_at) = (state.total, now + DAY);
        }
        let left = state.reset_at.saturating_duration_since(now);
        match state.remaining {
            0 => left,
            few if !has_waited && few.saturating_mul(SCARCE) < state.total => {
                left / u32::try_from(few + 1).unwrap_or(u32::MAX)
            }
            _ => Duration::ZERO,
        }
    }

    /// Waits until it is the shard's turn to log in.
    pub(crate) async fn turn(&self, host: &Host, shard: u64) {
        let mut last = self.groups[self.group(shard)].lock().await;
        if let Some(last) = *last {
            host.sleep((last + APART).saturating_duration_since(clock::now()))
                .await;
        }
        *last = Some(clock::now());
    }

    /// Takes one login out of the budget, at the moment when it is asked for. False if there is none left.
    pub(crate) fn spend(&self, shard: u64) -> bool {
        // one that is locked is waited for by the next shard, which counts from the turn
        if let Some(mut last) = self.groups[self.group(shard)].try_lock() {
            *last = Some(clock::now());
        }
        let mut state = self.lock();
        let is_left = state.remaining > 0;
        state.remaining = state.remaining.saturating_sub(1);
        is_left
    }

    fn group(&self, shard: u64) -> usize {
        usize::try_from(shard).unwrap_or_default() % self.groups.len()
    }
}

impl State {
    fn of(limit: Limit) -> Self {
        Self {
            total: limit.total,
            remaining: limit.remaining,
            reset_at: clock::now() + limit.reset_after.min(DAY),
        }
    }
}

/// For people.
pub(crate) fn exhausted(connection: &Connection, wait: Duration) -> String {
    format!(
        "the logins that discord allows account {} in a day are nearly used up; the next one is in {} minutes. If this was \
         not the gateway, find what else uses the bot's token",
        connection.id,
        wait.as_secs() / 60 + 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::testing::TestHost;

    fn limit(total: u64, remaining: u64) -> Limit {
        Limit {
            total,
            remaining,
            reset_after: Duration::from_secs(3600),
            max_concurrency: 2,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn logins_of_a_group_are_five_seconds_apart_and_end_with_the_budget() {
        let (host, budget) = (TestHost::new().host(), Budget::new(limit(1000, 3)));
        let begin = clock::now();
        budget.turn(&host, 0).await;
        budget.turn(&host, 1).await;
        assert_eq!(clock::now(), begin, "two groups at once");
        budget.turn(&host, 2).await;
        assert_eq!(clock::now() - begin, APART);
        assert_eq!([(); 4].map(|()| budget.spend(0)), [true, true, true, false]);
        assert!(budget.wait(true) > Duration::from_secs(3500));
        assert_eq!(budget.left().0, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_scarce_is_spread_and_comes_back_with_the_day() {
        let budget = Budget::new(limit(1000, 99));
        assert_eq!(budget.wait(false), Duration::from_secs(36));
        assert_eq!(Budget::new(limit(1000, 900)).wait(false), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(3601)).await;
        assert_eq!((budget.wait(false), budget.left().0), (Duration::ZERO, 1000));
        assert_eq!(Budget::new(limit(1000, 1)).wait(true), Duration::ZERO);
    }
}
