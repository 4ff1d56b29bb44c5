//! All processes that descend from one, as `/proc` tells.
//!
//! It is complete for a process that adopts its orphaned descendants, as [`crate::launch`]'s keeper does.
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::{HashMap, HashSet},
    fs,
};

/// How often it is looked for processes that were started meanwhile.
const ROUNDS: usize = 200;

/// Every living process below `root`, without it. Those that have ended and wait for their parents don't count.
pub fn descendants(root: Pid) -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for (pid, parent) in processes() {
        children.entry(parent).or_default().push(pid);
    }
    let (mut found, mut open) = (Vec::new(), vec![root.as_raw_nonzero().get()]);
    while let Some(parent) = open.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.extend(Pid::from_raw(child));
            open.push(child);
        }
    }
    found
}

/// Tells every process below `root`.
pub fn signal(root: Pid, signal: Signal) {
    for pid in descendants(root) {
        // it may have ended by itself
        let _ = kill_process(pid, signal);
    }
}

/// Ends every process below `root`. They are stopped first, all of them, so that none can start another one meanwhile.
pub fn kill(root: Pid) {
    let mut stopped = HashSet::new();
    for _ in 0..ROUNDS {
        let new: Vec<_> = descendants(root)
            .into_iter()
            .filter(|pid| stopped.insert(*pid))
            .collect();
        if new.is_empty() {
            break;
        }
        for pid in new {
            let _ = kill_process(pid, Signal::STOP);
        }
    }
    signal(root, Signal::KILL);
}

/// How many threads the whole system has, at the cost of one short file.
pub fn tasks_of_system() -> Option<usize> {
    let load = fs::read_to_string("/proc/loadavg").ok()?;
    let (_, tasks) = load.split_ascii_whitespace().nth(3)?.split_once('/')?;
    tasks.parse().ok()
}

/// Process and parent, of all that run.
fn processes() -> impl Iterator<Item = (i32, i32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((pid, parent(&stat)?))
    })
}

/// The parent by a line of `stat`; none for a process that has ended. The name in it may contain anything.
fn parent(stat: &str) -> Option<i32> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?;
    (state != "Z" && state != "X").then(|| fields.next()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_confuse() {
        assert_eq!(parent("7 (a) R 1) b) S 42 7 7 0"), Some(42));
        assert_eq!(parent("7 (sh) Z 42 7"), None);
        assert_eq!(parent("nothing"), None);
    }

    #[test]
    fn children_are_found_and_ended() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 1000 & sleep 1000"])
            .spawn()
            .expect("a shell");
        let root = Pid::from_child(&child);
        while descendants(root).len() < 2 {
            std::thread::yield_now();
        }
        kill(root);
        while !descendants(root).is_empty() {
            std::thread::yield_now();
        }
        child.kill().expect("it runs");
        child.wait().expect("it is ours");
    }
}
