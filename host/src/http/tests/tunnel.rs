//! TLS and proxies: certificates are verified, tunnels carry both kinds of traffic, credentials go to the proxy only.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::{FakeDns, Server, anywhere, client, get, read_head};
use crate::http::websocket::{Connect, Message};
use crate::http::{Client, Error, Options, Origin, Proxy};

/// A server with a certificate of its own authority for `secure.example`; answers HTTP and upgrades WebSockets.
async fn secure_server() -> (Server, Vec<u8>) {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["secure.example".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::raw(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a head"));
            }
            if head
                .windows(9)
                .any(|window| window.eq_ignore_ascii_case(b"websocket"))
            {
                let _ = stream.write_all(&upgrade(&head)).await;
                let _ = stream.write_all(b"\x81\x06secure").await;
            } else {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecure")
                    .await;
            }
            let _ = stream.shutdown().await;
        }
    })
    .await;
    (server, authority.pem().into_bytes())
}

fn upgrade(head: &[u8]) -> Vec<u8> {
    let head = String::from_utf8_lossy(head);
    let key = head.lines().find_map(|line| {
        line.to_lowercase()
            .starts_with("sec-websocket-key: ")
            .then(|| &line[19..])
    });
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.expect("a key").as_bytes());
    format!("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")
        .into_bytes()
}

/// A proxy that leads every tunnel to `target` and reports the heads it was sent.
async fn proxy_to(target: SocketAddr) -> (Server, mpsc::Receiver<String>) {
    let (heads, seen) = mpsc::channel(8);
    let server = Server::raw(move |mut stream| {
        let heads = heads.clone();
        async move {
            heads.send(read_head(&mut stream).await).await.expect("a test");
            let _ = stream
                .write_all(b"HTTP/1.1 200 Connected\r\nVia: test\r\n\r\n")
                .await;
            let mut onward = TcpStream::connect(target).await.expect("a target");
            let _ = copy_bidirectional(&mut stream, &mut onward).await;
        }
    })
    .await;
    (server, seen)
}

fn trusting(authority: Vec<u8>, proxy: Option<Proxy>) -> Client {
    let resolver = FakeDns::answering(&[&["127.0.0.1"]]);
    Client::new(Options {
        extra_authorities: Some(authority),
        resolver,
        proxy,
        ..Options::default()
    })
    .expect("a client")
}

#[tokio::test]
async fn certificates_are_verified_by_authority_and_name() {
    let (server, authority) = secure_server().await;
    let port = server.address.port();
    let client = trusting(authority, None);
    let egress = anywhere(false);
    let good = format!("https://secure.example:{port}/");
    let response = client
        .send(&egress, get(good.clone(), Origin::Trusted))
        .await
        .expect("a response");
    assert_eq!(response.bytes().await.expect("a body"), "secure");
    let (_, _sender, mut receiver) = client
        .websocket(
            &egress,
            Connect::new(good.replacen("https", "wss", 1), Origin::Trusted),
        )
        .await
        .expect("a socket");
    assert_eq!(receiver.next().await, Some(Ok(Message::Text("secure".into()))));

    let stranger = Client::new(Options {
        resolver: FakeDns::answering(&[&["127.0.0.1"]]),
        ..Options::default()
    });
    let stranger = stranger.expect("a client");
    let wrong_name = format!("https://other.example:{port}/");
    for (client, url) in [(&stranger, &good), (&client, &wrong_name)] {
        let error = client
            .send(&egress, get(url.clone(), Origin::Trusted))
            .await
            .expect_err("not trusted");
        assert!(matches!(error, Error::Tls { .. }), "{error:?}");
        let connect = Connect::new(url.replacen("https", "wss", 1), Origin::Trusted);
        let error = client.websocket(&egress, connect).await.expect_err("not trusted");
        assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_proxy_tunnels_http_and_websockets() {
    let (server, authority) = secure_server().await;
    let (proxy, mut seen) = proxy_to(server.address).await;
    let proxy = Proxy::parse(&format!("http://user:p%40ss@{}", proxy.address)).expect("a proxy");
    assert!(!format!("{proxy:?}").contains("user"));
    let client = trusting(authority, Some(proxy));
    let egress = anywhere(false);
    let response = client
        .send(&egress, get("https://secure.example/", Origin::Trusted))
        .await
        .expect("a response");
    assert_eq!(response.bytes().await.expect("a body"), "secure");
    let connect = Connect::new("wss://secure.example/", Origin::Trusted);
    let (_, _sender, mut receiver) = client.websocket(&egress, connect).await.expect("a socket");
    assert_eq!(receiver.next().await, Some(Ok(Message::Text("secure".into()))));
    for _ in 0..2 {
        let head = seen.recv().await.expect("a head");
        assert!(
            head.starts_with("CONNECT secure.example:443 HTTP/1.1\r\n"),
            "{head}"
        );
        // user:p@ss
        assert!(
            head.to_lowercase()
                .contains("proxy-authorization: basic dxnlcjpwqhnz\r\n"),
            "{head}"
        );
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    let proxy = Server::saying("HTTP/1.1 407 Authenticate\r\nContent-Length: 0\r\n\r\n").await;
    let mut connect = Connect::new("wss://secure.example/", Origin::Trusted);
    connect.proxy = Some(Proxy::parse(&proxy.url("")).expect("a proxy"));
    let error = client()
        .websocket(&anywhere(false), connect)
        .await
        .expect_err("refused");
    assert!(
        matches!(&error, Error::Connect { reason, .. } if reason.contains("407")),
        "{error:?}"
    );
    for text in [
        "https://proxy:1",
        "socks5://proxy:1",
        "http://proxy/path",
        "proxy:1",
        "",
    ] {
        assert!(
            matches!(Proxy::parse(text), Err(Error::InvalidUrl { .. })),
            "{text}"
        );
    }
}

#[test]
fn authorities_that_are_none_are_refused() {
    for pem in [
        "",
        "not PEM",
        "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
    ] {
        let options = Options {
            extra_authorities: Some(pem.into()),
            ..Options::default()
        };
        assert!(matches!(Client::new(options), Err(Error::Setup { .. })), "{pem}");
    }
}
