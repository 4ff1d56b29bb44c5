//! The same plugin in a process of its own, beside a bare ping-pong over a socket pair in the same run.
use crate::{
    host::NoHost,
    measure::{Figure, ROUNDS, memory, millis},
};
use openclaw_host::plugins::isolate::{self, Confinement, Creation, Isolated, Program};
use openclaw_plugin_api::abi::{Call, sink_pair};
use std::{
    os::unix::net::UnixStream,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Round trips of one round.
const TRIPS: usize = 2000;
/// Chunks of one stream.
const CHUNKS: usize = 20_000;
/// Processes that are started to see how long it takes.
const STARTS: usize = 10;
/// Bytes of a ping: about what an empty call is.
const PING: usize = 64;
/// Hidden argument with which this program is the other end of the ping-pong.
pub const ECHO: &str = "echo-on-stdin";

type Outcome<T> = Result<T, String>;

/// Measures everything.
pub fn run(library: &Path, program: &Path) -> Outcome<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let mut starts = Vec::new();
        for _ in 0..STARTS {
            let begin = Instant::now();
            let isolated = spawn(library, program).await?;
            call(&isolated).await?;
            starts.push(begin.elapsed());
            isolated.stop(Duration::from_secs(2)).await;
        }
        let isolated = spawn(library, program).await?;
        let mut pings = ping_pong().await?;
        let (mut raw, mut calls, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            // In turn, so that a disturbance of the machine falls on both.
            let bare = pings.round().await?;
            let ours = call_round(&isolated).await?;
            ratios.push(ours / bare);
            raw.push(bare);
            calls.push(ours);
        }
        let mut chunks = Vec::new();
        for _ in 0..ROUNDS {
            chunks.push(burst(&isolated).await?);
        }
        let (resident, own) = memory(isolated.pid()).ok_or("the process is gone")?;
        isolated.stop(Duration::from_secs(2)).await;
        Ok(vec![
            Figure::new("bare ping-pong over a socket pair, 64 B", "µs", raw, None),
            Figure::new("isolated: async call, ready, empty", "µs", calls, None),
            Figure::new(
                "isolated call / bare ping-pong, pair by pair",
                "×",
                ratios,
                Some(2.0),
            ),
            Figure::new("isolated: streamed chunk, 32 B", "µs", chunks, None),
            millis("isolated: from spawn to the first answer", Some(10.0), starts),
            Figure::new(
                "isolated: memory of the process, resident",
                "KB",
                vec![resident],
                Some(7168.0),
            ),
            Figure::new("isolated: memory of the process, its own", "KB", vec![own], None),
        ])
    })
}

async fn spawn(library: &Path, program: &Path) -> Outcome<Isolated> {
    let library = library.canonicalize().map_err(|e| e.to_string())?;
    let args = vec!["plugin-host".into(), library.as_os_str().to_owned()];
    let program = Program {
        path: program.to_owned(),
        args,
    };
    let confinement = Confinement {
        readable: vec![library],
        ..Confinement::default()
    };
    let creation = Creation {
        instance: "bench".into(),
        config: "{}".into(),
        environment: "{}".into(),
        confinement,
        ..Creation::default()
    };
    let host = Arc::new(NoHost);
    isolate::spawn(program, creation, host, Duration::from_secs(10))
        .await
        .map_err(|fault| fault.to_string())
}

async fn call(isolated: &Isolated) -> Outcome<Vec<u8>> {
    isolated
        .call(Call::new("bench/echo", "", Vec::new()))
        .await
        .map_err(|fault| fault.to_string())
}

/// Microseconds of one call.
async fn call_round(isolated: &Isolated) -> Outcome<f64> {
    let begin = Instant::now();
    for _ in 0..TRIPS {
        call(isolated).await?;
    }
    Ok(begin.elapsed().as_secs_f64() * 1e6 / TRIPS as f64)
}

/// Microseconds of one chunk.
async fn burst(isolated: &Isolated) -> Outcome<f64> {
    let (out, mut chunks) = sink_pair(16);
    let mut call = Call::new("bench/burst", "", CHUNKS.to_string().into_bytes());
    call.out = Some(out);
    let begin = Instant::now();
    let read = async {
        let mut seen = 0;
        while chunks.next().await.is_some() {
            seen += 1;
        }
        seen
    };
    let (outcome, seen) = tokio::join!(isolated.call(call), read);
    outcome.map_err(|fault| fault.to_string())?;
    if seen != CHUNKS {
        return Err(format!("{seen} of {CHUNKS} chunks arrived"));
    }
    Ok(begin.elapsed().as_secs_f64() * 1e6 / CHUNKS as f64)
}

/// The other end of the ping-pong, in a process of its own.
struct PingPong {
    socket: tokio::net::UnixStream,
    _child: Kill,
}

struct Kill(std::process::Child);

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn ping_pong() -> Outcome<PingPong> {
    let (ours, theirs) = UnixStream::pair().map_err(|e| e.to_string())?;
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let child = Command::new(exe)
        .arg(ECHO)
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .spawn();
    let child = Kill(child.map_err(|e| e.to_string())?);
    ours.set_nonblocking(true).map_err(|e| e.to_string())?;
    let socket = tokio::net::UnixStream::from_std(ours).map_err(|e| e.to_string())?;
    Ok(PingPong {
        socket,
        _child: child,
    })
}

impl PingPong {
    async fn round(&mut self) -> Outcome<f64> {
        let mut buffer = [0; PING];
        let begin = Instant::now();
        for _ in 0..TRIPS {
            self.socket.write_all(&buffer).await.map_err(|e| e.to_string())?;
            self.socket
                .read_exact(&mut buffer)
                .await
                .map_err(|e| e.to_string())?;
        }
        Ok(begin.elapsed().as_secs_f64() * 1e6 / TRIPS as f64)
    }
}

/// Sends back what comes, with the same kind of runtime that a plugin's process has.
pub fn echo() -> Outcome<()> {
    use std::os::fd::AsFd;
    let socket = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|e| e.to_string())?;
    let socket = UnixStream::from(socket);
    socket.set_nonblocking(true).map_err(|e| e.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let mut socket = tokio::net::UnixStream::from_std(socket).map_err(|e| e.to_string())?;
        let mut buffer = [0; PING];
        while socket.read_exact(&mut buffer).await.is_ok() {
            socket.write_all(&buffer).await.map_err(|e| e.to_string())?;
        }
        Ok(())
    })
}
