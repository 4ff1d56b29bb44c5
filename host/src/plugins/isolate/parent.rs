//! The gateway's side: starts a plugin's process, serves it, and ends it. Never a zombie, never an unbounded wait.
//!
//! It does not decide when a process is started again.
use super::{
    Exit,
    child::{ChildHello, CreateRecord, HostHello},
    control,
    decode::{check_len, decode_hello},
    frame::{Kind, Outgoing, PROTOCOL},
    open::Side,
    peer::{Failure, Outcome, Peer, PeerError, Serve},
    process::{LINGER, Process, Program, REAPING, wait},
};
use futures_util::future::BoxFuture;
use openclaw_confine::{Confinement, Enforced};
use openclaw_plugin_api::abi::{Call, Catch, Fault, HostServices, Level, LogRecord};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    sync::watch,
    time::timeout,
};

/// Longest first frame of a child, bytes.
const MAX_HELLO: usize = 64 << 10;

/// What a new process is given.
#[derive(Debug, Clone, Default)]
pub struct Creation {
    /// Id under which the instance runs.
    pub instance: String,
    /// Its configuration, JSON.
    pub config: String,
    /// JSON [`openclaw_plugin_api::Environment`].
    pub environment: String,
    /// What the process may do.
    pub confinement: Confinement,
    /// The finest level of log events that are worth sending, as in `plugin/1/log`.
    pub finest_level: u8,
}

/// What the system says of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Process id.
    pub pid: u32,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// CPU time so far, milliseconds.
    pub cpu_ms: u64,
}

/// An instance of a plugin in a process of its own. Dropping it kills the process.
#[derive(Debug)]
pub struct Isolated {
    peer: Peer,
    process: Process,
    registrations: String,
    enforced: Enforced,
}

/// Serves the plugin with what the gateway gave.
struct Services<H>(Arc<H>);

/// Starts a plugin's process and makes its instance. Whatever goes wrong, nothing of it is left.
pub async fn spawn<H: HostServices>(
    program: Program,
    creation: Creation,
    host: Arc<H>,
    deadline: Duration,
) -> Result<Isolated, Fault> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(internal)?;
    ours.set_nonblocking(true).map_err(internal)?;
    let ours = UnixStream::from_std(ours).map_err(internal)?;
    let process = Process::start(&program, theirs.into(), host.clone()).await?;
    match timeout(deadline, begin(ours, creation, host)).await {
        Ok(Ok((peer, registrations, enforced))) => {
            process.watch(peer.clone());
            Ok(Isolated {
                peer,
                process,
                registrations,
                enforced,
            })
        }
        Ok(Err(Failure::Fault(fault))) => {
            process.kill().await;
            Err(fault)
        }
        Ok(Err(Failure::Gone)) => {
            let exit = process.gone().await;
            Err(Fault::new(
                "closed",
                format_args!("the plugin process ended before it was ready ({exit})"),
            ))
        }
        Err(_) => {
            process.kill().await;
            let text =
                format_args!("the plugin made no instance within {deadline:?} and its process was ended")
                    .to_string();
            Err(Fault::new("timeout", text))
        }
    }
}

async fn begin<H: HostServices>(
    mut socket: UnixStream,
    creation: Creation,
    host: Arc<H>,
) -> Result<(Peer, String, Enforced), Failure> {
    let Creation {
        instance,
        config,
        environment,
        confinement,
        finest_level,
    } = creation;
    let host_pid = rustix::process::getpid().as_raw_nonzero().get();
    let hello = serde_json::to_vec(&HostHello {
        host_pid,
        confinement,
        finest_level,
    })
    .map_err(fault)?;
    let hello = Outgoing::new(Kind::Hello, PROTOCOL, hello).map_err(fault)?;
    let gone = |_: io::Error| Failure::Gone;
    socket.write_all(&hello.head).await.map_err(gone)?;
    socket.write_all(&hello.body).await.map_err(gone)?;
    let len = socket.read_u32_le().await.map_err(gone)?;
    let len = check_len(len).ok().filter(|len| *len <= MAX_HELLO);
    let mut frame = vec![0; len.ok_or_else(|| fault("its first frame has a wrong length"))?];
    socket.read_exact(&mut frame).await.map_err(gone)?;
    let (version, json) = decode_hello(&frame).map_err(fault)?.map_err(Failure::Fault)?;
    if version != PROTOCOL {
        return Err(fault(format_args!(
            "it speaks version {version} of the protocol, the gateway {PROTOCOL}"
        )));
    }
    let hello: ChildHello = serde_json::from_slice(json).map_err(fault)?;
    let peer = Peer::start(socket, Side::Host, Arc::new(Services(host)));
    let record = serde_json::to_vec(&CreateRecord {
        instance,
        config,
        environment,
    })
    .map_err(fault)?;
    let registrations = peer.call(Call::new(control::CREATE, "", record)).await?;
    let registrations = String::from_utf8(registrations).map_err(fault)?;
    Ok((peer, registrations, hello.enforced))
}

fn fault(error: impl std::fmt::Display) -> Failure {
    Failure::Fault(Fault::new(
        "internal",
        format_args!("the plugin process can't be understood: {error}"),
    ))
}

fn internal(error: impl std::fmt::Display) -> Fault {
    Fault::new(
        "internal",
        format_args!("the plugin process can't be started: {error}"),
    )
}

// === impl Isolated ===

impl Isolated {
    /// Calls the plugin. Dropping the future cancels the call.
    pub fn call(&self, call: Call<'_>) -> impl Future<Output = Outcome> + Send + 'static + use<> {
        let answer = self.peer.call(call);
        let (peer, ended) = (self.peer.clone(), self.process.ended.clone());
        async move {
            match answer.await {
                Ok(bytes) => Ok(bytes),
                Err(Failure::Fault(fault)) => Err(fault),
                Err(Failure::Gone) => Err(epitaph(&peer, ended).await),
            }
        }
    }

    /// JSON [`openclaw_plugin_api::Registrations`].
    pub fn registrations(&self) -> &str {
        &self.registrations
    }

    /// What the process is kept from.
    pub fn enforced(&self) -> &Enforced {
        &self.enforced
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// What the system says of the process; none once it has ended.
    pub fn usage(&self) -> Option<Usage> {
        if self.has_ended() {
            return None;
        }
        let pid = self.process.pid;
        let pages = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is a name in parentheses, which may contain anything; user and system time are fields 14
        // and 15.
        let (_, fields) = stat.rsplit_once(") ")?;
        let ticks: u64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum();
        let page = u64::try_from(rustix::param::page_size()).ok()?;
        let cpu_ms = ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second().max(1);
        Some(Usage {
            pid,
            rss_bytes: pages.saturating_mul(page),
            cpu_ms,
        })
    }

    /// Ends the process: it is asked, and killed if it is not gone in time.
    pub async fn stop(&self, deadline: Duration) -> Exit {
        let asked = async {
            let _ = self.peer.call(Call::new(control::SHUTDOWN, "", Vec::new())).await;
            self.process.ended().await
        };
        match timeout(deadline, asked).await {
            Ok(exit) => exit,
            Err(_) => self.process.kill().await,
        }
    }

    /// Has the process ended, for whatever reason?
    pub fn has_ended(&self) -> bool {
        self.process.ended.borrow().is_some()
    }

    /// Resolves when the process has ended, for whatever reason.
    pub fn ended(&self) -> impl Future<Output = Exit> + Send + 'static + use<> {
        wait(self.process.ended.clone())
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        self.peer.close();
    }
}

/// What callers are told when the process is no more.
async fn epitaph(peer: &Peer, ended: watch::Receiver<Option<Exit>>) -> Fault {
    let reason = peer.ended().await;
    let exit = timeout(LINGER + REAPING, wait(ended))
        .await
        .unwrap_or(Exit::Unknown);
    match reason {
        PeerError::Closed => Fault::new("closed", format_args!("the plugin process ended ({exit})")),
        PeerError::ClosedHere => {
            Fault::new("closed", format_args!("the plugin process was stopped ({exit})"))
        }
        error => Fault::new("closed", format_args!("the plugin process was given up: {error}")),
    }
}

// === impl Services ===

impl<H: HostServices> Serve for Services<H> {
    fn call(&self, call: Call<'_>) -> BoxFuture<'static, Outcome> {
        let answer = Catch::new(self.0.call(call));
        Box::pin(async move {
            answer.await.unwrap_or_else(|text| {
                Err(Fault::new(
                    "internal",
                    format_args!("the host panicked in this call: {text}"),
                ))
            })
        })
    }

    fn log(&self, record: &LogRecord<'_>, dropped: u32) {
        if dropped > 0 {
            let message =
                format!("{dropped} log events of the plugin were dropped: it logs faster than they are read");
            let (level, target) = (Level::Warn, "isolate");
            self.0.log(&LogRecord {
                level,
                target,
                message: &message,
                fields: "",
                file: "",
                line: 0,
            });
        }
        self.0.log(record);
    }
}
