//! Starting a command through its keeper, and what it is talked to with.
use super::terminal::Terminal;
use openclaw_confine::launch::{self, Command, Frame};
use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::unix::pipe,
    process::{self, Child, ChildStdin},
    time::timeout,
};

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
}

/// A command that was started: its keeper, what it says, and the way to it.
pub struct Started {
    /// The keeper's process.
    pub child: Child,
    /// What the command says.
    pub voice: Voice,
    /// The way to it.
    pub ear: Ear,
}

/// What a command says: both of its streams as they come, or its screen.
pub struct Voice(pipe::Receiver);

/// The way to a command. When it is dropped, the keeper ends the command.
pub struct Ear {
    control: ChildStdin,
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
    Ok(Started {
        child,
        voice: Voice(screen),
        ear: Ear {
            control,
            keyboard,
            broken: false,
        },
    })
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
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let write = async {
            match &mut self.keyboard {
                Some(keyboard) => keyboard.write_all(bytes).await,
                None => self.control.write_all(&Frame::Input(bytes).encode()).await,
            }
        };
        let written = timeout(WRITING, write).await;
        let written = written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        self.broken = written.is_err() && self.keyboard.is_none();
        written
    }

    /// Has the command hear that nothing more comes.
    pub async fn end(&mut self) -> io::Result<()> {
        const END_OF_TRANSMISSION: &[u8] = &[4];
        match &self.keyboard {
            Some(_) => self.say(END_OF_TRANSMISSION).await,
            None if self.broken => Err(io::ErrorKind::BrokenPipe.into()),
            None => self.control.write_all(&Frame::End.encode()).await,
        }
    }
}
