//! Containers that last: made when a command needs one, taken up again, and taken away when nothing ran in them for a while.
//!
//! What there is stands in the plugin's store, so that a later gateway takes away what this one has made. Invariant: none is
//! taken away while a command runs in it.
use super::{Container, keeping::on_thread};
use openclaw_plugin_api::{Store, prelude::*};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    collections::BTreeMap,
    io::{self, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::timeout;

/// How long an engine may take to make a container, with the image that it may have to fetch; and for its setup.
const MAKING: Duration = Duration::from_secs(300);
/// How long it may take for anything else.
const ASKING: Duration = Duration::from_secs(30);
/// Hours without a command after which a container is taken away, and its greatest age in days.
const IDLE_HOURS: u64 = 24;
const MAX_AGE_DAYS: u64 = 7;
/// What is noted of a use, at the most so often.
const NOTING_MS: u64 = 5 * 60 * 1000;
/// Most that is kept of what an engine says, bytes; the rest is read and forgotten, so that it is not held up.
const MAX_SAID: u64 = 64 << 10;
/// Most of an engine's complaint that is told, characters.
const MAX_TOLD: usize = 300;
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
    idle_hours: u64,
    max_age_days: u64,
}

/// The program that has the containers.
#[derive(Debug, Clone, Copy)]
struct Engine<'e> {
    program: &'e Path,
    environment: &'e BTreeMap<String, String>,
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
        match engine.is_running(name).await? {
            Some(true) if known.is_ours => {}
            Some(true) => drop(engine.run(&["restart", "-t", "0", name], ASKING).await?),
            Some(false) => drop(engine.run(&["start", name], ASKING).await?),
            None => {
                // before it is there, so that it can't be there unknown
                known.noted_ms = note(store, container, None).await?;
                make(engine, container).await?;
            }
        }
        known.is_ours = true;
        if known.noted_ms + NOTING_MS < now_ms() {
            let before = noted(store, name).await;
            known.noted_ms = note(store, container, before).await?;
        }
        Ok(in_use)
    }

    /// Takes away what nobody has used for long, and what is too old.
    pub async fn prune(&self, store: &Store, environment: &BTreeMap<String, String>) {
        let keys = match store.keys(SPACE).await {
            Ok(keys) => keys,
            Err(error) => return tracing::warn!(%error, "the list of containers can't be read"),
        };
        for name in keys.iter().filter_map(|key| key.strip_prefix(SPACE)) {
            let slot = self.slot(name);
            let mut known = slot.known.lock().await;
            let used = slot.used_ms.load(Ordering::Relaxed);
            let Some(one) = noted(store, name).await else {
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
                }
            }
        }
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

async fn noted(store: &Store, name: &str) -> Option<Noted> {
    store.get_json(&format!("{SPACE}{name}")).await.ok().flatten()
}

/// Notes that it is used now. When that is.
async fn note(store: &Store, container: &Container, before: Option<Noted>) -> Result<u64, String> {
    let now = now_ms();
    let one = Noted {
        engine: container.engine.clone(),
        made_ms: before.map_or(now, |before| before.made_ms),
        used_ms: now,
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

// === impl Engine ===

impl Engine<'_> {
    /// None if there is no such container. An engine that can't say is an error: it may have it.
    async fn is_running(self, name: &str) -> Result<Option<bool>, String> {
        let asked = [
            "inspect",
            "--type",
            "container",
            "--format",
            "{{.State.Running}}",
            name,
        ];
        match self.run(&asked, ASKING).await {
            Ok(said) => Ok(Some(said.trim() == "true")),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What it says, or why it did not do it.
    async fn run(self, args: &[&str], limit: Duration) -> Result<String, String> {
        let mut command = Command::new(self.program);
        command
            .args(args)
            .env_clear()
            .envs(self.environment)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let what = format!("{} {}", self.program.display(), args[0]);
        let failed = |why: &dyn std::fmt::Display| format!("{what} failed: {why}");
        let mut child = command.spawn().map_err(|e| failed(&e))?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let ended = on_thread(move || heard(&mut child)).map_err(|e| failed(&e))?;
        match timeout(limit, ended).await {
            Ok(Ok(Ok((status, said, _)))) if status.success() => Ok(said),
            Ok(Ok(Ok((_, _, said)))) => {
                let said: String = said.trim().chars().take(MAX_TOLD).collect();
                Err(failed(&said))
            }
            Ok(Ok(Err(error))) => Err(failed(&error)),
            Ok(Err(_)) => Err(failed(&"nobody waited for it")),
            Err(_) => {
                if let Some(group) = group {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                Err(failed(&format!("it took longer than {} s", limit.as_secs())))
            }
        }
    }
}

/// Does an engine say that it has no such container?
fn is_absence(error: &str) -> bool {
    let error = error.to_lowercase();
    error.contains("no such container") || error.contains("no such object")
}

/// How a program ended, and the beginnings of what it said and of what it complained of.
fn heard(child: &mut Child) -> io::Result<(ExitStatus, String, String)> {
    let (out, complaints) = (child.stdout.take(), child.stderr.take());
    // both at once, or a full one would hold up the other
    let (said, complained) = thread::scope(|scope| {
        let said = scope.spawn(|| beginning(out));
        let complained = beginning(complaints);
        (said.join(), complained)
    });
    let said = said.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
    Ok((child.wait()?, said, complained?))
}

fn beginning(from: Option<impl Read>) -> io::Result<String> {
    let mut kept = Vec::new();
    if let Some(mut from) = from {
        from.by_ref().take(MAX_SAID).read_to_end(&mut kept)?;
        io::copy(&mut from, &mut io::sink())?;
    }
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_engine_that_says_much_is_heard_to_its_end_and_little_of_it_is_kept() {
        let engine = Engine {
            program: Path::new("/bin/sh"),
            environment: &BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        };
        let much = "head -c 3000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero | tr '\\0' y >&2";
        let said = engine.run(&["-c", much], ASKING).await.expect("it ends well");
        assert_eq!(said.len() as u64, MAX_SAID);
    }

    #[tokio::test]
    async fn an_engine_that_can_not_say_is_not_taken_for_one_without_the_container() {
        let folder = tempfile::tempdir().expect("a folder");
        for (says, there) in [
            ("Error response from daemon: No such container: box", Some(None)),
            ("Cannot connect to the Docker daemon", None),
        ] {
            let program = folder.path().join("engine");
            std::fs::write(&program, format!("#!/bin/sh\necho '{says}' >&2; exit 1\n")).expect("written");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&program, mode).expect("set");
            let engine = Engine {
                program: &program,
                environment: &BTreeMap::new(),
            };
            assert_eq!(engine.is_running("box").await.ok(), there, "{says}");
        }
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
