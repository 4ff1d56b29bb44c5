//! The process that keeps a command: it adopts what the command leaves behind and ends all of it.
use super::{BECOME, Command, complain};
use crate::tree;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
    process::{Pid, WaitOptions, getpid, set_child_subreaper, setpriority_process, wait},
};
use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    os::fd::AsFd,
    process::{self, ChildStdin, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How often is looked whether there are more processes than before.
const LOOKING: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};
/// How often the command's processes are counted, whatever it looks like.
const COUNTING: Duration = Duration::from_secs(1);
/// How much more often than others a keeper gets to run: what it keeps may leave nobody any time.
const URGENCY: i32 = -10;
/// What is said where a command has more processes than it may.
pub const TOO_MANY: &str = "the command started too many processes and was ended";
/// Most bytes of input that wait for a command that doesn't read.
const MAX_WAITING: usize = 256 << 10;
/// Bytes read at once.
const CHUNK: usize = 16 << 10;

/// What a keeper is told on its standard input. Its end, without a word, means that whoever asked is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'d> {
    /// Input for the command.
    Input(&'d [u8]),
    /// There is no more input.
    End,
}

/// Whether a command has more processes than it may. Counting them all is work, so it is done when the system has more.
struct Census {
    most: usize,
    system: usize,
    counted: Instant,
}

/// Input on its way to the command.
struct Pipe {
    to: Option<ChildStdin>,
    waiting: VecDeque<u8>,
    ends: bool,
    head: Vec<u8>,
    missing: usize,
}

impl Frame<'_> {
    /// As it is written: a length of four bytes and the input. A length of nothing is the end.
    pub fn encode(self) -> Vec<u8> {
        match self {
            Self::End => vec![0; 4],
            Self::Input(data) => {
                let mut frame = Vec::with_capacity(data.len() + 4);
                for piece in data.chunks(CHUNK) {
                    let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
                    frame.extend_from_slice(&length.to_be_bytes());
                    frame.extend_from_slice(piece);
                }
                frame
            }
        }
    }
}

/// Runs the command to its end and gives its exit code; 128 and the signal's number if it was ended by one.
pub(super) fn keep(json: &str, command: &Command) -> Result<u8, String> {
    set_child_subreaper(Some(Pid::INIT))
        .map_err(|e| format!("orphans can't be adopted: {}", io::Error::from(e)))?;
    let own_input = command.terminal.is_none();
    let mut child = process::Command::new("/proc/self/exe")
        .args([BECOME, json])
        .stdin(if own_input { Stdio::piped() } else { Stdio::null() })
        .spawn()
        .map_err(|e| format!("no process for the command: {e}"))?;
    let pid = Pid::from_child(&child);
    let input = child.stdin.take();
    let most = usize::try_from(command.limits.processes).unwrap_or(usize::MAX);
    let attendant = thread::Builder::new().stack_size(128 << 10);
    let attended = attendant.spawn(move || attend(input, most));
    if let Err(error) = attended {
        tree::kill(getpid());
        return Err(format!("no thread to attend the command: {error}"));
    }
    let code = until_all_ended(pid);
    Ok(code)
}

/// Waits for the command, ends what it left behind, and waits for that too.
fn until_all_ended(command: Pid) -> u8 {
    let mut code = super::CANT_RUN;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == command => {
                let signal = || status.terminating_signal().map(|signal| signal + 128);
                let all = status.exit_status().or_else(signal);
                code = all.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX);
                tree::kill(getpid());
            }
            Ok(_) | Err(Errno::INTR) => {}
            // nobody is left
            Err(_) => return code,
        }
    }
}

/// Passes input on, counts processes, and ends them all when there are too many or nobody wants them any more.
fn attend(input: Option<ChildStdin>, most: usize) {
    // only some may, and for the others the system counts processes; for this thread alone, so the command does not have it
    let _ = setpriority_process(None, URGENCY);
    let mut pipe = Pipe::new(input);
    let mut control = io::stdin().lock();
    let mut census = Census::new(most);
    loop {
        match pipe.step(&mut control) {
            Ok(true) => {}
            // whoever asked is gone, or says what can't be understood
            Ok(false) | Err(_) => return tree::kill(getpid()),
        }
        if census.is_too_large() {
            complain(TOO_MANY);
            return tree::kill(getpid());
        }
    }
}

impl Census {
    fn new(most: usize) -> Self {
        Self {
            most,
            system: 0,
            counted: Instant::now(),
        }
    }

    fn is_too_large(&mut self) -> bool {
        if self.most == 0 {
            return false;
        }
        let system = tree::tasks_of_system().unwrap_or(usize::MAX);
        let more = system > self.system + self.most / 2;
        if !more && self.counted.elapsed() < COUNTING {
            return false;
        }
        (self.system, self.counted) = (system, Instant::now());
        tree::descendants(getpid()).len() > self.most
    }
}

impl Pipe {
    fn new(to: Option<ChildStdin>) -> Self {
        if let Some(to) = &to {
            // a command that doesn't read must not keep its keeper from anything
            let _ = fcntl_getfl(to).and_then(|flags| fcntl_setfl(to, flags | OFlags::NONBLOCK));
        }
        Self {
            to,
            waiting: VecDeque::new(),
            ends: false,
            head: Vec::new(),
            missing: 0,
        }
    }

    /// Waits for something to happen and does it. False: nobody will say anything any more.
    fn step(&mut self, control: &mut (impl Read + AsFd)) -> io::Result<bool> {
        let full = self.waiting.len() >= MAX_WAITING;
        let (heard, free) = {
            let read = if full { PollFlags::empty() } else { PollFlags::IN };
            let mut fds = vec![PollFd::new(control, read)];
            if let Some(to) = self.to.as_ref().filter(|_| !self.waiting.is_empty()) {
                fds.push(PollFd::new(to, PollFlags::OUT));
            }
            poll(&mut fds, Some(&LOOKING)).or_else(|e| if e == Errno::INTR { Ok(0) } else { Err(e) })?;
            (
                fds[0].revents(),
                fds.get(1).is_some_and(|fd| !fd.revents().is_empty()),
            )
        };
        if heard.contains(PollFlags::IN) {
            let mut chunk = [0; CHUNK];
            let count = control.read(&mut chunk)?;
            if count == 0 {
                return Ok(false);
            }
            self.hear(&chunk[..count]);
        } else if heard.intersects(PollFlags::HUP | PollFlags::ERR) {
            return Ok(false);
        }
        if free {
            self.pass_on();
        }
        if self.ends && self.waiting.is_empty() {
            self.to = None;
        }
        Ok(true)
    }

    /// Takes frames apart, wherever they are cut.
    fn hear(&mut self, mut heard: &[u8]) {
        while !heard.is_empty() {
            if self.missing > 0 {
                let (now, rest) = heard.split_at(self.missing.min(heard.len()));
                self.missing -= now.len();
                if self.to.is_some() {
                    self.waiting.extend(now);
                }
                heard = rest;
                continue;
            }
            let (now, rest) = heard.split_at((4 - self.head.len()).min(heard.len()));
            self.head.extend_from_slice(now);
            heard = rest;
            if let Ok(length) = <[u8; 4]>::try_from(self.head.as_slice()) {
                self.head.clear();
                self.missing = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                self.ends |= self.missing == 0;
            }
        }
    }

    fn pass_on(&mut self) {
        let Some(to) = &mut self.to else { return };
        let (next, _) = self.waiting.as_slices();
        match to.write(next) {
            Ok(count) => drop(self.waiting.drain(..count)),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            // the command reads no more
            Err(_) => {
                self.to = None;
                self.waiting.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_any_cut() {
        let mut child = process::Command::new("true")
            .stdin(Stdio::piped())
            .spawn()
            .expect("a program");
        let mut frames = Frame::Input(b"hello ").encode();
        frames.extend(Frame::Input(&[b'x'; CHUNK + 1]).encode());
        frames.extend(Frame::End.encode());
        let mut pipe = Pipe::new(child.stdin.take());
        for byte in &frames {
            assert!(!pipe.ends);
            pipe.hear(std::slice::from_ref(byte));
        }
        assert!(pipe.ends);
        let all: Vec<u8> = pipe.waiting.iter().copied().collect();
        assert_eq!(all, [b"hello ".as_slice(), &[b'x'; CHUNK + 1]].concat());
        child.wait().expect("it is ours");
    }
}
