//! ngrok's edge on loopback: TLS with a certificate of its own, the protocol of sessions, and visitors that a test sends
//! through a tunnel.
//!
//! It knows one session at a time and one tunnel in it. Invariant: what a client tells of itself is remembered.
use muxado::{
    SessionBuilder,
    typed::{StreamType, Typed, TypedAccept, TypedOpenClose, TypedSession, TypedStream},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Kinds of streams.
const AUTH: u32 = 0;
const BIND: u32 = 1;
const PROXY: u32 = 3;
/// Visitors that wait for a session.
const MAX_VISITS: usize = 4;

/// The edge. Dropping it closes its port.
pub struct Edge {
    address: String,
    authorities: String,
    state: Arc<Mutex<State>>,
    visits: mpsc::Sender<Visit>,
    cut: mpsc::Sender<()>,
    task: JoinHandle<()>,
}

/// What goes through a tunnel, and where its answer goes.
type Visit = (Vec<u8>, oneshot::Sender<Vec<u8>>);

#[derive(Default)]
struct State {
    /// What clients told.
    seen: Vec<Value>,
    /// The name of the next tunnel that asks for none.
    name: String,
    /// Why tunnels are refused.
    refusal: Option<String>,
    /// Nobody is let in.
    is_down: bool,
}

// === impl Edge ===

impl Edge {
    /// Starts one that calls the first tunnel so.
    pub async fn start(name: &str) -> io::Result<Self> {
        // somebody else may have installed one
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (authorities, acceptor) = certificates();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("localhost:{}", listener.local_addr()?.port());
        let (visits, visitors) = mpsc::channel(MAX_VISITS);
        let (cut, cuts) = mpsc::channel(1);
        let state = Arc::new(Mutex::new(State {
            name: name.to_owned(),
            ..State::default()
        }));
        let task = tokio::spawn(serve(listener, acceptor, state.clone(), visitors, cuts));
        Ok(Self {
            address,
            authorities,
            state,
            visits,
            cut,
            task,
        })
    }

    /// `host:port`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Who vouches for it, as PEM.
    pub fn authorities(&self) -> &str {
        &self.authorities
    }

    /// What clients have told so far: who they are, what they want to open.
    pub fn seen(&self) -> Vec<Value> {
        lock(&self.state).seen.clone()
    }

    /// The next tunnel that asks for no name gets this one.
    pub fn rename(&self, name: &str) {
        name.clone_into(&mut lock(&self.state).name);
    }

    /// Tunnels are refused with these words from now on.
    pub fn refuse(&self, words: &str) {
        lock(&self.state).refusal = Some(words.to_owned());
    }

    /// Whoever knocks finds nobody at home from now on, or no longer.
    pub fn go_down(&self, down: bool) {
        lock(&self.state).is_down = down;
    }

    /// Breaks the session off.
    pub async fn cut(&self) {
        // there may be none any more
        let _ = self.cut.send(()).await;
    }

    /// Sends this through the tunnel as a visitor would; gives what came back until the other side ended it. One that finds
    /// no tunnel yet tries again.
    pub async fn visit(&self, request: &[u8]) -> Vec<u8> {
        loop {
            let (reply, answered) = oneshot::channel();
            let visit = (request.to_vec(), reply);
            self.visits.send(visit).await.expect("the edge runs");
            match answered.await {
                Ok(answer) if !answer.is_empty() => return answer,
                _ => tokio::task::yield_now().await,
            }
        }
    }
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Edge({})", self.address)
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    state: Arc<Mutex<State>>,
    mut visitors: mpsc::Receiver<Visit>,
    mut cuts: mpsc::Receiver<()>,
) {
    while let Ok((tcp, _)) = listener.accept().await {
        if lock(&state).is_down {
            continue;
        }
        if let Ok(tls) = acceptor.accept(tcp).await {
            session(tls, &state, &mut visitors, &mut cuts).await;
        }
    }
}

async fn session(
    tls: TlsStream<TcpStream>,
    state: &Mutex<State>,
    visitors: &mut mpsc::Receiver<Visit>,
    cuts: &mut mpsc::Receiver<()>,
) {
    let (mut opening, mut accepting) = Typed::new(SessionBuilder::new(tls).server().start()).split_typed();
    loop {
        tokio::select! {
            stream = accepting.accept_typed() => match stream {
                Ok(stream) => answer(stream, state).await,
                Err(_) => return,
            },
            Some((request, reply)) = visitors.recv() => {
                match opening.open_typed(StreamType::clamp(PROXY)).await {
                    Ok(stream) => drop(tokio::spawn(visit(stream, request, reply))),
                    Err(_) => return,
                }
            }
            Some(()) = cuts.recv() => return,
        }
    }
}

async fn answer(mut stream: TypedStream, state: &Mutex<State>) {
    let kind = stream.typ();
    let is = |known: u32| kind == StreamType::clamp(known);
    if !is(AUTH) && !is(BIND) {
        // a heartbeat: it is sent back as it came
        tokio::spawn(async move {
            let mut beat = [0; 4];
            while stream.read_exact(&mut beat).await.is_ok() && stream.write_all(&beat).await.is_ok() {}
        });
        return;
    }
    let Some(asked) = read(&mut stream).await else {
        return;
    };
    let answered = {
        let mut state = lock(state);
        state.seen.push(asked.clone());
        match is(AUTH) {
            true => {
                json!({"Version": "3", "ClientId": "c", "Error": "", "Extra": {"Version": "3", "Region": "test",
                "Cookie": "", "AccountName": "", "SessionDuration": 0, "PlanName": "", "Banner": ""}})
            }
            false => state.bind(&asked),
        }
    };
    // the client may have gone
    let _ = stream.write_all(answered.to_string().as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// One JSON value; the client doesn't end its side.
async fn read(stream: &mut TypedStream) -> Option<Value> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Ok(value) = serde_json::from_slice(&bytes) {
            return Some(value);
        }
    }
}

async fn visit(mut stream: TypedStream, request: Vec<u8>, reply: oneshot::Sender<Vec<u8>>) {
    let head = json!({"Id": "t", "ClientAddr": "192.0.2.7:5", "Proto": "https", "EdgeType": "3", "PassthroughTLS": false});
    let head = head.to_string();
    let length = i64::try_from(head.len()).expect("it is short");
    let whole = [&length.to_le_bytes()[..], head.as_bytes(), &request].concat();
    let mut answer = Vec::new();
    if stream.write_all(&whole).await.is_ok() {
        // what came until it broke is told
        let _ = stream.read_to_end(&mut answer).await;
    }
    // the test may have ended
    let _ = reply.send(answer);
}

// === impl State ===

impl State {
    fn bind(&self, asked: &Value) -> Value {
        if let Some(words) = &self.refusal {
            return json!({"Error": words, "Id": "", "URL": "", "Proto": "", "Opts": {}, "Extra": {"Token": ""}});
        }
        let wanted = asked["Opts"]["Domain"].as_str().filter(|name| !name.is_empty());
        let url = format!("https://{}", wanted.unwrap_or(&self.name));
        json!({"Id": "t", "URL": url, "Proto": "https", "Opts": asked["Opts"], "Extra": {"Token": ""}, "Error": ""})
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn certificates() -> (String, TlsAcceptor) {
    let made = "a key can be made";
    let key = KeyPair::generate().expect(made);
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).expect("its own key signs it");
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().expect(made);
    let leaf = CertificateParams::new(vec!["localhost".into()]).expect("a name");
    let leaf = leaf.signed_by(&own, &issuer).expect("the authority signs it");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("the key is the certificate's");
    (ca.pem(), TlsAcceptor::from(Arc::new(config)))
}
