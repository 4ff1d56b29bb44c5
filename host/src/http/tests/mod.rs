//! Tests of the outbound client against servers on loopback: honest ones in axum, dishonest ones byte by byte.
//!
//! No test leaves the machine. Deadlines that have to pass are tens of milliseconds; nothing is asserted about time.

mod guard;
mod http;
mod tunnel;
mod websocket;

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{Client, Egress, Options, Origin, Request, Resolver, Resolving};

/// A server on loopback that counts its connections; it ends with the test's runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Hands each connection to `handler`.
    pub(super) async fn raw<F>(handler: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(handler(stream));
            }
        });
        Self { address, connections }
    }

    /// Answers each connection's first request with the same bytes and closes.
    pub(super) async fn saying(response: impl Into<Vec<u8>>) -> Self {
        let response: Arc<[u8]> = response.into().into();
        Self::raw(move |mut stream| {
            let response = Arc::clone(&response);
            async move {
                read_head(&mut stream).await;
                let _ = stream.write_all(&response).await;
            }
        })
        .await
    }

    /// Redirects every request.
    pub(super) async fn redirecting(status: u16, to: &str) -> Self {
        Self::saying(format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
        ))
        .await
    }

    /// A listener that nobody may reach.
    pub(super) async fn canary() -> Self {
        Self::saying("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret").await
    }

    /// Serves an axum router.
    pub(super) async fn routing(router: axum::Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            connections: Arc::default(),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads a request's head and returns it.
pub(super) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).expect("an ASCII head")
}

/// A resolver with prepared answers; the last one repeats.
pub(super) struct FakeDns {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl FakeDns {
    pub(super) fn answering(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| {
            answer
                .iter()
                .map(|text| text.parse().expect("an address"))
                .collect()
        };
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parse).collect()),
            asked: AtomicUsize::new(0),
        })
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolver for FakeDns {
    fn resolve(&self, _host: &str) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

pub(super) fn client() -> Client {
    Client::new(Options::default()).expect("a client")
}

pub(super) fn client_with(resolver: Arc<FakeDns>) -> Client {
    Client::new(Options {
        resolver,
        ..Options::default()
    })
    .expect("a client")
}

/// A caller that may reach everything its requests' origin permits.
pub(super) fn anywhere(allow_private: bool) -> Arc<Egress> {
    Arc::new(Egress::new("test", ["*"], allow_private).expect("patterns"))
}

pub(super) fn get(url: impl Into<String>, origin: Origin) -> Request {
    Request::new("GET", url, origin)
}
