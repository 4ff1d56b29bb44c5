//! A lock beside a file that several programs change: who reads, changes and replaces it while holding the lock loses
//! nobody else's change. The file itself can't be locked, since it is replaced.
use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

/// How long another writer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked whether he is done.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The lock of the file at `path`, which is `<path>.lock` and held until what is given is dropped. Blocks for 3 s at most;
/// then the error's kind is `WouldBlock`.
#[expect(
    clippy::disallowed_methods,
    reason = "it runs on threads that may block, and the system tells nobody when a lock is free"
)]
pub fn exclusive(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(name)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOOK_EVERY),
            Err(TryLockError::WouldBlock) => {
                let why = "another program has changed it for longer than 3 seconds; try again";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, why));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
