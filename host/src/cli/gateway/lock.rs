//! One gateway for each state directory.
//!
//! The lock is the system's and ends with its holder, so a file that a killed process or a moved volume left behind
//! never blocks a start. What is written in the file is for people only. The name is the same whatever the configuration
//! is called and wherever the directory is mounted: what two gateways must not share is the state.
use crate::{checkup::LockFacts, cli::Failure, config::Paths};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    time::{Duration, Instant},
};

/// The file in the state directory.
const NAME: &str = "gateway.lock";
/// How long a gateway that is told to make way may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often it is looked whether it is gone.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The longest note that is read.
const MAX_NOTE: u64 = 200;
/// The system's list of locks.
const LOCKS: &str = "/proc/locks";

/// Held as long as the gateway runs, or a command that works on its state.
#[derive(Debug)]
pub(in crate::cli) struct Lock {
    _file: File,
    /// Somebody made way for it, which took a while.
    pub(super) displaced: bool,
}

/// Who holds the lock, by its own note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holder {
    pid: i32,
    since_ms: i64,
    /// It is no gateway, and ends by itself.
    command: bool,
}

impl Lock {
    /// Takes the lock for a gateway. With `force`, a holder is asked to end first.
    pub(in crate::cli) fn take(paths: &Paths, force: bool, now_ms: i64) -> Result<Self, Failure> {
        Self::acquire(
            paths,
            force,
            &json!({"pid": std::process::id(), "sinceMs": now_ms}),
        )
    }

    /// Takes it for a command that works on the state while no gateway does.
    pub(in crate::cli) fn for_command(paths: &Paths, now_ms: i64) -> Result<Self, Failure> {
        let note = json!({"pid": std::process::id(), "sinceMs": now_ms, "command": true});
        Self::acquire(paths, false, &note)
    }

    fn acquire(paths: &Paths, force: bool, note: &Value) -> Result<Self, Failure> {
        let path = paths.state_dir.join(NAME);
        let failed = |e| Failure::io(format_args!("lock {}", path.display()), e);
        // A link that somebody put there would have another file emptied.
        let no_link =
            i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).expect("flags are the system's integers");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(no_link)
            .open(&path)
            .map_err(failed)?;
        let tried = file.try_lock();
        let displaced = matches!(tried, Err(TryLockError::WouldBlock));
        match tried {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if force => displace(&mut file)?,
            Err(TryLockError::WouldBlock) => return Err(taken(&mut file, paths)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let note = format!("{note}\n");
        let noted = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(note.as_bytes()));
        if let Err(error) = noted {
            // The lock holds without it; a full volume must not keep a gateway from draining what it has.
            tracing::warn!(target: "openclaw::gateway", "{} can't say who holds it: {error}", path.display());
        }
        Ok(Self {
            _file: file,
            displaced,
        })
    }
}

/// Who holds the lock, without taking it. Where the system shows its locks, a gateway that starts right now notices
/// nothing; elsewhere it is tried for a moment.
pub(in crate::cli) fn look(paths: &Paths) -> LockFacts {
    let Ok(mut file) = File::open(paths.state_dir.join(NAME)) else {
        return LockFacts::default();
    };
    let inode = file.metadata().map_or(0, |metadata| metadata.ino());
    let note = holder(&mut file);
    let locks = fs::read_to_string(LOCKS).unwrap_or_default();
    let seen = note.is_some_and(|note| holds(&locks, note.pid, inode));
    let held = seen || matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    LockFacts {
        held,
        note: note.map(|note| (note.pid, super::when(note.since_ms))),
        exists: true,
    }
}

/// The gateway that holds the lock, as far as the system itself says that it does: its process, and since when.
pub(super) fn gateway(paths: &Paths) -> Option<(Pid, i64)> {
    let mut file = File::open(paths.state_dir.join(NAME)).ok()?;
    let inode = file.metadata().ok()?.ino();
    let note = holder(&mut file).filter(|note| !note.command)?;
    let locks = fs::read_to_string(LOCKS).ok()?;
    holds(&locks, note.pid, inode).then_some((Pid::from_raw(note.pid)?, note.since_ms))
}

/// Waits a moment without blocking anything: for commands, in which nothing else runs.
pub(super) fn moment() {
    let (_never, wait) = std::sync::mpsc::sync_channel::<()>(0);
    let _ = wait.recv_timeout(LOOK_EVERY);
}

fn holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(MAX_NOTE).read_to_string(&mut text).ok()?;
    let note: Value = serde_json::from_str(&text).ok()?;
    Some(Holder {
        pid: i32::try_from(note["pid"].as_i64()?).ok()?,
        since_ms: note["sinceMs"].as_i64()?,
        command: note["command"] == true,
    })
}

fn taken(file: &mut File, paths: &Paths) -> Failure {
    let state = paths.state_dir.display();
    let holder = holder(file);
    let who = match holder {
        Some(Holder { pid, since_ms, .. }) => format!("PID {pid}, since {}", super::when(since_ms)),
        None => "its process is not known".into(),
    };
    if holder.is_some_and(|holder| holder.command) {
        // nothing is set wrong: a service that is started meanwhile has to be started again
        return Failure::new(format_args!(
            "a command of openclaw is at work on {state} ({who}); retry when it has ended"
        ));
    }
    Failure::config(format_args!(
        "a gateway is already running on {state} ({who}); stop it (a new one does so with `openclaw gateway --force`), or \
         name another OPENCLAW_STATE_DIR"
    ))
}

/// Asks the holder to end and waits until it has. Only a process of which the system itself says that it holds this lock
/// gets a signal: the note may be of another container, where numbers mean other processes.
fn displace(file: &mut File) -> Result<(), Failure> {
    let by_hand = |why: &str| {
        Failure::new(format_args!(
            "can't take the running gateway's place: {why}; stop it by hand"
        ))
    };
    let noted = holder(file).ok_or_else(|| by_hand("its process is not known"))?;
    let inode = file
        .metadata()
        .map_err(|e| Failure::io("look at the lock", e))?
        .ino();
    let locks = fs::read_to_string(LOCKS).unwrap_or_default();
    if !holds(&locks, noted.pid, inode) {
        return Err(by_hand("it is not a process that can be seen from here"));
    }
    let pid = Pid::from_raw(noted.pid).ok_or_else(|| by_hand("its process is not known"))?;
    kill_process(pid, Signal::TERM).map_err(|e| Failure::io("stop the running gateway", e.into()))?;
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if file.try_lock().is_ok() {
            return Ok(());
        }
        moment();
    }
    Err(Failure::new(format_args!(
        "the running gateway (PID {}) did not end within {PATIENCE:?}; stop it by hand",
        noted.pid
    )))
}

/// Does the process hold a lock on the file? Lines are `1: FLOCK  ADVISORY  WRITE 4711 08:01:1310 0 EOF`; those of who
/// waits have `->` after the number. The device is left out: some file systems give another one here than elsewhere.
fn holds(locks: &str, pid: i32, inode: u64) -> bool {
    locks.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, who, place, ..] = words.as_slice() else {
            return false;
        };
        let at = place.rsplit(':').next().and_then(|inode| inode.parse().ok());
        who.parse() == Ok(pid) && at == Some(inode)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn paths(folder: &Path, config: &str) -> Paths {
        Paths {
            config_file: folder.join(config),
            state_dir: folder.to_owned(),
            home: None,
            include_roots: Vec::new(),
        }
    }

    #[test]
    fn a_live_holder_is_named_and_a_dead_one_does_not_matter() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = paths(folder.path(), "openclaw.json");
        assert!(!look(&paths).exists);
        let first = Lock::take(&paths, false, 1_700_000_000_000).expect("free");
        let (seen, us) = (look(&paths), i32::try_from(std::process::id()).ok());
        assert_eq!((seen.held, seen.note.map(|note| note.0)), (true, us));
        let running = gateway(&paths).map(|(pid, since)| (pid.as_raw_nonzero().get(), since));
        assert_eq!(running, us.map(|us| (us, 1_700_000_000_000)));
        let error = Lock::take(&paths, false, 0).expect_err("taken").to_string();
        assert!(
            error.contains(&format!("PID {}, since 2023-11-14", std::process::id())),
            "{error}"
        );
        drop(first);
        assert!(folder.path().join(NAME).is_file(), "the file stays");
        assert!(gateway(&paths).is_none());
        let seen = look(&paths);
        assert!(!seen.held && seen.note.is_some_and(|note| note.1.starts_with("2023-11-14")));
        Lock::take(&paths, false, 0).expect("free again");
    }

    #[test]
    fn who_meets_a_command_is_told_to_come_again_and_not_that_something_is_set_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = paths(folder.path(), "openclaw.json");
        let command = Lock::for_command(&paths, 1_700_000_000_000).expect("free");
        assert!(gateway(&paths).is_none());
        let met = Lock::take(&paths, false, 0).expect_err("taken");
        let error = met.to_string();
        assert!(
            error.contains("a command") && error.contains("since 2023-11-14") && error.contains("retry"),
            "{error}"
        );
        // a service ends for good with 78, and is started again with 1
        assert_eq!(met.report(), 1);
        drop(command);
        let _gateway = Lock::take(&paths, false, 0).expect("free again");
        let met = Lock::for_command(&paths, 0).expect_err("taken");
        assert!(met.to_string().contains("a gateway is already running"), "{met}");
        assert_eq!(met.report(), 78);
    }

    #[test]
    fn another_configuration_is_no_other_state() {
        let folder = tempfile::tempdir().expect("a folder");
        let _first = Lock::take(&paths(folder.path(), "one.json"), false, 0).expect("free");
        Lock::take(&paths(folder.path(), "two.json"), false, 0).expect_err("taken");
    }

    #[test]
    fn whatever_was_left_behind_is_free() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = paths(folder.path(), "openclaw.json");
        for left in ["", "{\"pid\":1,\"sinceMs\":1}", "no JSON", "\u{0}\u{0}"] {
            fs::write(folder.path().join(NAME), left).expect("written");
            drop(Lock::take(&paths, false, 5).expect("free"));
            let note = fs::read_to_string(folder.path().join(NAME)).expect("read");
            assert!(note.contains("\"sinceMs\":5"), "{note}");
        }
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let other = folder.path().join("precious");
        fs::write(&other, "content").expect("written");
        std::os::unix::fs::symlink(&other, folder.path().join(NAME)).expect("linked");
        Lock::take(&paths(folder.path(), "openclaw.json"), false, 0).expect_err("a link");
        assert_eq!(fs::read_to_string(other).expect("read"), "content");
    }

    #[test]
    fn only_a_process_that_holds_this_lock_is_told_to_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = paths(folder.path(), "openclaw.json");
        let path = folder.path().join(NAME);
        let held = File::create(&path).expect("made");
        held.lock().expect("free");
        // process 1 holds no lock of ours, whatever the note says
        fs::write(&path, "{\"pid\":1,\"sinceMs\":1}").expect("written");
        let error = Lock::take(&paths, true, 0).expect_err("taken").to_string();
        assert!(error.contains("stop it by hand"), "{error}");

        let locks = "1: FLOCK  ADVISORY  WRITE 4711 08:01:1310 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 4712 08:01:1311 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 4713 08:01:1310 0 EOF\n";
        assert!(holds(locks, 4711, 1310));
        assert!(!holds(locks, 4711, 1311) && !holds(locks, 4712, 1311) && !holds(locks, 4713, 1310));
    }
}
