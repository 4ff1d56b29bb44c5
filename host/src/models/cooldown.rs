//! Which keys and models rest after a fault, and until when.
//!
//! A fault of an account rests the account; a rate limit rests the account for that model only, as limits are counted per
//! model; a fault of the service rests the model whatever the key. The state is small, bounded and serialisable.
use crate::{clock::Clock, config::CooldownsConfig};
use openclaw_plugin_api::ErrorKind;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError, RwLock},
    time::Duration,
};

/// Rests after the first, the second and every further fault in a row.
const STEPS: [Duration; 3] = [
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(300),
];
/// Rest of an account that is refused or out of credit.
const ACCOUNT: Duration = Duration::from_secs(600);
/// Longest rest that a vendor may ask for.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Things that rest at the same time; more are forgotten, the first to wake up first.
const MAX_ENTRIES: usize = 512;

/// What rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The credential, for every model.
    Credential,
    /// The credential, for one model.
    CredentialAndModel,
    /// The model, whatever the credential.
    Model,
}

/// How long something rests, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cooldown {
    /// Milliseconds since 1970.
    pub until_ms: i64,
    /// The last fault.
    pub reason: ErrorKind,
    /// Faults in a row.
    pub failures: u32,
    /// When the last one was, milliseconds since 1970.
    pub failed_ms: i64,
}

/// All that rests or has had faults lately: what a restart should not forget.
pub type Snapshot = BTreeMap<String, Cooldown>;

/// The keys and models that rest.
#[derive(Debug)]
pub struct Cooldowns {
    clock: Clock,
    rules: RwLock<CooldownsConfig>,
    entries: Mutex<Snapshot>,
    /// As it was last kept.
    kept: Mutex<Snapshot>,
}

// === impl Scope ===

impl Scope {
    /// What rests after a fault of this kind. None: nothing does, for it says nothing about the next call.
    pub fn of(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::Auth | ErrorKind::Billing => Some(Self::Credential),
            ErrorKind::RateLimited => Some(Self::CredentialAndModel),
            ErrorKind::Overloaded | ErrorKind::Timeout | ErrorKind::Server | ErrorKind::Network => {
                Some(Self::Model)
            }
            _ => None,
        }
    }

    fn key(self, credential: &str, model: &str) -> String {
        match self {
            Self::Credential => format!("credential {credential}"),
            Self::CredentialAndModel => format!("credential {credential} {model}"),
            Self::Model => format!("model {model}"),
        }
    }
}

// === impl Cooldowns ===

impl Cooldowns {
    /// With `auth.cooldowns`, from what an earlier run knew.
    pub fn new(clock: Clock, rules: CooldownsConfig, before: Snapshot) -> Self {
        Self {
            clock,
            rules: RwLock::new(rules),
            kept: Mutex::new(before.clone()),
            entries: Mutex::new(before),
        }
    }

    /// Other rules hold from the next fault on.
    pub fn follow(&self, rules: &CooldownsConfig) {
        let mut known = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        if *known != *rules {
            known.clone_from(rules);
        }
    }

    /// The rest of a credential for a model that ends last, if there is one now.
    pub fn resting(&self, credential: &str, model: &str) -> Option<Cooldown> {
        let now = self.clock.now_ms();
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        [Scope::Credential, Scope::CredentialAndModel, Scope::Model]
            .iter()
            .filter_map(|scope| entries.get(&scope.key(credential, model)))
            .filter(|entry| entry.until_ms > now)
            .max_by_key(|entry| entry.until_ms)
            .copied()
    }

    /// A call failed for good. `asked` is how long the vendor wants to be left alone, which is the least that it is.
    pub fn failed(&self, credential: &str, model: &str, kind: ErrorKind, asked: Option<Duration>) {
        let Some(scope) = Scope::of(kind) else {
            return;
        };
        let now = self.clock.now_ms();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let key = scope.key(credential, model);
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let window = millis(rules.failure_window());
        let before = entries
            .get(&key)
            .filter(|entry| now - entry.failed_ms < window)
            .map_or(0, |entry| entry.failures);
        let failures = before.saturating_add(1);
        let rest = rest(&rules, credential, kind, failures);
        let rest = rest.max(asked.unwrap_or_default()).min(LONGEST);
        let entry = Cooldown {
            until_ms: now.saturating_add(millis(rest)),
            reason: kind,
            failures,
            failed_ms: now,
        };
        entries.insert(key, entry);
        entries.retain(|_, entry| entry.until_ms > now || now - entry.failed_ms < window);
        while entries.len() > MAX_ENTRIES {
            let first = entries.iter().min_by_key(|(_, entry)| entry.until_ms);
            let Some(key) = first.map(|(key, _)| key.clone()) else {
                break;
            };
            entries.remove(&key);
        }
    }

    /// A call succeeded: whatever was held against it is forgotten.
    pub fn succeeded(&self, credential: &str, model: &str) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.is_empty() {
            return;
        }
        for scope in [Scope::Credential, Scope::CredentialAndModel, Scope::Model] {
            entries.remove(&scope.key(credential, model));
        }
    }

    /// Forgets everything, say because somebody changed a key.
    pub fn clear(&self) {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// What to keep for the next run.
    pub fn snapshot(&self) -> Snapshot {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What to keep, if it is not what was kept last. Whoever asks keeps it.
    pub fn news(&self) -> Option<Snapshot> {
        let now = self.snapshot();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if *kept == now {
            return None;
        }
        kept.clone_from(&now);
        Some(now)
    }
}

/// How long something rests after so many faults in a row.
fn rest(rules: &CooldownsConfig, credential: &str, kind: ErrorKind, failures: u32) -> Duration {
    let turn = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    match kind {
        ErrorKind::Auth => ACCOUNT,
        ErrorKind::Billing => {
            let provider = credential.split([':', '#']).next().unwrap_or_default();
            let written = rules.billing_backoff_hours.is_some()
                || rules.billing_backoff_hours_by_provider.contains_key(provider);
            if !written {
                return ACCOUNT;
            }
            let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
            let first = rules.billing_backoff(provider);
            first.saturating_mul(doubled).min(rules.billing_max())
        }
        _ => STEPS[turn.min(STEPS.len() - 1)],
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };

    fn held(rules: CooldownsConfig) -> (Cooldowns, Arc<AtomicI64>) {
        let now = Arc::new(AtomicI64::new(1_000_000));
        let clock = now.clone();
        let clock = Clock::from_fn(move || clock.load(Ordering::Relaxed));
        (Cooldowns::new(clock, rules, Snapshot::new()), now)
    }

    #[test]
    fn what_rests_is_kept_once_and_known_to_the_next_run() {
        let (cooldowns, now) = held(CooldownsConfig::default());
        assert!(cooldowns.news().is_none());
        cooldowns.failed("v:a", "v/m", ErrorKind::Auth, None);
        let news = cooldowns.news().expect("something rests");
        assert!(cooldowns.news().is_none(), "it is kept");
        let clock = Clock::from_fn(move || now.load(Ordering::Relaxed));
        let next = Cooldowns::new(clock, CooldownsConfig::default(), news);
        assert_eq!(next.resting("v:a", "v/m"), cooldowns.resting("v:a", "v/m"));
        assert!(next.news().is_none(), "nothing has changed");
        next.succeeded("v:a", "v/m");
        assert_eq!(next.news(), Some(Snapshot::new()));
    }

    fn rest(cooldowns: &Cooldowns, now: &AtomicI64) -> i64 {
        let entry = cooldowns.resting("v:a", "v/m").expect("it rests");
        (entry.until_ms - now.load(Ordering::Relaxed)) / 1000
    }

    #[test]
    fn rests_grow_to_a_limit_and_a_success_ends_them() {
        let (cooldowns, now) = held(CooldownsConfig::default());
        for expected in [30, 60, 300, 300] {
            cooldowns.failed("v:a", "v/m", ErrorKind::RateLimited, None);
            assert_eq!(rest(&cooldowns, &now), expected);
        }
        cooldowns.succeeded("v:a", "v/m");
        assert_eq!(cooldowns.resting("v:a", "v/m"), None);
        cooldowns.failed(
            "v:a",
            "v/m",
            ErrorKind::RateLimited,
            Some(Duration::from_secs(90)),
        );
        assert_eq!(
            rest(&cooldowns, &now),
            90,
            "what the vendor asks for is the least"
        );
        now.fetch_add(91_000, Ordering::Relaxed);
        assert_eq!(cooldowns.resting("v:a", "v/m"), None);
        now.fetch_add(25 * 3_600_000, Ordering::Relaxed);
        cooldowns.failed("v:a", "v/m", ErrorKind::RateLimited, None);
        assert_eq!(rest(&cooldowns, &now), 30, "a day later it counts anew");
    }

    #[test]
    fn what_rests_depends_on_the_fault() {
        let (cooldowns, now) = held(CooldownsConfig::default());
        let rests = |credential, model| cooldowns.resting(credential, model).is_some();
        cooldowns.failed("v:a", "v/m", ErrorKind::Billing, None);
        assert!(rests("v:a", "v/m") && rests("v:a", "v/other") && !rests("v:b", "v/m"));
        assert_eq!(rest(&cooldowns, &now), 600);
        cooldowns.clear();
        cooldowns.failed("v:a", "v/m", ErrorKind::RateLimited, None);
        assert!(rests("v:a", "v/m") && !rests("v:a", "v/other") && !rests("v:b", "v/m"));
        cooldowns.clear();
        cooldowns.failed("v:a", "v/m", ErrorKind::Overloaded, None);
        assert!(rests("v:a", "v/m") && !rests("v:a", "v/other") && rests("v:b", "v/m"));
        cooldowns.clear();
        cooldowns.failed("v:a", "v/m", ErrorKind::InvalidInput, None);
        assert!(!rests("v:a", "v/m"));
    }

    #[test]
    fn the_rests_of_february_hold_where_they_are_written() {
        let rules: CooldownsConfig = serde_json::from_value(serde_json::json!({
            "billingBackoffHoursByProvider": {"v": 1.0}, "billingMaxHours": 3.0
        }))
        .expect("valid");
        let (cooldowns, now) = held(CooldownsConfig::default());
        cooldowns.follow(&rules);
        for hours in [1, 2, 3, 3] {
            cooldowns.failed("v:a", "v/m", ErrorKind::Billing, None);
            assert_eq!(rest(&cooldowns, &now), hours * 3600);
        }
        cooldowns.failed("w:a", "w/m", ErrorKind::Billing, None);
        let other = cooldowns.resting("w:a", "w/m").expect("it rests");
        assert_eq!(other.until_ms - other.failed_ms, 600_000);
    }

    #[test]
    fn a_restart_forgets_nothing_and_the_state_is_bounded() {
        let (cooldowns, _) = held(CooldownsConfig::default());
        for n in 0..MAX_ENTRIES + 10 {
            cooldowns.failed(&format!("v:{n}"), "v/m", ErrorKind::Auth, None);
        }
        let text = serde_json::to_string(&cooldowns.snapshot()).expect("JSON");
        let back: Snapshot = serde_json::from_str(&text).expect("the same");
        assert_eq!((back.len(), &back), (MAX_ENTRIES, &cooldowns.snapshot()));
    }
}
