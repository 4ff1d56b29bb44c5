//! What the kernel says of this process: threads, files, memory, and the state that all its code shares.
//!
//! Linux only; elsewhere every reading is `None` and the tests that need one are skipped.
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    path::PathBuf,
};

/// Threads by id, with their names.
pub(crate) type Threads = BTreeMap<u32, String>;

/// State that belongs to the whole process.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shared {
    pub(crate) working_directory: Option<PathBuf>,
    pub(crate) environment: BTreeMap<OsString, OsString>,
    /// `SigIgn` and `SigCgt`: signals that are ignored, and those with a handler.
    pub(crate) signals: BTreeMap<&'static str, String>,
    pub(crate) umask: Option<String>,
    /// Device and inode behind the descriptors 0, 1 and 2.
    pub(crate) standard_streams: [Option<(u64, u64)>; 3],
}

/// The threads of this process.
pub(crate) fn threads() -> Option<Threads> {
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let thread = |entry: fs::DirEntry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        Some((id, name.trim_end().to_owned()))
    };
    Some(tasks.flatten().filter_map(thread).collect())
}

/// The open files, as `number → what`.
pub(crate) fn files() -> Option<BTreeSet<String>> {
    let files = fs::read_dir("/proc/self/fd").ok()?;
    // The descriptor with which this folder is read has no target any more when it is looked at by name.
    let file = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        let own = target.starts_with("/proc") && target.ends_with("fd");
        (!own).then(|| format!("{} → {}", entry.file_name().to_string_lossy(), target.display()))
    };
    Some(files.flatten().filter_map(file).collect())
}

/// Memory that belongs to this process alone and not to files, KiB.
pub(crate) fn anonymous_kib() -> Option<u64> {
    status("RssAnon:")?.split_whitespace().next()?.parse().ok()
}

/// The shared state.
pub(crate) fn shared() -> Option<Shared> {
    let signals = ["SigIgn:", "SigCgt:"]
        .into_iter()
        .map(|key| Some((key, status(key)?)));
    Some(Shared {
        working_directory: std::env::current_dir().ok(),
        environment: std::env::vars_os().collect(),
        signals: signals.collect::<Option<_>>()?,
        umask: status("Umask:"),
        standard_streams: [0, 1, 2].map(identity),
    })
}

/// The names that a thread has when nobody gave it one: it inherits the name of the thread that made it, which is one of
/// these.
pub(crate) fn is_inherited_name(name: &str) -> bool {
    let program = fs::read_to_string("/proc/self/comm").unwrap_or_default();
    name.is_empty() || name.starts_with(crate::run::THREAD_PREFIX) || name == program.trim_end()
}

fn status(key: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix(key))
        .map(|value| value.trim().to_owned())
}

#[cfg(unix)]
fn identity(descriptor: u8) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata(format!("/proc/self/fd/{descriptor}")).ok()?;
    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(_: u8) -> Option<(u64, u64)> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod unit {
    use super::*;

    #[test]
    fn the_kernel_answers() {
        assert!(threads().is_some_and(|threads| !threads.is_empty()));
        assert!(files().is_some_and(|files| files.iter().any(|file| file.starts_with("1 "))));
        assert!(anonymous_kib().is_some_and(|kib| kib > 0));
        let shared = shared().expect("Linux has /proc");
        assert!(shared.umask.is_some() && shared.standard_streams[2].is_some());
    }
}
