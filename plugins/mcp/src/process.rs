//! The process of a server: its environment made from nothing, a group of its own, and an end that leaves nobody behind.
use crate::config::Server;
use openclaw_plugin_api::prelude::*;
use rustix::process::{Pid, Signal, kill_process_group};
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
};

/// What a program needs of the gateway's environment to run at all. Everything else is the operator's to give.
pub const INHERITED: &[&str] = &[
    "HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER",
];
/// How long a server has to end by itself, once its input is closed, and again once it was asked to.
const GRACE: Duration = Duration::from_secs(2);
/// Bytes of a line on standard error that are kept.
const MAX_LINE: u64 = 1 << 10;
/// Lines on standard error that are logged of one process; the rest is read and dropped.
const MAX_LINES: u32 = 200;

/// A process and everything that it started.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: Option<Pid>,
}

/// The variables of [`INHERITED`] that the gateway has.
pub async fn inherited(host: &Host) -> Result<Vec<(&'static str, Secret)>> {
    let mut found = Vec::new();
    for name in INHERITED {
        if let Some(value) = host.secret(name).await? {
            found.push((*name, value));
        }
    }
    Ok(found)
}

// === impl Process ===

impl Process {
    /// Starts the program of a server.
    pub fn start(
        name: &str,
        config: &Server,
        inherited: Vec<(&str, Secret)>,
    ) -> Result<(Self, ChildStdout, ChildStdin)> {
        let program = config.command.as_deref().unwrap_or_default();
        let mut command = Command::new(program);
        command
            .args(&config.args)
            .env_clear()
            .envs(inherited.iter().map(|(name, value)| (name, value.expose())))
            .envs(config.env.iter().map(|(name, value)| (name, value.0.expose())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(folder) = &config.cwd {
            command.current_dir(folder);
        }
        let mut child = command.spawn().map_err(|error| {
            let text =
                format!("the MCP server {name} can't be started: {program}: {error}; see mcp.servers.{name}");
            Error::new(ErrorKind::Config, text)
        })?;
        let missing = || Error::new(ErrorKind::Internal, "a pipe of the process is missing");
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        tokio::spawn(log(name.to_owned(), stderr));
        Ok((Self { child, group }, stdout, stdin))
    }

    /// Ends it, politely first. Its input is closed already.
    pub async fn stop(mut self) {
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            self.signal(Signal::TERM);
            let _ = tokio::time::timeout(GRACE, self.child.wait()).await;
        }
        // dropped: what is left of the group ends now
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Reads standard error to its end, so that nobody waits for a reader, and logs the first lines of it.
async fn log(server: String, stderr: ChildStderr) {
    let mut reader = BufReader::new(stderr);
    let mut lines = 0;
    loop {
        let mut line = Vec::new();
        match (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) if lines < MAX_LINES => {
                lines += 1;
                let line = String::from_utf8_lossy(&line);
                tracing::debug!(server, line = line.trim_end(), "a server says");
            }
            Ok(_) => {}
        }
    }
}
