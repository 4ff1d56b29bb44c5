//! Requests that no carrier sent.
use crate::world::World;
use openclaw_e2e::running::soon;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What a thousand bodies that do not end may cost at most, KiB. Kept whole they would be 50 MB beside what their connections
/// cost, and that is 14 to 22 MB where the program is not optimised.
const MOST_OF_BODIES: u64 = 32 * 1024;

/// Memory that the gateway has made for itself, KiB. Pages of its program come and go with the files' cache: it gives them
/// back when it is ready, so what it had just then says nothing.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .expect("its memory");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number")
}

/// The status of an answer to a request that is sent as it is; 0 for a connection that ends without one.
async fn raw(port: &str, request: &[u8]) -> u16 {
    let Ok(mut tcp) = TcpStream::connect(format!("127.0.0.1:{port}")).await else {
        return 0;
    };
    // the other side may answer and close before all of it is there
    let _ = tcp.write_all(request).await;
    let mut answer = [0; 16];
    let read = soon("an answer", tcp.read(&mut answer)).await.unwrap_or(0);
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0)
}

#[tokio::test]
async fn unsigned_requests_are_refused_by_their_heads_and_cost_little() {
    let world = World::new(|_| {}).await;
    let port = world.gateway.port.clone();
    let head = |headers: &str| {
        format!("POST /voice/webhook HTTP/1.1\r\nhost: voice.example.com\r\n{headers}\r\n").into_bytes()
    };
    // nothing of the body is waited for
    assert_eq!(raw(&port, &head("content-length: 60000\r\n")).await, 401);
    let signed = "x-twilio-signature: AAAA\r\n";
    assert_eq!(
        raw(&port, &head(&format!("{signed}content-length: 65537\r\n"))).await,
        413
    );
    // 64 KiB may come, and are judged; one byte more is cut off, whatever would follow
    let chunked = head(&format!("{signed}transfer-encoding: chunked\r\n"));
    let piece = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let most = [chunked, piece.repeat(4).into_bytes()].concat();
    assert_eq!(raw(&port, &[most.as_slice(), b"0\r\n\r\n"].concat()).await, 401);
    assert_eq!(raw(&port, &[most.as_slice(), b"1\r\nx\r\n"].concat()).await, 413);
    // five seconds for a body, and no more
    assert_eq!(
        raw(&port, &head(&format!("{signed}content-length: 100\r\n"))).await,
        408
    );
    let get = b"GET /voice/webhook HTTP/1.1\r\nhost: voice.example.com\r\n\r\n";
    assert_eq!(raw(&port, get).await, 405);
    let before = resident(world.gateway.pid());
    let unsigned = head("content-length: 60000\r\n");
    let asking = (0..1000).map(|_| raw(&port, &unsigned));
    let answers = futures_util::future::join_all(asking).await;
    assert!(
        answers.iter().all(|status| matches!(status, 0 | 401 | 503)),
        "{answers:?}"
    );
    assert!(answers.iter().filter(|status| **status == 401).count() > 0);
    let grown = resident(world.gateway.pid()).saturating_sub(before);
    assert!(grown < 20 * 1024, "{grown} KiB for 1,000 requests");
    assert_eq!(world.command(&["tail"]).await, json!([]));
    world.end().await;
}

#[tokio::test]
async fn a_thousand_bodies_that_do_not_end_cost_little() {
    let world = World::new(|_| {}).await;
    let port = world.gateway.port.clone();
    let before = resident(world.gateway.pid());
    let head = "POST /voice/webhook HTTP/1.1\r\nhost: voice.example.com\r\nx-twilio-signature: AAAA\r\n\
                content-length: 60000\r\n\r\n";
    let request = [head.as_bytes(), &[b'x'; 50_000]].concat();

    let asking = (0..1000).map(|_| raw(&port, &request));
    let mut highest = before;
    let watching = async {
        loop {
            highest = highest.max(resident(world.gateway.pid()));
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let answers = tokio::select! {
        answers = futures_util::future::join_all(asking) => answers,
        () = watching => unreachable!("it watches for ever"),
    };
    assert!(
        answers.iter().all(|status| matches!(status, 0 | 408 | 429 | 503)),
        "{answers:?}"
    );
    let grown = highest.saturating_sub(before);
    assert!(grown < MOST_OF_BODIES, "{grown} KiB for 1,000 bodies");
    assert_eq!(world.command(&["tail"]).await, json!([]));
    world.end().await;
}
