//! Two peers in one runtime, and one peer against raw bytes: calls, streams, back-pressure, cancellation, garbage.
mod wire;

use super::{Failure, Peer, PeerError, Serve, Side, open::MAX_CALLS, peer::Outcome, stream::WINDOW};
use futures_util::{FutureExt, future::BoxFuture};
use openclaw_plugin_api::abi::{Call, Fault, Level, LogRecord, Sink, Source, sink_pair, source_pair};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    net::UnixStream,
    sync::{Semaphore, watch},
    task::yield_now,
    time::timeout,
};

/// Longest that any event is waited for.
const DEADLINE: Duration = Duration::from_secs(20);

/// Serves the methods that the tests need, and notes what happens.
#[derive(Clone)]
struct Echo {
    log: Arc<Mutex<Vec<(String, u32)>>>,
    /// Calls that began, and those whose future is gone.
    begun: watch::Sender<usize>,
    dropped: watch::Sender<usize>,
    chunks: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

struct Counted(watch::Sender<usize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n += 1);
    }
}

impl Echo {
    fn new() -> Self {
        Self {
            log: Arc::default(),
            begun: watch::Sender::new(0),
            dropped: watch::Sender::new(0),
            chunks: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }
}

impl Serve for Echo {
    fn call(&self, call: Call<'_>) -> BoxFuture<'static, Outcome> {
        let echo = self.clone();
        let Call {
            body,
            mut out,
            mut input,
            ..
        } = call;
        let text = format!("{}|{}|{}", call.method, call.target, call.meta);
        let method = call.method.to_owned();
        let counted = Counted(self.dropped.clone());
        self.begun.send_modify(|n| *n += 1);
        Box::pin(async move {
            let _counted = counted;
            match method.as_str() {
                "echo" => Ok(body),
                "names" => Ok(text.into_bytes()),
                "later" => {
                    yield_now().await;
                    Ok(body)
                }
                "hang" => std::future::pending().await,
                "fault" => Err(Fault {
                    code: "billing".into(),
                    message: "no".into(),
                    detail: "{}".into(),
                }),
                "write" => {
                    let n: usize = String::from_utf8_lossy(&body).parse().expect("a number");
                    let mut out = out.take().expect("a stream");
                    for i in 0..n {
                        if !out
                            .send(&u32::to_le_bytes(u32::try_from(i).expect("small")))
                            .await
                        {
                            return Ok(b"stopped".to_vec());
                        }
                        echo.chunks.fetch_add(1, SeqCst);
                    }
                    Ok(b"written".to_vec())
                }
                "keep" => {
                    let mut out = out.take().expect("a stream");
                    tokio::spawn(async move {
                        let _permit = echo.gate.acquire().await;
                        out.send(b"afterwards").await;
                    });
                    Ok(b"kept".to_vec())
                }
                "read" => echo.read(input.take().expect("a stream")).await,
                "pipe" => {
                    let (mut out, mut input) =
                        (out.take().expect("a stream"), input.take().expect("a stream"));
                    while let Some(chunk) = input.next().await {
                        out.send(&chunk?).await;
                    }
                    Ok(Vec::new())
                }
                "one" => input.take().expect("a stream").next().await.expect("a chunk"),
                unknown => Err(Fault::new("unknown_method", unknown)),
            }
        })
    }

    fn log(&self, record: &LogRecord<'_>, dropped: u32) {
        self.log
            .lock()
            .unwrap()
            .push((record.message.to_owned(), dropped));
    }
}

impl Echo {
    async fn read(&self, mut input: Source) -> Outcome {
        let mut sum = 0;
        while let Some(chunk) = input.next().await {
            self.gate.acquire().await.expect("open").forget();
            sum += chunk?.len();
        }
        Ok(sum.to_string().into_bytes())
    }
}

fn pair() -> (Peer, Peer, Echo) {
    let (a, b) = UnixStream::pair().unwrap();
    let echo = Echo::new();
    (
        Peer::start(a, Side::Host, Arc::new(Echo::new())),
        Peer::start(b, Side::Child, Arc::new(echo.clone())),
        echo,
    )
}

fn call<'a>(method: &'a str, body: &[u8]) -> Call<'a> {
    Call::new(method, "", body.to_vec())
}

fn with_out(method: &str, body: &[u8], out: Sink) -> Call<'static> {
    let method: &'static str = Box::leak(method.to_owned().into_boxed_str());
    Call {
        out: Some(out),
        ..Call::new(method, "", body.to_vec())
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("within the deadline")
}

async fn until(mut condition: impl FnMut() -> bool) {
    within(async {
        while !condition() {
            yield_now().await;
        }
    })
    .await;
}

async fn reach(counter: &watch::Sender<usize>, n: usize) {
    within(counter.subscribe().wait_for(|now| *now >= n))
        .await
        .unwrap();
}

fn bytes(outcome: Result<Vec<u8>, Failure>) -> Vec<u8> {
    match outcome {
        Ok(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

fn code(outcome: Result<Vec<u8>, Failure>) -> String {
    match outcome {
        Err(Failure::Fault(fault)) => fault.code.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn calls_in_both_directions_with_all_their_parts() {
    let (host, child, _) = pair();
    for peer in [&host, &child] {
        assert_eq!(bytes(within(peer.call(call("echo", b"x"))).await), b"x");
        let named = Call {
            meta: "{}",
            ..Call::new("names", "über", Vec::new())
        };
        assert_eq!(bytes(within(peer.call(named)).await), "names|über|{}".as_bytes());
        assert_eq!(code(within(peer.call(call("fault", b""))).await), "billing");
        let large = vec![7; 5 << 20];
        assert!(bytes(within(peer.call(call("later", &large))).await) == large);
    }
    assert_eq!((host.open_calls(), child.open_calls()), (0, 0));
}

#[tokio::test]
async fn what_is_too_long_fails_here_and_costs_nothing() {
    let (host, child, _) = pair();
    let method = "m".repeat(300);
    assert_eq!(
        code(within(host.call(Call::new(&method, "", Vec::new()))).await),
        "invalid_input"
    );
    assert_eq!(
        code(within(host.call(call("echo", &vec![0; 33 << 20]))).await),
        "invalid_input"
    );
    assert_eq!(
        bytes(within(host.call(call("echo", b"still here"))).await),
        b"still here"
    );
    assert_eq!((host.open_calls(), child.open_calls()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_at_once_and_one_too_many() {
    let (host, child, echo) = pair();
    let hanging: Vec<_> = (0..MAX_CALLS)
        .map(|_| tokio::spawn(host.call(call("hang", b""))))
        .collect();
    reach(&echo.begun, MAX_CALLS).await;
    assert_eq!(code(within(host.call(call("echo", b""))).await), "overloaded");
    hanging.iter().for_each(tokio::task::JoinHandle::abort);
    reach(&echo.dropped, MAX_CALLS).await;
    until(|| host.open_calls() + child.open_calls() == 0).await;
    let calls = (0..1000_u32).map(|i| host.call(call("later", &i.to_le_bytes())).map(move |r| (i, r)));
    for (i, outcome) in within(futures_util::future::join_all(calls)).await {
        assert_eq!(bytes(outcome), i.to_le_bytes());
    }
    // the answer is here before the callee has forgotten the call
    until(|| host.open_calls() + child.open_calls() == 0).await;
}

#[tokio::test]
async fn a_slow_reader_holds_the_callee_back() {
    let (host, child, echo) = pair();
    let (out, mut chunks) = sink_pair(1);
    let answer = tokio::spawn(host.call(with_out("write", b"1000", out)));
    // It stops by itself: the window, and the few places on either side of the socket.
    let bound = WINDOW as usize + 6;
    until(|| echo.chunks.load(SeqCst) >= WINDOW as usize).await;
    for _ in 0..1000 {
        yield_now().await;
    }
    assert!(
        echo.chunks.load(SeqCst) <= bound,
        "{} chunks left",
        echo.chunks.load(SeqCst)
    );
    for i in 0..1000_u32 {
        assert_eq!(within(chunks.next()).await, Some(i.to_le_bytes().to_vec()));
        assert!(echo.chunks.load(SeqCst) <= i as usize + 1 + bound);
    }
    assert_eq!(within(chunks.next()).await, None);
    assert_eq!(bytes(within(answer).await.unwrap()), b"written");
    until(|| host.open_calls() + child.open_calls() == 0).await;
}

#[tokio::test]
async fn a_slow_callee_holds_the_caller_back() {
    let (host, child, echo) = pair();
    let (mut feed, input) = source_pair(1);
    let answer = tokio::spawn(host.call(Call {
        input: Some(input),
        ..call("read", b"")
    }));
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let feeding = tokio::spawn(async move {
        for _ in 0..500 {
            assert!(feed.send(Ok(vec![1; 10])).await);
            counted.fetch_add(1, SeqCst);
        }
    });
    until(|| sent.load(SeqCst) >= WINDOW as usize).await;
    for _ in 0..1000 {
        yield_now().await;
    }
    assert!(
        sent.load(SeqCst) <= WINDOW as usize + 8,
        "{} chunks left",
        sent.load(SeqCst)
    );
    echo.gate.add_permits(500);
    within(feeding).await.unwrap();
    assert_eq!(bytes(within(answer).await.unwrap()), b"5000");
    until(|| host.open_calls() + child.open_calls() == 0).await;
}

#[tokio::test]
async fn both_streams_at_once_and_a_fault_in_the_middle() {
    let (host, child, _) = pair();
    let ((out, mut chunks), (mut feed, input)) = (sink_pair(4), source_pair(4));
    let piped = Call {
        out: Some(out),
        input: Some(input),
        ..call("pipe", b"")
    };
    let answer = tokio::spawn(child.call(piped));
    for i in 0..100_u8 {
        assert!(within(feed.send(Ok(vec![i]))).await);
        assert_eq!(within(chunks.next()).await, Some(vec![i]));
    }
    assert!(within(feed.send(Err(Fault::new("network", "cut")))).await);
    assert_eq!(code(within(answer).await.unwrap()), "network");
    assert_eq!(within(chunks.next()).await, None);
    drop(feed);
    until(|| host.open_calls() + child.open_calls() == 0).await;
}

#[tokio::test]
async fn a_reader_that_goes_away_stops_the_writer_and_not_the_call() {
    let (host, child, echo) = pair();
    let (out, mut chunks) = sink_pair(1);
    let answer = tokio::spawn(host.call(with_out("write", b"1000000", out)));
    assert!(within(chunks.next()).await.is_some());
    drop(chunks);
    assert_eq!(bytes(within(answer).await.unwrap()), b"stopped");
    let (mut feed, input) = source_pair(1);
    let answer = tokio::spawn(host.call(Call {
        input: Some(input),
        ..call("one", b"")
    }));
    let feeding = tokio::spawn(async move { while feed.send(Ok(b"chunk".to_vec())).await {} });
    assert_eq!(bytes(within(answer).await.unwrap()), b"chunk");
    within(feeding).await.unwrap();
    until(|| host.open_calls() + child.open_calls() == 0).await;
    assert_eq!(*echo.begun.borrow(), 2);
}

#[tokio::test]
async fn a_stream_may_outlive_its_call() {
    let (host, child, echo) = pair();
    let (out, mut chunks) = sink_pair(1);
    assert_eq!(
        bytes(within(host.call(with_out("keep", b"", out))).await),
        b"kept"
    );
    echo.gate.add_permits(1);
    assert_eq!(within(chunks.next()).await, Some(b"afterwards".to_vec()));
    assert_eq!(within(chunks.next()).await, None);
    until(|| host.open_calls() + child.open_calls() == 0).await;
}

#[tokio::test]
async fn dropping_a_call_cancels_it_at_every_step_in_both_directions() {
    let (a, b) = UnixStream::pair().unwrap();
    let echo = Echo::new();
    let host = Peer::start(a, Side::Host, Arc::new(echo.clone()));
    let child = Peer::start(b, Side::Child, Arc::new(echo.clone()));
    let mut calls = 0;
    for peer in [&host, &child] {
        // Never polled, polled once, well under way.
        drop(peer.call(call("hang", b"")));
        let mut polled = Box::pin(peer.call(call("hang", b"")));
        assert!(polled.as_mut().now_or_never().is_none());
        drop(polled);
        let under_way = tokio::spawn(peer.call(call("hang", b"")));
        calls += 3;
        reach(&echo.begun, calls).await;
        under_way.abort();
        // In the middle of either stream, with both windows full.
        let (out, mut chunks) = sink_pair(1);
        let writing = tokio::spawn(peer.call(with_out("write", b"1000", out)));
        assert!(within(chunks.next()).await.is_some());
        writing.abort();
        within(async { while chunks.next().await.is_some() {} }).await;
        let (mut feed, input) = source_pair(1);
        let reading = tokio::spawn(peer.call(Call {
            input: Some(input),
            ..call("read", b"")
        }));
        for _ in 0..WINDOW {
            assert!(within(feed.send(Ok(vec![0]))).await);
        }
        reading.abort();
        within(async { while feed.send(Ok(vec![0])).await {} }).await;
        calls += 2;
        reach(&echo.dropped, calls).await;
    }
    until(|| host.open_calls() + child.open_calls() == 0).await;
    assert_eq!(bytes(within(host.call(call("echo", b"well"))).await), b"well");
}

#[tokio::test]
async fn when_the_other_end_goes_every_call_fails_and_every_stream_ends() {
    let (host, child, echo) = pair();
    let hanging = tokio::spawn(host.call(call("hang", b"")));
    let (out, mut chunks) = sink_pair(1);
    let writing = tokio::spawn(host.call(with_out("write", b"1000", out)));
    assert!(within(chunks.next()).await.is_some());
    reach(&echo.begun, 2).await;
    child.close();
    assert!(matches!(within(hanging).await.unwrap(), Err(Failure::Gone)));
    assert!(matches!(within(writing).await.unwrap(), Err(Failure::Gone)));
    within(async { while chunks.next().await.is_some() {} }).await;
    reach(&echo.dropped, 2).await;
    assert_eq!(
        (within(host.ended()).await, within(child.ended()).await),
        (PeerError::Closed, PeerError::ClosedHere)
    );
    assert!(matches!(
        within(host.call(call("echo", b""))).await,
        Err(Failure::Gone)
    ));
}

#[tokio::test]
async fn a_flood_of_logs_is_bounded_and_counted() {
    let (a, b) = UnixStream::pair().unwrap();
    let child = Peer::start(b, Side::Child, Arc::new(Echo::new()));
    yield_now().await;
    let text = "x".repeat(1000);
    let log = |message: &str| {
        child.log(&LogRecord {
            level: Level::Info,
            target: "t",
            message,
            fields: "",
            file: "",
            line: 0,
        });
    };
    const EVENTS: u32 = 100_000;
    for _ in 0..EVENTS {
        log(&text);
    }
    assert!(child.queued() < 128 << 10, "{} bytes wait", child.queued());
    let echo = Echo::new();
    let _host = Peer::start(a, Side::Host, Arc::new(echo.clone()));
    until(|| child.queued() == 0).await;
    log("last");
    until(|| {
        echo.log
            .lock()
            .unwrap()
            .last()
            .is_some_and(|(text, _)| text == "last")
    })
    .await;
    let log = echo.log.lock().unwrap();
    let dropped: u32 = log.iter().map(|(_, dropped)| dropped).sum();
    assert_eq!(u32::try_from(log.len()).unwrap() + dropped, EVENTS + 1);
    assert!(dropped > 0);
}

#[tokio::test]
async fn data_waits_while_nobody_reads() {
    let (_a, b) = UnixStream::pair().unwrap();
    let child = Peer::start(b, Side::Child, Arc::new(Echo::new()));
    let body = vec![0; 10_000];
    let calls: Vec<_> = (0..MAX_CALLS)
        .map(|_| tokio::spawn(child.call(call("echo", &body))))
        .collect();
    for _ in 0..1000 {
        yield_now().await;
    }
    assert!(child.queued() < 512 << 10, "{} bytes wait", child.queued());
    drop(calls);
}
