//! Which plugin ended the process, if its code did: a plugin in this process shares its memory, so a wild pointer, an
//! `abort` or an `exit` of it is the gateway's end, and the next start has to know whom to keep out.
//!
//! Each thread that polls a plugin remembers whose code it runs, which costs nothing; only when the process ends by a
//! fault the name goes into a file. A fault on a thread that a plugin started itself is noted without a name. A gateway
//! that is killed from outside notes nothing.
use super::load;
use serde::{Deserialize, Serialize};
use std::{
    cell::Cell,
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
    time::UNIX_EPOCH,
};

/// Longest file that is believed, bytes: a name, and nothing that grows.
const MAX_FILE: u64 = 4096;

/// An end of the process by code in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// Whose code it was; empty if nobody knows.
    pub plugin: String,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
}

thread_local! {
    /// Whose code this thread runs. Constant at first and without a destructor, so that a handler of signals may read it.
    static RUNS: Cell<&'static str> = const { Cell::new("") };
}

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
static FILE: OnceLock<File> = OnceLock::new();

/// A name that lives as long as the process. As many are kept as there were plugins.
pub fn interned(plugin: &str) -> &'static str {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(plugin) {
        return known;
    }
    let name: &'static str = Box::leak(plugin.into());
    names.insert(name);
    name
}

/// Runs code of a plugin, which is blamed if the process ends in it.
pub(super) fn running<T>(plugin: &'static str, code: impl FnOnce() -> T) -> T {
    struct Before(&'static str);
    impl Drop for Before {
        fn drop(&mut self) {
            RUNS.set(self.0);
        }
    }
    let _before = Before(RUNS.replace(plugin));
    code()
}

/// How the last process on this state ended, if code in it was the reason.
pub fn last(state: &Path) -> Option<End> {
    let path = file(state);
    let metadata = fs::metadata(&path).ok()?;
    if metadata.len() > MAX_FILE {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    let plugin = text.lines().next_back()?.trim();
    if plugin.is_empty() {
        return None;
    }
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(End {
        plugin: plugin.trim_matches('?').to_owned(),
        at_ms: i64::try_from(since.as_millis()).ok()?,
    })
}

/// Forgets the last end and writes down the next one.
pub fn watch(state: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    // of several gateways in one process, which only tests have, the first counts
    let _ = FILE.set(options.open(file(state))?);
    load::at_fatal_end(note);
    Ok(())
}

/// Runs in a handler of signals: one write, no memory, no lock.
fn note(fault: bool) {
    let name = match RUNS.get() {
        // the gateway itself has come to its end
        "" if !fault => return,
        "" => "?",
        name => name,
    };
    if let Some(file) = FILE.get() {
        let _ = rustix::io::write(file, name.as_bytes());
        let _ = rustix::io::write(file, b"\n");
    }
}

fn file(state: &Path) -> PathBuf {
    state.join("plugin-that-crashed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_a_thread_knows_whose_code_it_runs() {
        let (one, other) = (interned("a-plugin"), interned(&String::from("a-plugin")));
        assert!(std::ptr::eq(one, other));
        running("outer", || {
            running("inner", || assert_eq!(RUNS.get(), "inner"));
            assert_eq!(RUNS.get(), "outer");
            let panicked = std::panic::catch_unwind(|| running("inner", || panic!("on purpose")));
            assert!(panicked.is_err());
            assert_eq!(RUNS.get(), "outer", "also after a panic");
        });
        assert_eq!(RUNS.get(), "");
    }

    #[test]
    fn only_a_name_is_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(last(folder.path()), None);
        for (written, found) in [
            ("", None),
            ("\n", None),
            ("?\n", Some("")),
            ("demo\n", Some("demo")),
            ("a\nb\n", Some("b")),
        ] {
            fs::write(file(folder.path()), written).expect("written");
            assert_eq!(
                last(folder.path()).map(|end| end.plugin).as_deref(),
                found,
                "{written:?}"
            );
        }
        fs::write(file(folder.path()), "x".repeat(5000)).expect("written");
        assert_eq!(last(folder.path()), None);
    }
}
