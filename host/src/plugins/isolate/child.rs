//! The child's side: confine the process, open the library, serve its calls, and forward what it asks of its host.
//!
//! Nothing of the plugin runs before the process is confined: the library's constructors already run inside. The
//! process ends when the socket closes, when it is asked to, and when the gateway dies.
use super::{
    control,
    decode::{check_len, decode_hello},
    frame::{Kind, Outgoing, PROTOCOL},
    open::Side,
    peer::{Failure, Outcome, Peer, Serve},
};
use futures_util::future::BoxFuture;
use openclaw_confine::{Confinement, Enforced};
use openclaw_plugin_api::{
    abi::{Call, Fault, HostServices, Level, LogRecord, PluginHandle, RootHandle, host_object},
    ids,
};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{runtime, sync::Notify};

/// Tasks of the plugin that may run at once.
const MAX_TASKS: usize = 8192;
/// Longest wait that a plugin can ask for; it may ask again.
const MAX_SLEEP: Duration = Duration::from_secs(60 * 60 * 24 * 30);

/// Why a plugin's process could not begin its work.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// There is no gateway at the other end.
    #[error("standard input is no socket of a gateway; this command is for the gateway itself: {0}")]
    Socket(#[source] io::Error),
    /// The gateway's first words make no sense.
    #[error("the gateway can't be understood: {0}; run both from the same release")]
    Hello(String),
    /// The gateway died meanwhile.
    #[error("the gateway is gone")]
    Orphan,
    /// The process can't be confined as it should be.
    #[error("{0}")]
    Sandbox(String),
    /// No runtime can be built in here.
    #[error("this process has no runtime: {0}")]
    Runtime(#[source] io::Error),
}

/// What the gateway says first.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HostHello {
    pub(super) host_pid: i32,
    pub(super) confinement: Confinement,
    /// The finest level of log events that are worth sending, as in [`ids::plugin::LOG`].
    pub(super) finest_level: u8,
}

/// What the child answers.
#[derive(Serialize, Deserialize)]
pub(super) struct ChildHello {
    pub(super) enforced: Enforced,
}

/// Body of [`control::CREATE`].
#[derive(Serialize, Deserialize)]
pub(super) struct CreateRecord {
    pub(super) instance: String,
    pub(super) config: String,
    pub(super) environment: String,
}

type Open = Box<dyn FnOnce() -> Result<RootHandle, Fault> + Send>;

/// Serves the gateway.
struct Resident {
    open: Mutex<Option<Open>>,
    instance: Mutex<Option<Arc<PluginHandle>>>,
    host: OnceLock<Arc<Remote>>,
    shutdown: Notify,
}

/// The host as the plugin sees it: everything but tasks and timers is asked of the gateway.
struct Remote {
    peer: Peer,
    runtime: runtime::Handle,
    finest_level: AtomicU8,
    tasks: Arc<AtomicUsize>,
}

/// Counts a task for as long as it lives.
struct Running(Arc<AtomicUsize>);

/// The socket that the gateway passed as standard input, which is replaced by nothing: frames are not for the plugin.
pub fn take_socket() -> Result<UnixStream, ChildError> {
    let socket = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(ChildError::Socket)?;
    let socket = UnixStream::from(socket);
    socket.peer_addr().map_err(ChildError::Socket)?;
    let nothing = std::fs::File::open("/dev/null").map_err(ChildError::Socket)?;
    rustix::stdio::dup2_stdin(&nothing).map_err(|e| ChildError::Socket(e.into()))?;
    Ok(socket)
}

/// The whole life of a plugin's process. `open` is called when the process is confined and the gateway asks for the
/// instance. Returns when the process is to end.
pub fn run<F>(mut socket: UnixStream, open: F) -> Result<(), ChildError>
where
    F: FnOnce() -> Result<RootHandle, Fault> + Send + 'static,
{
    let hello = read_hello(&mut socket)?;
    die_with_host(hello.host_pid)?;
    match openclaw_confine::apply(&hello.confinement) {
        Ok(enforced) => {
            let json = serde_json::to_vec(&ChildHello { enforced }).map_err(hello_error)?;
            write(
                &mut socket,
                &Outgoing::new(Kind::Hello, PROTOCOL, json).map_err(hello_error)?,
            )?;
        }
        Err(error) => {
            let fault = Fault::new("refused", &error);
            write(&mut socket, &Outgoing::fault(Kind::Fault, 0, &fault))?;
            return Err(ChildError::Sandbox(error.to_string()));
        }
    }
    socket.set_nonblocking(true).map_err(ChildError::Socket)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build();
    let runtime = runtime.map_err(ChildError::Runtime)?;
    runtime.block_on(reside(socket, Box::new(open), hello.finest_level))
}

async fn reside(socket: UnixStream, open: Open, finest_level: u8) -> Result<(), ChildError> {
    let socket = tokio::net::UnixStream::from_std(socket).map_err(ChildError::Socket)?;
    let resident = Arc::new(Resident {
        open: Mutex::new(Some(open)),
        instance: Mutex::default(),
        host: OnceLock::new(),
        shutdown: Notify::new(),
    });
    let peer = Peer::start(socket, Side::Child, resident.clone());
    let remote = Remote {
        peer: peer.clone(),
        runtime: runtime::Handle::current(),
        finest_level: AtomicU8::new(finest_level),
        tasks: Arc::default(),
    };
    // The peer's tasks share this thread, so none has run before this.
    let _ = resident.host.set(Arc::new(remote));
    tokio::select! {
        _ = peer.ended() => {}
        () = resident.shutdown.notified() => {}
    }
    let instance = resident.lock().take();
    drop(instance);
    peer.close();
    Ok(())
}

fn read_hello(socket: &mut UnixStream) -> Result<HostHello, ChildError> {
    let mut len = [0; 4];
    socket.read_exact(&mut len).map_err(ChildError::Socket)?;
    let len = check_len(u32::from_le_bytes(len)).map_err(hello_error)?;
    let mut frame = Vec::new();
    let limit = u64::try_from(len).map_err(hello_error)?;
    socket
        .take(limit)
        .read_to_end(&mut frame)
        .map_err(ChildError::Socket)?;
    match decode_hello(&frame).map_err(hello_error)? {
        Ok((PROTOCOL, json)) => serde_json::from_slice(json).map_err(hello_error),
        Ok((version, _)) => {
            let text =
                format!("the gateway speaks version {version} of the protocol, this program {PROTOCOL}");
            write(
                socket,
                &Outgoing::fault(Kind::Fault, 0, &Fault::new("refused", &text)),
            )?;
            Err(ChildError::Hello(text))
        }
        Err(fault) => Err(hello_error(fault)),
    }
}

fn write(socket: &mut UnixStream, frame: &Outgoing) -> Result<(), ChildError> {
    let sent = socket
        .write_all(&frame.head)
        .and_then(|()| socket.write_all(&frame.body));
    sent.map_err(ChildError::Socket)
}

fn hello_error(error: impl ToString) -> ChildError {
    ChildError::Hello(error.to_string())
}

fn die_with_host(pid: i32) -> Result<(), ChildError> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|_| ChildError::Orphan)?;
    // It may have died before the signal was asked for. Outside our namespace of processes it has no number.
    match getppid() {
        Some(parent) if Some(parent) == Pid::from_raw(pid) => Ok(()),
        _ => Err(ChildError::Orphan),
    }
}

// === impl Resident ===

impl Serve for Resident {
    fn call(&self, call: Call<'_>) -> BoxFuture<'static, Outcome> {
        let outcome = match call.method {
            control::CREATE => self.create(&call.body),
            control::SHUTDOWN => {
                let instance = self.lock().take();
                drop(instance);
                self.shutdown.notify_one();
                Ok(Vec::new())
            }
            _ => match self.lock().clone() {
                Some(instance) => {
                    if call.method == ids::plugin::LOG {
                        self.relog(&call.body);
                    }
                    let answer = instance.call(call);
                    return Box::pin(async move {
                        // The instance outlives its calls.
                        let _instance = instance;
                        answer.await
                    });
                }
                None => Err(Fault::new("closed", "this process has no instance of the plugin")),
            },
        };
        Box::pin(std::future::ready(outcome))
    }

    fn log(&self, _: &LogRecord<'_>, _: u32) {}
}

impl Resident {
    fn create(&self, body: &[u8]) -> Outcome {
        let record: CreateRecord =
            serde_json::from_slice(body).map_err(|e| Fault::new("invalid_input", e))?;
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        let open =
            open.ok_or_else(|| Fault::new("invalid_input", "this process has made its instance already"))?;
        let host = self
            .host
            .get()
            .ok_or_else(|| Fault::new("internal", "the process has no host yet"))?;
        let host = host_object(host.clone());
        let root = open()?;
        let (plugin, registrations) =
            root.create(host, &record.instance, &record.config, &record.environment)?;
        *self.lock() = Some(Arc::new(plugin));
        Ok(registrations.into_bytes())
    }

    /// Before the plugin hears of it: it will ask.
    fn relog(&self, body: &[u8]) {
        if let (Some(host), Ok(finest)) = (self.host.get(), serde_json::from_slice(body)) {
            host.finest_level.store(finest, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<PluginHandle>>> {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Remote ===

impl HostServices for Remote {
    fn call(&self, call: Call<'_>) -> BoxFuture<'static, Outcome> {
        let answer = self.peer.call(call);
        Box::pin(async move {
            answer.await.map_err(|failure| match failure {
                Failure::Fault(fault) => fault,
                Failure::Gone => Fault::new("closed", "the gateway is gone"),
            })
        })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let running = Running(self.tasks.clone());
        if self.tasks.fetch_add(1, Ordering::Relaxed) >= MAX_TASKS {
            let message = "a task was not started: too many are running";
            let level = Level::Error;
            self.log(&LogRecord {
                level,
                target: "isolate",
                message,
                fields: "",
                file: "",
                line: 0,
            });
            return;
        }
        self.runtime.spawn(async move {
            let _running = running;
            task.await;
        });
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let _context = self.runtime.enter();
        Box::pin(tokio::time::sleep(time.min(MAX_SLEEP)))
    }

    fn log_enabled(&self, level: Level, _target: &str) -> bool {
        level as u8 <= self.finest_level.load(Ordering::Relaxed)
    }

    fn log(&self, record: &LogRecord<'_>) {
        self.peer.log(record);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
