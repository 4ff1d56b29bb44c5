//! Requests, redirects, bodies and their bounds.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::{get as on_get, post};
use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::{FakeDns, Server, anywhere, client, client_with, get, read_head};
use crate::http::{Body, Counts, Egress, Error, Origin, Phase, Request, Response};

const SHORT: Duration = Duration::from_millis(50);

async fn fetch(request: Request) -> Result<Response, Error> {
    client().send(&anywhere(true), request).await
}

fn trusted(server: &Server) -> Request {
    get(server.url("/path-secret?query-secret"), Origin::Trusted)
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

fn gzip_response(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn bodies_travel_both_ways_and_are_counted() {
    let echo = Router::new().route(
        "/",
        post(|headers: HeaderMap, body: Bytes| async move {
            (headers.get("x-note").map(|note| [("x-note", note.clone())]), body)
        }),
    );
    let server = Server::routing(echo).await;
    let egress = anywhere(false);
    let client = client();
    let mut request = Request::new("POST", server.url("/"), Origin::Trusted);
    request.body = Body::Stream(stream::iter(["one ", "two"]).map(|text| Ok(text.into())).boxed());
    request.headers.push(("X-Note".to_owned(), b"hi".to_vec()));
    let response = client.send(&egress, request).await.expect("a response");
    assert_eq!(response.headers()["x-note"], "hi");
    assert_eq!(response.bytes().await.expect("a body"), "one two");
    let mut request = Request::new("POST", server.url("/"), Origin::Trusted);
    request.body = Body::Bytes("three".into());
    assert_eq!(
        client
            .send(&egress, request)
            .await
            .expect("a response")
            .bytes()
            .await
            .expect("a body"),
        "three"
    );
    assert_eq!(
        egress.counts(),
        Counts {
            requests: 2,
            bytes_in: 12,
            bytes_out: 12,
            errors: 0
        }
    );
}

#[tokio::test]
async fn chunks_arrive_as_they_are_sent() {
    let (release, held) = mpsc::channel::<&'static str>(4);
    let held = Arc::new(tokio::sync::Mutex::new(held));
    let server = Server::raw(move |mut stream| {
        let held = Arc::clone(&held);
        async move {
            read_head(&mut stream).await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                .await
                .expect("a peer");
            while let Some(text) = held.lock().await.recv().await {
                stream
                    .write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())
                    .await
                    .expect("a peer");
            }
            stream.write_all(b"0\r\n\r\n").await.expect("a peer");
        }
    })
    .await;
    let mut response = fetch(trusted(&server)).await.expect("a head");
    for text in ["first", "second"] {
        release.send(text).await.expect("a server");
        assert_eq!(response.chunk().await, Ok(Some(text.into())));
    }
    drop(release);
    assert_eq!(response.chunk().await, Ok(None));
    assert_eq!(response.chunk().await, Ok(None));
}

#[tokio::test]
async fn an_endless_body_ends_at_the_cap() {
    let server = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let mut request = trusted(&server);
    request.max_response_bytes = 100_000;
    let mut response = fetch(request).await.expect("a head");
    let mut received = 0;
    let error = loop {
        match response.chunk().await {
            Ok(chunk) => received += chunk.expect("no end").len(),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, Error::TooLarge { limit: 100_000, .. }),
        "{error:?}"
    );
    assert!(received <= 100_000);
    assert_eq!(response.chunk().await, Err(error), "a failure stays");
}

#[tokio::test]
async fn a_declared_length_over_the_cap_is_refused_at_once() {
    let server = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").await;
    let error = fetch(trusted(&server)).await.expect_err("refused");
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_shorter_than_declared_is_cut() {
    for body in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsho",
    ] {
        let server = Server::saying(body).await;
        let error = fetch(trusted(&server))
            .await
            .expect("a head")
            .bytes()
            .await
            .expect_err("cut");
        assert!(matches!(error, Error::Cut { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn gzip_is_decoded_and_a_bomb_is_not() {
    let text = "the same words again and again. ".repeat(2000);
    let server = Server::saying(gzip_response(&gzip(text.as_bytes()))).await;
    let response = fetch(trusted(&server)).await.expect("a head");
    assert!(
        !response.headers().contains_key("content-encoding")
            && !response.headers().contains_key("content-length")
    );
    assert_eq!(response.bytes().await.expect("a body"), text);

    let server = Server::saying(gzip_response(&gzip(&vec![0; 64 << 20]))).await;
    let mut request = trusted(&server);
    request.max_response_bytes = 4 << 20;
    let mut response = fetch(request).await.expect("a head");
    let error = loop {
        match response.chunk().await {
            Ok(chunk) => assert!(chunk.expect("no end").len() <= 2 << 20, "one step stays small"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn broken_gzip_is_an_error_and_an_own_accept_encoding_keeps_it() {
    let whole = gzip(b"complete");
    let server = Server::saying(gzip_response(&whole[..whole.len() - 6])).await;
    let error = fetch(trusted(&server))
        .await
        .expect("a head")
        .bytes()
        .await
        .expect_err("cut");
    assert!(matches!(error, Error::Cut { .. }), "{error:?}");
    let server = Server::saying(gzip_response(b"not gzip at all")).await;
    let error = fetch(trusted(&server))
        .await
        .expect("a head")
        .bytes()
        .await
        .expect_err("corrupt");
    assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
    let server = Server::saying(gzip_response(&whole)).await;
    let mut request = trusted(&server);
    request
        .headers
        .push(("accept-encoding".to_owned(), b"gzip".to_vec()));
    assert_eq!(
        fetch(request)
            .await
            .expect("a head")
            .bytes()
            .await
            .expect("a body"),
        whole
    );
}

#[tokio::test]
async fn waiting_has_an_end() {
    let silent = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.read_u8().await;
    })
    .await;
    let mut request = trusted(&silent);
    request.deadline = SHORT;
    let error = fetch(request).await.expect_err("no head");
    assert!(
        matches!(
            error,
            Error::Timeout {
                phase: Phase::Head,
                ..
            }
        ),
        "{error:?}"
    );

    let stalling = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
            .await;
        let _ = stream.read_u8().await;
    })
    .await;
    let mut request = trusted(&stalling);
    request.idle_timeout = Some(SHORT);
    let error = fetch(request)
        .await
        .expect("a head")
        .bytes()
        .await
        .expect_err("stalled");
    assert!(
        matches!(
            error,
            Error::Timeout {
                phase: Phase::Idle,
                ..
            }
        ),
        "{error:?}"
    );
    let mut request = trusted(&stalling);
    (request.idle_timeout, request.total) = (None, Some(SHORT));
    let error = fetch(request)
        .await
        .expect("a head")
        .bytes()
        .await
        .expect_err("stalled");
    assert!(
        matches!(
            error,
            Error::Timeout {
                phase: Phase::Total,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn dropping_a_response_closes_its_connection() {
    let (closed, mut seen) = mpsc::channel(1);
    let server = Server::raw(move |mut stream| {
        let closed = closed.clone();
        async move {
            read_head(&mut stream).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
                .await;
            assert!(stream.read_u8().await.is_err());
            let _ = closed.send(()).await;
        }
    })
    .await;
    let client = client();
    let response = client
        .send(&anywhere(false), trusted(&server))
        .await
        .expect("a head");
    drop(response);
    assert_eq!(seen.recv().await, Some(()));
}

#[tokio::test]
async fn redirects_stop_at_the_limit() {
    let looping = Router::new().route(
        "/",
        on_get(|| async { (axum::http::StatusCode::FOUND, [("location", "/")]) }),
    );
    let server = Server::routing(looping).await;
    for (redirects, origin, allowed) in [
        (50, Origin::Untrusted, 3),
        (50, Origin::Trusted, 10),
        (1, Origin::Trusted, 1),
    ] {
        let mut request = get(server.url("/"), origin);
        request.redirects = redirects;
        let error = fetch(request).await.expect_err("a loop");
        assert!(
            error
                .to_string()
                .contains(&format!("more than {allowed} redirects")),
            "{error}"
        );
    }
    let mut request = get(server.url("/"), Origin::Trusted);
    request.redirects = 0;
    assert_eq!(fetch(request).await.expect("the redirect itself").status(), 302);
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let (heads, mut seen) = mpsc::channel(4);
    let target = Server::raw(move |mut stream| {
        let heads = heads.clone();
        async move {
            heads
                .send(read_head(&mut stream).await.to_lowercase())
                .await
                .expect("a test");
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .await;
        }
    })
    .await;
    let first = Server::redirecting(302, &target.url("/there")).await;
    let mut request = Request::new("POST", first.url("/"), Origin::Trusted);
    request.body = Body::Bytes("form".into());
    for name in ["Authorization", "Cookie", "X-Api-Key", "Accept", "Content-Type"] {
        request.headers.push((name.to_owned(), b"canary".to_vec()));
    }
    fetch(request).await.expect("a response");
    let head = seen.recv().await.expect("a head");
    assert!(head.starts_with("get /there "), "{head}");
    assert!(
        head.contains("accept: canary") && head.matches("canary").count() == 1,
        "{head}"
    );
    assert!(!head.contains("content-"), "{head}");
}

#[tokio::test]
async fn a_streamed_body_is_not_sent_twice() {
    let server = Server::redirecting(307, "/again").await;
    let mut request = Request::new("POST", server.url("/"), Origin::Trusted);
    request.body = Body::Stream(stream::empty().boxed());
    let error = fetch(request).await.expect_err("not repeated");
    assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
    let server = Server::saying("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut request = Request::new("POST", server.url("/"), Origin::Trusted);
    request.body = Body::Stream(stream::once(async { Err("disk gone".into()) }).boxed());
    let error = fetch(request).await.expect_err("aborted");
    assert!(
        matches!(&error, Error::Upload { reason, .. } if reason == "disk gone"),
        "{error:?}"
    );
}

#[tokio::test]
async fn headers_of_the_client_are_its_own() {
    let server = Server::canary().await;
    for name in [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
        "bad name",
    ] {
        let mut request = trusted(&server);
        request.headers.push((name.to_owned(), b"evil.example".to_vec()));
        let error = fetch(request).await.expect_err(name);
        assert!(matches!(error, Error::InvalidRequest { .. }), "{error:?}");
    }
    let mut request = trusted(&server);
    request
        .headers
        .push(("X-Split".to_owned(), b"a\r\nHost: evil".to_vec()));
    assert!(matches!(fetch(request).await, Err(Error::InvalidRequest { .. })));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn no_error_tells_a_secret() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let garbage = Server::saying("this is not HTTP\r\n\r\n").await;
    let hangup = Server::raw(|mut stream| async move { drop(read_head(&mut stream).await) }).await;
    let plain = Server::raw(|mut stream| async move {
        let _ = stream.write_all(b"220 mail ready\r\n").await;
        let _ = stream.read_u8().await;
    })
    .await;
    let nowhere = Server::redirecting(302, "http://path-secret:query-secret@example.org/").await;
    let secret = "/path-secret?query-secret";
    let urls = [
        (format!("http://{closed}{secret}"), "Connect"),
        (garbage.url(secret), "Protocol"),
        (hangup.url(secret), "Cut"),
        (nowhere.url(secret), "InvalidUrl"),
        (format!("https://{}{secret}", plain.address), "Tls"),
        (format!("http://name.example{secret}"), "Dns"),
        (
            format!("http://user:query-secret@name.example{secret}"),
            "InvalidUrl",
        ),
        (format!("nonsense{secret}"), "InvalidUrl"),
    ];
    let client = client_with(FakeDns::answering(&[]));
    let egress = anywhere(false);
    for (url, kind) in &urls {
        let mut request = get(url.clone(), Origin::Trusted);
        request
            .headers
            .push(("authorization".to_owned(), b"query-secret".to_vec()));
        assert!(!format!("{request:?}").contains("secret"));
        let error = client.send(&egress, request).await.expect_err(url);
        let text = format!("{error} {error:?}");
        assert!(format!("{error:?}").starts_with(kind), "{url}: {error:?}");
        assert!(!text.contains("secret"), "{text}");
    }
    assert_eq!(egress.counts().errors, urls.len() as u64);
}

#[tokio::test]
async fn a_caller_without_hosts_reaches_nothing() {
    let server = Server::canary().await;
    let egress = Arc::new(Egress::new("weather", [], false).expect("no patterns"));
    let error = client()
        .send(&egress, trusted(&server))
        .await
        .expect_err("refused");
    assert!(
        error
            .to_string()
            .contains("plugins.entries.weather.permissions.hosts"),
        "{error}"
    );
    assert_eq!((server.connections(), egress.counts().errors), (0, 1));
}
