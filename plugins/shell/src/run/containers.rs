//! Containers that last: made when a command needs one, taken up again, and taken away when nothing ran in them for a while.
//!
//! What there is stands in the plugin's store, so that a later gateway takes away what this one has made. Invariants: none is
//! taken away while a command runs in it; no command runs in one whose setup was broken off.
use super::{
    Container,
    engine::{ASKING, Engine, is_absence},
};
use openclaw_plugin_api::{Store, prelude::*};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long an engine may take to make a container, with the image that it may have to fetch; and for its setup.
const MAKING: Duration = Duration::from_secs(300);
/// Hours without a command after which a container is taken away, and its greatest age in days.
const IDLE_HOURS: u64 = 24;
const MAX_AGE_DAYS: u64 = 7;
/// What is noted of a use, at the most so often.
const NOTING_MS: u64 = 5 * 60 * 1000;
/// Where the store has them.
const SPACE: &str = "container/";

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The containers of this plugin.
#[derive(Debug, Default)]
pub struct Containers(Mutex<BTreeMap<String, Arc<Slot>>>);

/// One of them.
#[derive(Debug, Default)]
struct Slot {
    /// Held while anything is done with the container itself.
    known: tokio::sync::Mutex<Known>,
    users: AtomicUsize,
    used_ms: AtomicU64,
}

/// What this process knows of one.
#[derive(Debug, Default)]
struct Known {
    /// It was taken up by this process.
    is_ours: bool,
    noted_ms: u64,
}

/// A command runs in it, until this is dropped.
#[derive(Debug)]
pub struct InUse(Arc<Slot>);

/// What is kept of one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Noted {
    engine: PathBuf,
    made_ms: u64,
    used_ms: u64,
    /// Its setup was carried out to its end.
    ready: bool,
    idle_hours: u64,
    max_age_days: u64,
}

// === impl Containers ===

impl Containers {
    /// Has the container run. One that an earlier process has left is started anew, which ends what ran in it.
    pub async fn take_up(
        &self,
        store: &Store,
        container: &Container,
        environment: &BTreeMap<String, String>,
    ) -> Result<InUse, String> {
        let slot = self.slot(&container.name);
        // counted first: whoever takes away looks at this
        let in_use = InUse::new(slot.clone());
        let mut known = slot.known.lock().await;
        let engine = Engine {
            program: &container.engine,
            environment,
        };
        let name = container.name.as_str();
        let mut there = engine.is_running(name).await?;
        if there.is_some() && !known.is_ours && !noted(store, name).await?.is_some_and(|noted| noted.ready) {
            // nobody knows how far its setup went
            engine.run(&["rm", "--force", name], ASKING).await?;
            there = None;
        }
        match there {
            Some(true) if known.is_ours => {}
            Some(true) => drop(engine.run(&["restart", "-t", "0", name], ASKING).await?),
            Some(false) => drop(engine.run(&["start", name], ASKING).await?),
            None => {
                known.is_ours = false;
                // before it is there, so that it can't be there unknown
                note(store, container, None, false).await?;
                make(engine, container).await?;
                known.noted_ms = note(store, container, None, true).await?;
            }
        }
        known.is_ours = true;
        if known.noted_ms + NOTING_MS < now_ms() {
            let before = noted(store, name).await?;
            known.noted_ms = note(store, container, before, true).await?;
        }
        Ok(in_use)
    }

    /// Takes away what nobody has used for long, and what is too old.
    pub async fn prune(&self, store: &Store, environment: &BTreeMap<String, String>) {
        let keys = match store.keys(SPACE).await {
            Ok(keys) => keys,
            Err(error) => return tracing::warn!(%error, "the list of containers can't be read"),
        };
        let mut left: BTreeSet<_> = keys.iter().filter_map(|key| key.strip_prefix(SPACE)).collect();
        for name in left.clone() {
            let slot = self.slot(name);
            let mut known = slot.known.lock().await;
            let used = slot.used_ms.load(Ordering::Relaxed);
            let Ok(Some(one)) = noted(store, name).await else {
                continue;
            };
            if slot.users.load(Ordering::Relaxed) > 0 || !one.is_due(used, now_ms()) {
                continue;
            }
            let engine = Engine {
                program: &one.engine,
                environment,
            };
            known.is_ours = false;
            match engine.run(&["rm", "--force", name], ASKING).await {
                // an engine that doesn't answer may still have it
                Err(error) if !is_absence(&error) => {
                    tracing::warn!(container = name, error, "a container can't be taken away");
                }
                _ => {
                    tracing::info!(container = name, "a container was taken away");
                    let _ = store.delete(&format!("{SPACE}{name}")).await;
                    left.remove(name);
                }
            }
        }
        self.forget_all_but(&left);
    }

    /// Forgets what is not among these and is not used: who took it up anew would find a slot of its own.
    fn forget_all_but(&self, left: &BTreeSet<&str>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|name, slot| left.contains(name.as_str()) || Arc::strong_count(slot) > 1);
    }

    fn slot(&self, name: &str) -> Arc<Slot> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(name.to_owned()).or_default().clone()
    }
}

async fn make(engine: Engine<'_>, container: &Container) -> Result<(), String> {
    let name = container.name.as_str();
    let create: Vec<_> = container.create.iter().map(String::as_str).collect();
    engine.run(&create, MAKING).await?;
    let started = async {
        engine.run(&["start", name], ASKING).await?;
        if let Some(setup) = &container.setup {
            let setup = ["exec", name, "/bin/sh", "-lc", setup];
            let done = engine.run(&setup, MAKING).await;
            done.map_err(|why| format!("sandbox.docker.setupCommand failed: {why}"))?;
        }
        Ok(())
    };
    let started: Result<(), String> = started.await;
    if started.is_err() {
        // half of one is none
        let _ = engine.run(&["rm", "--force", name], ASKING).await;
    }
    started
}

async fn noted(store: &Store, name: &str) -> Result<Option<Noted>, String> {
    let noted = store.get_json(&format!("{SPACE}{name}")).await;
    noted.map_err(|error| format!("what is noted of the container can't be read: {error}"))
}

/// Notes that it is used now, and whether it is ready. When that is.
async fn note(
    store: &Store,
    container: &Container,
    before: Option<Noted>,
    ready: bool,
) -> Result<u64, String> {
    let now = now_ms();
    let one = Noted {
        engine: container.engine.clone(),
        made_ms: before.map_or(now, |before| before.made_ms),
        used_ms: now,
        ready,
        idle_hours: container.prune.idle_hours.unwrap_or(IDLE_HOURS),
        max_age_days: container.prune.max_age_days.unwrap_or(MAX_AGE_DAYS),
    };
    let kept = store.put_json(&format!("{SPACE}{}", container.name), &one).await;
    kept.map_err(|error| format!("the container can't be noted: {error}"))?;
    Ok(now)
}

impl Noted {
    /// Is it to be taken away?
    fn is_due(&self, used_ms: u64, now_ms: u64) -> bool {
        let past = |since: u64, limit: u64| limit > 0 && now_ms.saturating_sub(since) > limit;
        past(self.used_ms.max(used_ms), self.idle_hours.saturating_mul(HOUR_MS))
            || past(self.made_ms, self.max_age_days.saturating_mul(DAY_MS))
    }
}

// === impl InUse ===

impl InUse {
    fn new(slot: Arc<Slot>) -> Self {
        slot.users.fetch_add(1, Ordering::Relaxed);
        Self(slot)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.used_ms.store(now_ms(), Ordering::Relaxed);
        self.0.users.fetch_sub(1, Ordering::Relaxed);
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::testing::TestHost;

    #[tokio::test]
    async fn a_container_that_is_gone_is_forgotten_unless_somebody_is_at_it() {
        let host = TestHost::new();
        let (store, containers) = (host.host().store(), Containers::default());
        for (name, used_ms) in [("idle", 1), ("fresh", now_ms())] {
            let one = Noted {
                engine: "/bin/true".into(),
                made_ms: now_ms(),
                used_ms,
                ready: true,
                idle_hours: 1,
                max_age_days: 7,
            };
            let kept = store.put_json(&format!("{SPACE}{name}"), &one).await;
            kept.expect("kept");
        }
        let known = || {
            let all = containers.0.lock().expect("whole");
            all.keys().cloned().collect::<Vec<_>>()
        };
        let being_made = InUse::new(containers.slot("being made"));
        drop(containers.slot("never made"));
        containers.prune(&store, &BTreeMap::new()).await;
        assert_eq!(known(), ["being made", "fresh"]);
        drop(being_made);
        containers.prune(&store, &BTreeMap::new()).await;
        assert_eq!(known(), ["fresh"]);
    }

    #[test]
    fn a_container_goes_when_it_is_idle_or_old_and_the_operator_wants_it() {
        let one = |idle_hours, max_age_days| Noted {
            made_ms: DAY_MS,
            used_ms: 2 * DAY_MS,
            idle_hours,
            max_age_days,
            ..Noted::default()
        };
        let at = 3 * DAY_MS;
        assert!(!one(24, 7).is_due(0, at));
        assert!(one(24, 7).is_due(0, at + 1));
        assert!(!one(24, 7).is_due(at, at + 1), "it was used in this process");
        assert!(one(24, 7).is_due(8 * DAY_MS, 8 * DAY_MS + 1), "it is old");
        assert!(!one(0, 0).is_due(0, 1000 * DAY_MS));
    }
}
