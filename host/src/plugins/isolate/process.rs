//! One process of a plugin: how it is started, watched and ended. It knows no frames.
//!
//! A process that was started is waited for by a task, so it never stays a zombie, and is killed when its
//! [`Process`] is dropped. Processes that it has started end with it.
use super::{Exit, Peer, output};
use openclaw_plugin_api::abi::{Fault, HostServices, Level};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    ffi::OsString,
    io,
    os::fd::OwnedFd,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    runtime::Handle,
    sync::{Notify, oneshot, watch},
    time::timeout,
};

/// How long a process may live on after it has closed its socket.
pub(super) const LINGER: Duration = Duration::from_secs(1);
/// How long the system may take to end a process that was killed.
pub(super) const REAPING: Duration = Duration::from_secs(5);
/// Processes that may wait to be started.
const MAX_STARTING: usize = 64;
/// Variables that a child inherits. Everything else of the environment may be a secret.
const ENVIRONMENT: &[&str] = &["LANG", "LC_ALL", "TZ", "RUST_BACKTRACE"];

/// What to start.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program, which ends up in [`super::run`].
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// A process that is killed when nobody wants it any more. A task waits for its end.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    kill: Arc<Notify>,
    pub(super) ended: watch::Receiver<Option<Exit>>,
}

/// One process to start, on the thread that does that.
struct Start {
    command: Command,
    runtime: Handle,
    started: oneshot::Sender<io::Result<Child>>,
}

// === impl Process ===

impl Process {
    pub(super) async fn start<H: HostServices>(
        program: &Program,
        socket: OwnedFd,
        host: Arc<H>,
    ) -> Result<Self, Fault> {
        let mut command = Command::new(&program.path);
        command
            .args(&program.args)
            .stdin(socket)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.env_clear().envs(
            ENVIRONMENT
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        );
        // What a terminal sends to the gateway is not for its plugins: the gateway ends them in order.
        command.process_group(0).kill_on_drop(true);
        let failed = |why: &dyn std::fmt::Display| {
            let path = program.path.display();
            Fault::new(
                "internal",
                format_args!("the plugin process can't be started from {path}: {why}"),
            )
        };
        let mut child = start(command).await.map_err(|error| failed(&error))?;
        let pid = child.id().ok_or_else(|| failed(&"it has ended already"))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        if let Some(pipe) = out {
            let host = host.clone();
            tokio::spawn(async move { output::forward(pipe, &*host, Level::Info, "stdout").await });
        }
        if let Some(pipe) = err {
            tokio::spawn(async move { output::forward(pipe, &*host, Level::Warn, "stderr").await });
        }
        let (ending, ended) = watch::channel(None);
        let kill = Arc::new(Notify::new());
        let killed = kill.clone();
        tokio::spawn(async move {
            let status = tokio::select! {
                status = child.wait() => status,
                () = killed.notified() => {
                    end_group(pid);
                    child.wait().await
                }
            };
            // What it has started and left behind works for nobody.
            end_group(pid);
            ending.send_replace(Some(status.map_or(Exit::Unknown, Exit::from)));
        });
        Ok(Self { pid, kill, ended })
    }

    /// A process that has closed its socket serves nobody, so it does not live on; and when it has ended, what it
    /// left in the socket is read before the connection is closed.
    pub(super) fn watch(&self, peer: Peer) {
        let (kill, ended) = (self.kill.clone(), self.ended.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = peer.ended() => {
                    if timeout(LINGER, wait(ended)).await.is_err() {
                        kill.notify_one();
                    }
                }
                _ = wait(ended.clone()) => {
                    if timeout(LINGER, peer.ended()).await.is_err() {
                        peer.close();
                    }
                }
            }
        });
    }

    pub(super) async fn gone(&self) -> Exit {
        match timeout(LINGER, self.ended()).await {
            Ok(exit) => exit,
            Err(_) => self.kill().await,
        }
    }

    pub(super) async fn kill(&self) -> Exit {
        self.kill.notify_one();
        timeout(REAPING, self.ended()).await.unwrap_or(Exit::Unknown)
    }

    pub(super) fn ended(&self) -> impl Future<Output = Exit> + Send + 'static + use<> {
        wait(self.ended.clone())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill.notify_one();
    }
}

/// Kills a process and all that it has started, but for what has left its group. It fails only if all have ended.
fn end_group(pid: u32) {
    if let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

pub(super) async fn wait(mut ended: watch::Receiver<Option<Exit>>) -> Exit {
    let exit = ended.wait_for(Option::is_some).await.map(|exit| *exit);
    exit.ok().flatten().unwrap_or(Exit::Unknown)
}

// === the thread that starts processes ===
// A child dies with the *thread* that started it, so that thread has to live as long as the gateway. Threads of a
// runtime don't promise that.

async fn start(command: Command) -> io::Result<Child> {
    let (started, child) = oneshot::channel();
    let start = Start {
        command,
        runtime: Handle::current(),
        started,
    };
    let sent = starter()?.try_send(start);
    sent.map_err(|_| io::Error::other("too many processes are being started at once; try again later"))?;
    child
        .await
        .map_err(|_| io::Error::other("the thread that starts processes is gone"))?
}

fn starter() -> io::Result<SyncSender<Start>> {
    static STARTER: Mutex<Option<SyncSender<Start>>> = Mutex::new(None);
    let mut starter = STARTER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(starter) = &*starter {
        return Ok(starter.clone());
    }
    let (tx, rx) = sync_channel(MAX_STARTING);
    std::thread::Builder::new()
        .name("plugin-start".into())
        .spawn(move || start_each(&rx))?;
    Ok(starter.insert(tx).clone())
}

fn start_each(queue: &Receiver<Start>) {
    while let Ok(Start {
        mut command,
        runtime,
        started,
    }) = queue.recv()
    {
        let _context = runtime.enter();
        // If nobody waits any more, the child is dropped, and killed.
        let _ = started.send(command.spawn());
    }
}
