//! All processes that descend from one, as `/proc` tells.
//!
//! It is complete for a process that adopts its orphaned descendants, as [`crate::launch`]'s keeper does.
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal},
};
use std::{
    collections::{HashMap, HashSet},
    fs,
};

/// How often it is looked for processes that were started meanwhile.
const ROUNDS: usize = 200;

/// A process. Numbers are used again, so when it was started belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its number.
    pub pid: Pid,
    started: u64,
}

/// Every living process below `root`, without it. Those that have ended and wait for their parents don't count.
pub fn descendants(root: Pid) -> Vec<Process> {
    let mut children: HashMap<Pid, Vec<Process>> = HashMap::new();
    for (process, parent) in processes() {
        children.entry(parent).or_default().push(process);
    }
    let (mut found, mut open) = (Vec::new(), vec![root]);
    while let Some(parent) = open.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.push(child);
            open.push(child.pid);
        }
    }
    found
}

/// Tells every process below `root`.
pub fn signal(root: Pid, signal: Signal) {
    for process in descendants(root) {
        process.signal(signal);
    }
}

/// Ends every process below `root`. They are stopped first, all of them, so that none can start another one meanwhile.
pub fn kill(root: Pid) {
    let mut stopped = HashSet::new();
    for _ in 0..ROUNDS {
        let new: Vec<_> = descendants(root)
            .into_iter()
            .filter(|process| stopped.insert(*process))
            .collect();
        if new.is_empty() {
            break;
        }
        for process in new {
            process.signal(Signal::STOP);
        }
    }
    for process in stopped {
        process.signal(Signal::KILL);
    }
    signal(root, Signal::KILL);
}

impl Process {
    /// Tells it, and nobody who has its number by now. It may have ended by itself.
    fn signal(self, signal: Signal) {
        let is_it = || read(self.pid).is_some_and(|(process, _)| process == self);
        match pidfd_open(self.pid, PidfdFlags::empty()) {
            // from here on the handle is this process's or nobody's
            Ok(handle) if is_it() => drop(pidfd_send_signal(handle, signal)),
            // where handles are not to be had, looking shortly before has to do
            Err(Errno::PERM | Errno::NOSYS) if is_it() => drop(kill_process(self.pid, signal)),
            _ => {}
        }
    }
}

/// How many threads the whole system has, at the cost of one short file.
pub fn tasks_of_system() -> Option<usize> {
    let load = fs::read_to_string("/proc/loadavg").ok()?;
    let (_, tasks) = load.split_ascii_whitespace().nth(3)?.split_once('/')?;
    tasks.parse().ok()
}

/// Process and parent, of all that run.
fn processes() -> impl Iterator<Item = (Process, Pid)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| read(Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?))
}

fn read(pid: Pid) -> Option<(Process, Pid)> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let (parent, started) = parse(&stat)?;
    Some((Process { pid, started }, Pid::from_raw(parent)?))
}

/// Parent and start by a line of `stat`; none for a process that has ended. The name in it may contain anything.
fn parse(stat: &str) -> Option<(i32, u64)> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    (state != "Z" && state != "X").then_some((parent, started))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_confuse() {
        let rest = "7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 99 5";
        assert_eq!(parse(&format!("7 (a) R 1) b) S 42 {rest}")), Some((42, 99)));
        assert_eq!(parse(&format!("7 (sh) Z 42 {rest}")), None);
        assert_eq!(parse("7 (sh) S 42 7"), None);
        assert_eq!(parse("nothing"), None);
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
