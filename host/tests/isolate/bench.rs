//! What an isolated call costs, against the floor: a byte there and back over a socket pair between two processes.
use super::tests::{block_on, body, started};
use openclaw_host::plugins::isolate::Confinement;
use openclaw_plugin_api::abi::Call;
use std::{
    io::{Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

const ROUNDS: usize = 9;
const CALLS: u32 = 5_000;
const PAYLOAD: usize = 64;

/// Sends back what comes in on standard input.
pub fn pong() -> ExitCode {
    use std::os::fd::AsFd;
    let socket = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map(UnixStream::from);
    let mut socket = socket.expect("a socket");
    let mut buffer = [0; PAYLOAD];
    while socket.read_exact(&mut buffer).is_ok() && socket.write_all(&buffer).is_ok() {}
    ExitCode::SUCCESS
}

pub fn what_a_call_costs() {
    let (mut raw, mut isolated, mut tool) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        raw.push(raw_round());
        block_on(async {
            let (plugin, _) = started(Confinement::default()).await;
            // A method that is unknown: nothing but the way there and back.
            isolated.push(round(|| plugin.call(Call::new("none", "", vec![0; PAYLOAD]))).await);
            let nothing = body("nothing", "".as_ref());
            tool.push(round(|| plugin.call(Call::new("tool/1/invoke", "do", nothing.clone()))).await);
        });
    }
    let (raw, isolated, tool) = (median(raw), median(isolated), median(tool));
    println!("raw ping-pong {raw:?}, isolated no-op {isolated:?}, isolated tool with JSON {tool:?}");
    println!("no-op / raw = {:.2}", isolated.as_secs_f64() / raw.as_secs_f64());
}

async fn round<F: Future>(call: impl Fn() -> F) -> Duration {
    for _ in 0..CALLS / 10 {
        call().await;
    }
    let begin = Instant::now();
    for _ in 0..CALLS {
        call().await;
    }
    begin.elapsed() / CALLS
}

fn raw_round() -> Duration {
    let (mut ours, theirs) = UnixStream::pair().expect("a pair");
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program)
        .arg("pong")
        .stdin(OwnedFd::from(theirs))
        .spawn()
        .expect("started");
    let mut buffer = [0; PAYLOAD];
    let mut exchange = || {
        ours.write_all(&buffer).expect("sent");
        ours.read_exact(&mut buffer).expect("answered");
    };
    (0..CALLS / 10).for_each(|_| exchange());
    let begin = Instant::now();
    (0..CALLS).for_each(|_| exchange());
    let time = begin.elapsed() / CALLS;
    drop(ours);
    child.wait().expect("reaped");
    time
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
