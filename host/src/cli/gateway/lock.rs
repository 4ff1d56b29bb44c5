//! One gateway for each state directory.
//!
//! The lock is the system's and ends with its holder, so a file that a killed process or a moved volume left behind
//! never blocks a start. What is written in the file is for people only.
use crate::{cli::Failure, config::Paths};
use sha2::{Digest, Sha256};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    time::{Duration, Instant},
};

/// How long a gateway that is told to make way may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often it is looked whether it is gone.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Held as long as the gateway runs.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock. With `force`, a holder is asked to end first.
    pub(super) fn take(paths: &Paths, force: bool, now_ms: i64) -> Result<Self, Failure> {
        let path = path(paths);
        let failed = |e| Failure::io(format_args!("lock {}", path.display()), e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if force => displace(&mut file)?,
            Err(TryLockError::WouldBlock) => return Err(taken(&mut file, paths)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let note = format!("{{\"pid\":{},\"sinceMs\":{now_ms}}}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(note.as_bytes()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// `<state>/gateway.<hash>.lock`; the hash is that of the configuration's path.
fn path(paths: &Paths) -> PathBuf {
    let digest = Sha256::digest(paths.config_file.as_os_str().as_encoded_bytes());
    let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    paths.state_dir.join(format!("gateway.{hash}.lock"))
}

fn holder(file: &mut File) -> Option<(i32, i64)> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(200).read_to_string(&mut text).ok()?;
    let note: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some((
        i32::try_from(note["pid"].as_i64()?).ok()?,
        note["sinceMs"].as_i64()?,
    ))
}

fn taken(file: &mut File, paths: &Paths) -> Failure {
    let state = paths.state_dir.display();
    let who = match holder(file) {
        Some((pid, since)) => format!("PID {pid}, since {}", super::when(since)),
        None => "its process is not known".into(),
    };
    Failure::config(format_args!(
        "a gateway is already running on {state} ({who}); stop it, start this one with --force to take its place, or give \
         this one another OPENCLAW_STATE_DIR"
    ))
}

/// Asks the holder to end and waits until it has.
fn displace(file: &mut File) -> Result<(), Failure> {
    let pid = holder(file).and_then(|(pid, _)| rustix::process::Pid::from_raw(pid));
    let pid =
        pid.ok_or_else(|| Failure::new("the running gateway's process is not known; stop it by hand"))?;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)
        .map_err(|e| Failure::io("stop the running gateway", e.into()))?;
    let until = Instant::now() + PATIENCE;
    let (never, wait) = std::sync::mpsc::sync_channel::<()>(0);
    while Instant::now() < until {
        if file.try_lock().is_ok() {
            return Ok(());
        }
        // waits without blocking anything: nothing else runs yet
        let _ = wait.recv_timeout(LOOK_EVERY);
    }
    drop(never);
    Err(Failure::new(format_args!(
        "the running gateway (PID {}) did not end within {PATIENCE:?}; stop it by hand",
        pid.as_raw_nonzero()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(folder: &std::path::Path) -> Paths {
        Paths {
            config_file: folder.join("openclaw.json"),
            state_dir: folder.to_owned(),
            home: None,
            include_roots: Vec::new(),
        }
    }

    #[test]
    fn a_live_holder_is_named_and_a_dead_one_does_not_matter() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = paths(folder.path());
        let first = Lock::take(&paths, false, 1_700_000_000_000).expect("free");
        let error = Lock::take(&paths, false, 0).expect_err("taken").to_string();
        assert!(
            error.contains(&format!("PID {}, since 2023-11-14", std::process::id())),
            "{error}"
        );
        drop(first);
        assert!(path(&paths).is_file(), "the file stays");
        Lock::take(&paths, false, 0).expect("free again");
    }
}
