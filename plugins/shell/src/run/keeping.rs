//! Starting a command through its keeper, and what it is talked to with.
use super::{InUse, terminal::Terminal};
use openclaw_confine::launch::{self, Command, Frame};
use openclaw_plugin_api::Secret;
use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{self, ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::unix::pipe,
    sync::oneshot,
    time::timeout,
};

/// Stack of a thread that waits for a process, bytes.
const STACK: usize = 128 << 10;
/// How long a command may leave its input unread.
const WRITING: Duration = Duration::from_secs(5);

/// What is started, and how.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The program that keeps it.
    pub keeper: PathBuf,
    /// The command.
    pub command: Command,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// It gets a terminal.
    pub terminal: bool,
    /// What to run when it has ended, to clean up after it: a program and its arguments.
    pub afterwards: Vec<String>,
    /// What it must not be quoted with: secrets that it was given.
    pub hidden: Vec<Secret>,
    /// The container that it runs in.
    pub container: Option<Arc<InUse>>,
}

/// A command that was started: its keeper, what it says, and the way to it.
pub struct Started {
    /// The keeper's process.
    pub pid: u32,
    /// How the keeper ended.
    pub ended: oneshot::Receiver<io::Result<ExitStatus>>,
    /// What the command says.
    pub voice: Voice,
    /// The way to it.
    pub ear: Ear,
}

/// What a command says: both of its streams as they come, or its screen.
pub struct Voice(pipe::Receiver);

/// The way to a command. When it is dropped, the keeper ends the command.
pub struct Ear {
    control: pipe::Sender,
    keyboard: Option<pipe::Sender>,
    /// A frame was cut off, so that none can follow it.
    broken: bool,
}

/// Starts a keeper with its command.
pub fn start(mut plan: Plan) -> io::Result<Started> {
    let (screen, keyboard, out, err) = if plan.terminal {
        let terminal = Terminal::open()?;
        plan.command.terminal = Some(terminal.path);
        (
            terminal.screen,
            Some(terminal.keyboard),
            Stdio::null(),
            Stdio::null(),
        )
    } else {
        let (reader, writer) = io::pipe()?;
        let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        (
            reader,
            None,
            Stdio::from(writer.try_clone()?),
            Stdio::from(writer),
        )
    };
    let command = serde_json::to_string(&plan.command).map_err(io::Error::other)?;
    let mut child = process::Command::new(&plan.keeper)
        .args([launch::KEEP, &command])
        .env_clear()
        .envs(&plan.environment)
        .current_dir(Path::new("/"))
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(out)
        .stderr(err)
        .spawn()?;
    let control = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let control = pipe::Sender::from_owned_fd(OwnedFd::from(control))?;
    let pid = child.id();
    let ended = on_thread(move || child.wait())?;
    Ok(Started {
        pid,
        ended,
        voice: Voice(screen),
        ear: Ear {
            control,
            keyboard,
            broken: false,
        },
    })
}

/// Waits where waiting holds nobody up. A runtime could do it too, but only with signal handlers in the gateway's process.
pub fn on_thread<T: Send + 'static>(
    wait: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (tell, told) = oneshot::channel();
    let thread = thread::Builder::new()
        .name("oc-shell-wait".into())
        .stack_size(STACK);
    // nobody may be there to be told any more
    thread.spawn(move || drop(tell.send(wait())))?;
    Ok(told)
}

impl Voice {
    /// What was said next; 0 when nothing more comes.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer).await {
            // how Linux says that nobody is on a terminal's other end any more
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(0),
            other => other,
        }
    }
}

impl Ear {
    /// Has the command hear this.
    pub async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.keyboard {
            Some(keyboard) => in_time(keyboard.write_all(bytes)).await,
            None => self.send(&Frame::Input(bytes)).await,
        }
    }

    /// Has the command hear that nothing more comes.
    pub async fn end(&mut self) -> io::Result<()> {
        const END_OF_TRANSMISSION: &[u8] = &[4];
        match &self.keyboard {
            Some(_) => self.say(END_OF_TRANSMISSION).await,
            None => self.send(&Frame::End).await,
        }
    }

    async fn send(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        // until it is whole: whoever waits for this may go
        self.broken = true;
        let written = in_time(self.control.write_all(&frame.encode())).await;
        self.broken = written.is_err();
        written
    }
}

async fn in_time(write: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let written = timeout(WRITING, write).await;
    written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way to a keeper that reads nothing, and its end of it.
    async fn deaf() -> (Ear, io::PipeReader) {
        let (unread, control) = io::pipe().expect("a pipe");
        let control = pipe::Sender::from_owned_fd(OwnedFd::from(control)).expect("a pipe");
        control.writable().await.expect("it is empty");
        while control.try_write(&[0; 4096]).is_ok() {}
        let ear = Ear {
            control,
            keyboard: None,
            broken: false,
        };
        (ear, unread)
    }

    #[tokio::test(start_paused = true)]
    async fn a_keeper_that_does_not_listen_holds_nobody_up() {
        let (mut ear, _unread) = deaf().await;
        let ended = timeout(10 * WRITING, ear.end())
            .await
            .expect("it does not wait for long");
        assert_eq!(ended.expect_err("nobody listens").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_said_by_half_is_followed_by_nothing() {
        let (mut ear, _unread) = deaf().await;
        let half = timeout(WRITING / 2, ear.say(b"one")).await;
        assert!(half.is_err(), "nobody listens, and whoever waits for it goes");
        let next = timeout(10 * WRITING, ear.say(b"two")).await.expect("at once");
        assert_eq!(next.expect_err("refused").kind(), io::ErrorKind::BrokenPipe);
    }
}
