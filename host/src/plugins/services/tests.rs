//! What a plugin gets from its host, and what it doesn't.
use super::*;
use crate::{
    http::{Egress, Options},
    plugins::{
        metrics::Metrics,
        pool::{Owner, Pool},
    },
};
use openclaw_plugin_api::{
    HttpRequest, MediaRef, Meta,
    abi::{Call, HostServices, Level, LogRecord, sink_pair, source_pair},
};
use serde_json::json;
use std::sync::atomic::{AtomicI64, Ordering};

struct Fixture {
    _folder: tempfile::TempDir,
    context: Arc<Context>,
    metrics: Arc<Metrics>,
    now: Arc<AtomicI64>,
}

fn fixture(hosts: &[&str]) -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let now = Arc::new(AtomicI64::new(1_000));
    let time = now.clone();
    let services = Arc::new(Services {
        runtime: tokio::runtime::Handle::current(),
        http: Client::new(Options::default()).expect("a client"),
        journal: Journal::open(&folder.path().join("state.db")).expect("a journal"),
        media: folder.path().join("media"),
        clock: Clock::from_fn(move || time.load(Ordering::SeqCst)),
        secrets: Box::new(|variable| (variable != "UNSET").then(|| Secret::new("hunter2"))),
        core: OnceLock::new(),
    });
    let metrics: Arc<Metrics> = Arc::default();
    let options = ContextOptions {
        instance: 1,
        plugin: "probe".into(),
        secrets: vec!["PROBE_KEY".into(), "UNSET".into()],
        egress: Arc::new(Egress::new("probe", hosts.iter().copied(), false).expect("patterns")),
        metrics: metrics.clone(),
        tools: Arc::default(),
        pool: Pool::new(1),
        owner: Arc::new(Owner {
            plugin: "probe",
            stuck_after_ms: 60_000,
            on_stuck: Box::new(|| {}),
        }),
    };
    Fixture {
        _folder: folder,
        context: Context::new(services, options),
        metrics,
        now,
    }
}

impl Fixture {
    async fn ask(&self, method: &str, target: &str, body: &[u8]) -> Result<Vec<u8>> {
        self.ask_with(Call::new(method, target, body.to_vec())).await
    }

    async fn ask_with(&self, call: Call<'_>) -> Result<Vec<u8>> {
        self.context
            .call(call)
            .await
            .map_err(|fault| Error::from_fault(&fault))
    }

    async fn refusal(&self, method: &str, target: &str, body: &[u8]) -> ErrorKind {
        self.ask(method, target, body)
            .await
            .expect_err("a refusal")
            .kind()
    }
}

#[tokio::test]
async fn values_are_kept_until_they_expire_and_within_their_bounds() {
    let f = fixture(&[]);
    f.ask(ids::STORE_PUT, "a", b"one").await.expect("stored");
    assert_eq!(f.ask(ids::STORE_GET, "a", b"").await.expect("there"), b"one");
    let meta = serde_json::to_string(&Meta {
        ttl_ms: Some(10),
        ..Meta::default()
    })
    .expect("JSON");
    let call = Call {
        meta: &meta,
        ..Call::new(ids::STORE_ADD, "b", b"two".to_vec())
    };
    assert_eq!(f.ask_with(call).await.expect("free"), b"true");
    assert_eq!(f.ask(ids::STORE_ADD, "b", b"x").await.expect("taken"), b"false");
    assert_eq!(
        f.ask(ids::STORE_LIST, "", b"").await.expect("keys"),
        br#"["a","b"]"#
    );
    f.now.store(1_011, Ordering::SeqCst);
    assert_eq!(f.refusal(ids::STORE_GET, "b", b"").await, ErrorKind::NotFound);
    assert_eq!(f.refusal(ids::STORE_PUT, "", b"").await, ErrorKind::InvalidInput);
    assert_eq!(
        f.refusal(ids::STORE_PUT, &"k".repeat(513), b"").await,
        ErrorKind::InvalidInput
    );
    assert_eq!(
        f.refusal(ids::STORE_PUT, "k", &vec![0; (1 << 20) + 1]).await,
        ErrorKind::InvalidInput
    );
}

#[tokio::test]
async fn only_declared_secrets_are_told() {
    let f = fixture(&[]);
    assert_eq!(
        f.ask(ids::SECRET, "PROBE_KEY", b"").await.expect("declared"),
        b"hunter2"
    );
    assert_eq!(f.refusal(ids::SECRET, "UNSET", b"").await, ErrorKind::NotFound);
    assert_eq!(f.refusal(ids::SECRET, "OTHER_KEY", b"").await, ErrorKind::Refused);
}

#[tokio::test]
async fn a_plugin_speaks_only_under_its_own_name() {
    let f = fixture(&[]);
    assert_eq!(
        f.refusal(ids::EMIT, "chat.final", b"{}").await,
        ErrorKind::Refused
    );
    assert_eq!(
        f.refusal(ids::EMIT, "probe.done", b"{}").await,
        ErrorKind::Closed,
        "its own, but nobody is there yet"
    );
}

#[tokio::test]
async fn a_request_goes_to_declared_hosts_only() {
    let f = fixture(&["api.example"]);
    for url in [
        "http://127.0.0.1:9/",
        "https://other.example/",
        "https://api.example.evil.example/",
    ] {
        let body = serde_json::to_vec(&HttpRequest {
            url: url.into(),
            ..HttpRequest::default()
        })
        .expect("JSON");
        let (out, _chunks) = sink_pair(4);
        let call = Call {
            out: Some(out),
            ..Call::new(ids::HTTP, "", body)
        };
        let error = f.ask_with(call).await.expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Refused, "{url}: {error}");
        assert!(error.message().contains("permissions.hosts"), "{error}");
    }
}

#[tokio::test]
async fn a_request_that_surely_never_left_says_so() {
    let f = fixture(&["127.0.0.1"]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let url = format!("http://{}/", port.expect("a port that is free again"));
    for (redirects, sent) in [(0, Some(false)), (3, None)] {
        let request = HttpRequest {
            url: url.clone(),
            redirects,
            ..HttpRequest::default()
        };
        let (out, _chunks) = sink_pair(4);
        let call = Call {
            out: Some(out),
            ..Call::new(ids::HTTP, "", serde_json::to_vec(&request).expect("JSON"))
        };
        let error = f.ask_with(call).await.expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::Network, "{error}");
        assert_eq!(
            error.detail().get("sent").and_then(Value::as_bool),
            sent,
            "{redirects} redirects"
        );
    }
}

#[tokio::test]
async fn what_left_and_was_lost_does_not_say_that_it_stayed() {
    let f = fixture(&["127.0.0.1"]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let request = HttpRequest {
        url,
        redirects: 0,
        ..HttpRequest::default()
    };
    let (out, _chunks) = sink_pair(4);
    let call = Call {
        out: Some(out),
        ..Call::new(ids::HTTP, "", serde_json::to_vec(&request).expect("JSON"))
    };
    let cut = async {
        let (mut tcp, _) = listener.accept().await.expect("a connection");
        tokio::io::AsyncReadExt::read(&mut tcp, &mut [0; 64])
            .await
            .expect("the request");
    };
    let (outcome, ()) = tokio::join!(f.ask_with(call), cut);
    assert_eq!(outcome.expect_err("cut").detail().get("sent"), None);
}

#[tokio::test]
async fn a_file_is_written_once_and_read_by_its_reference() {
    let f = fixture(&[]);
    let (mut feed, input) = source_pair(4);
    let known = MediaRef {
        file_name: "../../etc/x.txt".into(),
        mime_type: "text/plain".into(),
        ..MediaRef::default()
    };
    let body = serde_json::to_vec(&known).expect("JSON");
    let call = Call {
        input: Some(input),
        ..Call::new(ids::MEDIA_SAVE, "", body)
    };
    let (saved, ()) = tokio::join!(f.ask_with(call), async move {
        feed.send(Ok(b"hello ".to_vec())).await;
        feed.send(Ok(b"there".to_vec())).await;
    });
    let media: MediaRef = serde_json::from_slice(&saved.expect("saved")).expect("a record");
    assert_eq!((media.size, media.file_name.as_str()), (11, "x.txt"));
    let (out, mut chunks) = sink_pair(4);
    let call = Call {
        out: Some(out),
        ..Call::new(ids::MEDIA_OPEN, &media.id, Vec::new())
    };
    let (opened, bytes) = tokio::join!(f.ask_with(call), async move {
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            bytes.extend(chunk);
        }
        bytes
    });
    opened.expect("opened");
    assert_eq!(bytes, b"hello there");
    assert_eq!(
        f.refusal(ids::MEDIA_OPEN, "../state.db", b"").await,
        ErrorKind::InvalidInput,
        "no stream"
    );
}

#[tokio::test]
async fn a_retired_instance_is_served_no_more_and_its_tasks_end() {
    let f = fixture(&[]);
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    f.context.spawn(Box::pin(async move {
        let _held = ended;
        std::future::pending::<()>().await;
    }));
    assert_eq!(f.context.tasks(), 1);
    f.context.close();
    assert!(end.await.is_err(), "what the task held is gone");
    assert_eq!(f.refusal(ids::STORE_LIST, "", b"").await, ErrorKind::Closed);
}

fn said(level: Level) -> LogRecord<'static> {
    LogRecord {
        level,
        target: "t",
        message: "m",
        fields: "",
        file: "",
        line: 0,
    }
}

#[tokio::test]
async fn a_flood_of_log_events_is_cut_and_counted() {
    let f = fixture(&[]);
    let lines = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
    tracing::subscriber::with_default(lines, || {
        (0..1_000).for_each(|_| f.context.log(&said(Level::Info)));
    });
    assert!(
        f.metrics.snapshot().logs_dropped >= 600,
        "{}",
        f.metrics.snapshot().logs_dropped
    );
}

#[tokio::test]
async fn what_nobody_sees_takes_no_place_of_what_somebody_does() {
    use tracing_subscriber::{Layer, layer::SubscriberExt};
    let f = fixture(&[]);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    // each layer with a filter of its own, as in the gateway
    let lines = lines.with_filter(tracing_subscriber::EnvFilter::new("info"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
        (0..1_000).for_each(|_| f.context.log(&said(Level::Debug)));
        f.context.log(&said(Level::Info));
    });
    assert_eq!(f.metrics.snapshot().logs_dropped, 0);
}

#[tokio::test]
async fn an_unknown_method_is_an_ordinary_error() {
    let f = fixture(&[]);
    assert_eq!(
        f.refusal("host/9/tea.brew", "", b"").await,
        ErrorKind::UnknownMethod
    );
    assert_eq!(
        f.refusal(ids::INBOUND, "x", b"not json").await,
        ErrorKind::InvalidInput
    );
    assert_eq!(
        f.refusal(ids::INBOUND, "x", json!({}).to_string().as_bytes())
            .await,
        ErrorKind::Closed
    );
    assert_eq!(f.metrics.snapshot().host_calls, 3);
}

#[tokio::test]
async fn every_method_that_plugins_are_told_of_is_served() {
    let f = fixture(&[]);
    for id in ids::ALL {
        let outcome = f.ask(id, "", b"").await;
        let unknown = outcome.is_err_and(|error| error.kind() == ErrorKind::UnknownMethod);
        assert!(!unknown, "{id}");
    }
    assert_eq!(
        f.refusal("host/1/no.such", "", b"").await,
        ErrorKind::UnknownMethod
    );
}
