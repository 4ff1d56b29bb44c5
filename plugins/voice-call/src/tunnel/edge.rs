//! A stand-in for ngrok's edge: TLS with a certificate of its own, the session's protocol, and visitors that the test
//! sends through the tunnel.
use super::*;
use muxado::{
    SessionBuilder as Muxer,
    typed::{StreamType, Typed, TypedAccept, TypedOpenClose, TypedSession, TypedStream},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc as queue,
};
use tokio_rustls::TlsAcceptor;

/// Kinds of streams.
const AUTH: u32 = 0;
const BIND: u32 = 1;
const PROXY: u32 = 3;
/// The client knows its tunnel only after the answer to its binding; earlier visitors are dropped.
const REGISTERED: Duration = Duration::from_millis(150);

struct Edge {
    address: String,
    ca: Vec<u8>,
    /// What the client has told.
    seen: Arc<Mutex<Vec<Value>>>,
    visits: queue::Sender<(Vec<u8>, tokio::sync::oneshot::Sender<Vec<u8>>)>,
    /// Breaks the session.
    cut: queue::Sender<()>,
}

/// `bind` makes the answer to a request for a tunnel.
async fn edge(bind: fn(&Value) -> Value) -> Edge {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (ca, acceptor) = certificates();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
    let (visits, mut visitors) = queue::channel::<(Vec<u8>, tokio::sync::oneshot::Sender<Vec<u8>>)>(4);
    let (cut, mut cuts) = queue::channel(1);
    let notes = seen.clone();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(tls) = acceptor.accept(tcp).await else {
                continue;
            };
            let mut session = Typed::new(Muxer::new(tls).server().start()).split_typed();
            loop {
                tokio::select! {
                    stream = session.1.accept_typed() => match stream {
                        Ok(stream) => answer(stream, &notes, bind).await,
                        Err(_) => break,
                    },
                    Some((request, reply)) = visitors.recv() => {
                        let stream = session.0.open_typed(StreamType::clamp(PROXY)).await.unwrap();
                        tokio::spawn(visit(stream, request, reply));
                    }
                    _ = cuts.recv() => break,
                }
            }
        }
    });
    Edge {
        address,
        ca,
        seen,
        visits,
        cut,
    }
}

fn certificates() -> (Vec<u8>, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".into()]).unwrap();
    let leaf = leaf.signed_by(&own, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    (ca.pem().into_bytes(), TlsAcceptor::from(Arc::new(config)))
}

async fn answer(mut stream: TypedStream, seen: &Mutex<Vec<Value>>, bind: fn(&Value) -> Value) {
    let kind = stream.typ();
    let answered = if kind == StreamType::clamp(AUTH) {
        let asked = read(&mut stream).await;
        seen.lock().unwrap().push(asked);
        json!({"Version": "3", "ClientId": "c", "Error": "", "Extra": {"Version": "3", "Region": "test", "Cookie": "",
            "AccountName": "", "SessionDuration": 0, "PlanName": "", "Banner": ""}})
    } else if kind == StreamType::clamp(BIND) {
        let asked = read(&mut stream).await;
        let answered = bind(&asked);
        seen.lock().unwrap().push(asked);
        answered
    } else {
        // a heartbeat: it is sent back as it came
        tokio::spawn(async move {
            let mut beat = [0; 4];
            while stream.read_exact(&mut beat).await.is_ok() && stream.write_all(&beat).await.is_ok() {}
        });
        return;
    };
    stream.write_all(answered.to_string().as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

/// One JSON value; the client doesn't end its side.
async fn read(stream: &mut TypedStream) -> Value {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.unwrap();
        if let Ok(value) = serde_json::from_slice(&bytes) {
            return value;
        }
    }
}

async fn visit(mut stream: TypedStream, request: Vec<u8>, reply: tokio::sync::oneshot::Sender<Vec<u8>>) {
    let head = json!({"Id": "t", "ClientAddr": "192.0.2.7:5", "Proto": "https", "EdgeType": "3", "PassthroughTLS": false});
    let head = head.to_string();
    let length = i64::try_from(head.len()).unwrap();
    stream.write_all(&length.to_le_bytes()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let mut answer = vec![0; 2];
    stream.read_exact(&mut answer).await.unwrap();
    let _ = reply.send(answer);
}

fn bound(asked: &Value) -> Value {
    let domain = asked["Opts"]["Domain"]
        .as_str()
        .filter(|domain| !domain.is_empty());
    let url = format!("https://{}", domain.unwrap_or("random.ngrok.app"));
    json!({"Id": "t", "URL": url, "Proto": "https", "Opts": asked["Opts"], "Extra": {"Token": ""}, "Error": ""})
}

fn tunnel(edge: &Edge, domain: Option<&str>) -> Ngrok {
    Ngrok {
        service: Some((edge.address.clone(), edge.ca.clone())),
        ..Ngrok::new(Secret::new("token-of-the-test"), domain.map(str::to_owned))
    }
}

#[tokio::test]
async fn a_visitor_reaches_the_local_listener_and_a_broken_session_ends() {
    let edge = edge(bound).await;
    let local = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = local.local_addr().unwrap().to_string();
    let tunnel = tunnel(&edge, Some("example.ngrok.app"));
    let (sender, mut told) = queue::channel(16);
    let up = Box::new(move |url: Url| sender.try_send(url.to_string()).unwrap());
    let running = tokio::spawn(tunnel.run(&address, up));
    assert_eq!(told.recv().await.as_deref(), Some("https://example.ngrok.app/"));
    time::sleep(REGISTERED).await;
    let (reply, answered) = tokio::sync::oneshot::channel();
    edge.visits.send((b"ask".to_vec(), reply)).await.unwrap();
    let (mut tcp, _) = local.accept().await.unwrap();
    let mut asked = [0; 3];
    tcp.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"ask");
    tcp.write_all(b"ok").await.unwrap();
    assert_eq!(answered.await.unwrap(), b"ok");
    {
        let seen = edge.seen.lock().unwrap();
        assert_eq!(seen[0]["Extra"]["AuthToken"], "token-of-the-test");
        assert_eq!(
            seen[1]["ForwardsTo"], FORWARDS_TO,
            "nothing of this machine is told"
        );
        let all = serde_json::to_string(&*seen).unwrap();
        assert!(!all.contains(env!("CARGO_MANIFEST_DIR")), "{all}");
    }
    edge.cut.send(()).await.unwrap();
    let error = running.await.unwrap();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
}

#[tokio::test]
async fn what_ngrok_refuses_is_told_with_a_way_on_and_without_the_token() {
    let refuse = |_: &Value| {
        json!({"Error": "The endpoint is already online.\n\nERR_NGROK_334\n", "Id": "", "URL": "", "Proto": "",
            "Opts": {}, "Extra": {"Token": ""}})
    };
    let edge = edge(refuse).await;
    let error = tunnel(&edge, None).run("127.0.0.1:1", Box::new(|_| {})).await;
    assert!(
        error.message().contains("ERR_NGROK_334") && error.message().contains("in use"),
        "{error}"
    );
    assert!(!error.message().contains("token-of-the-test"));
    let nobody = Ngrok {
        service: Some(("localhost:1".into(), edge.ca.clone())),
        ..tunnel(&edge, None)
    };
    let error = nobody.run("127.0.0.1:1", Box::new(|_| {})).await;
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
}
