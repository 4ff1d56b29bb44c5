//! Plugins' routes: what of a request reaches a plugin, and what of its answer the client.
use super::{
    fleet::{device, terminal},
    handshake::behind_a_proxy,
    *,
};
use crate::gateway::device::tests::Asked;
use crate::gateway::{Offer, Routes, Rules};
use openclaw_plugin_api::{Error, ErrorKind, HttpCall, HttpHead, Route, RouteAuth, Sink, Source};
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Routes of each kind, which note what reaches them.
#[derive(Default)]
struct Site {
    revision: AtomicUsize,
    reached: Mutex<Vec<String>>,
}

impl Site {
    fn note(&self, what: &str, call: &HttpCall) {
        let mut reached = self.reached.lock().unwrap();
        reached.push(format!("{what} {}", call.path));
    }

    fn reached(&self) -> Vec<String> {
        std::mem::take(&mut *self.reached.lock().unwrap())
    }
}

fn offer(path: &str, auth: RouteAuth, methods: &str) -> Offer {
    let route = Route {
        path: path.into(),
        auth,
        methods: methods.split(' ').map(str::to_owned).collect(),
        prefix: path == "/page",
        check_head: path == "/hook",
        max_body_bytes: if path == "/deep" { u64::MAX } else { 16 },
        body_timeout_ms: if path == "/late" { 1 } else { 60_000 },
        ..Route::default()
    };
    Offer {
        plugin: "site".into(),
        path: path.into(),
        declared: path.into(),
        route: Some(route),
    }
}

impl Routes for Site {
    fn revision(&self) -> u64 {
        self.revision.load(Ordering::SeqCst) as u64
    }

    fn offers(&self) -> Vec<Offer> {
        let signed = |path| offer(path, RouteAuth::Signature, "POST");
        let mut offers: Vec<_> = ["/hook", "/late", "/dead", "/mute", "/half", "/odd", "/deep"]
            .map(signed)
            .into();
        offers.push(offer("/page", RouteAuth::Public, "GET HEAD POST"));
        offers.push(offer("/mine", RouteAuth::Gateway, "POST"));
        offers.push(offer("/", RouteAuth::Public, "GET"));
        offers.push(Offer {
            route: None,
            ..signed("/gone")
        });
        if self.revision() > 0 {
            offers.push(offer("/new", RouteAuth::Public, "GET"));
        }
        offers
    }

    fn check(
        &self,
        _: &Offer,
        head: HttpCall,
        _: std::time::Duration,
    ) -> BoxFuture<'static, Result<(), Error>> {
        self.note("check", &head);
        let right = head.header("x-secret") == Some("right");
        let outcome = right
            .then_some(())
            .ok_or_else(|| Error::new(ErrorKind::Auth, "not for strangers"));
        async { outcome }.boxed()
    }

    fn handle(&self, offer: &Offer, call: HttpCall, mut out: Sink) -> BoxFuture<'static, Result<(), Error>> {
        self.note("handle", &call);
        let path = offer.path.clone();
        let status = if path == "/odd" { 101 } else { 201 };
        async move {
            match path.as_str() {
                "/dead" => return Err(Error::new(ErrorKind::Closed, "a secret of the plugin")),
                "/mute" => return Ok(()),
                _ => {}
            }
            let headers = [
                ("x-own", "1"),
                ("content-length", "999"),
                ("connection", "keep-alive"),
            ];
            let head = HttpHead {
                status,
                headers: headers.map(|(name, value)| (name.into(), value.into())).into(),
            };
            out.send(&serde_json::to_vec(&head)?).await;
            out.send(&call.body).await;
            if path == "/deep" {
                return std::future::pending().await;
            }
            if path == "/half" {
                // what was written is on its way before it fails
                tokio::task::yield_now().await;
                return Err(Error::new(ErrorKind::Internal, "broke"));
            }
            let (secret, owner) = (call.header("authorization"), call.caller_is_owner);
            out.send(format!("|{secret:?} owner: {owner}").as_bytes()).await;
            Ok(())
        }
        .boxed()
    }

    fn websocket(&self, _: &Offer, _: HttpCall, _: Source, _: Sink) -> BoxFuture<'static, Result<(), Error>> {
        async { Err(Error::unsupported("no WebSockets here")) }.boxed()
    }
}

async fn gateway() -> (Gateway, Arc<Site>) {
    gateway_with(options()).await
}

async fn gateway_with(options: Options) -> (Gateway, Arc<Site>) {
    let site = Arc::new(Site::default());
    let fake = Arc::new(Fake {
        routes: Some(site.clone()),
        ..Fake::default()
    });
    let (folder, fleet) = fleet(&options);
    let running = Server::bind(options, fleet.clone(), fake.clone()).await.unwrap();
    let address = running.addresses()[0];
    let gateway = Gateway {
        running,
        fake,
        fleet,
        address,
        _folder: folder,
    };
    (gateway, site)
}

/// Sends it as it is; gives status and all that came back. The sending side stays open.
async fn ask(gateway: &Gateway, line: &str, headers: &str, body: &str) -> (u16, String) {
    let mut tcp = TcpStream::connect(gateway.address).await.unwrap();
    let host = if headers.contains("host:") {
        ""
    } else {
        "host: localhost\r\n"
    };
    let request = format!("{line} HTTP/1.1\r\n{host}connection: close\r\n{headers}\r\n{body}");
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    // a connection that breaks ends it too
    while tcp.read_buf(&mut response).await.is_ok_and(|read| read > 0) {}
    let response = String::from_utf8(response).unwrap().to_ascii_lowercase();
    let status = response.split(' ').nth(1).unwrap().parse().unwrap();
    (status, response)
}

const RIGHT: &str = "x-secret: right\r\n";
/// A body that never comes.
const ENDLESS: &str = "transfer-encoding: chunked\r\n";

#[tokio::test]
async fn the_head_decides_before_the_body_is_read() {
    let (gateway, site) = gateway().await;
    let table = [
        ("POST /hook", ENDLESS, 401, "check /hook"),
        ("POST /hook", "content-length: 16\r\n", 401, "check /hook"),
        ("POST /hook", "x-secret: right\r\ncontent-length: 17\r\n", 413, ""),
        (
            "POST /hook",
            "x-secret: right\r\ncontent-length: 9\r\ncontent-encoding: gzip\r\n",
            415,
            "",
        ),
        ("GET /hook", RIGHT, 405, ""),
        ("OPTIONS /hook", RIGHT, 405, ""),
        ("POST /mine", ENDLESS, 401, ""),
        (
            "POST /mine",
            "transfer-encoding: chunked\r\nauthorization: Bearer wrong\r\n",
            401,
            "",
        ),
        ("POST /page", "content-length: 1\r\n", 405, ""),
        ("GET /page", "content-length: 1\r\n", 413, ""),
        ("POST /gone", ENDLESS, 503, ""),
        ("POST /late", ENDLESS, 408, ""),
        ("POST /nowhere", ENDLESS, 404, ""),
        ("GET /page", "host: rebind.example\r\n", 403, ""),
    ];
    for (line, headers, status, reached) in table {
        let (answered, response) = ask(&gateway, line, headers, "").await;
        assert_eq!(answered, status, "{line} {headers} {response}");
        assert_eq!(site.reached().join(" "), reached, "{line} {headers}");
        assert_eq!(status == 503, response.contains("retry-after: "), "{response}");
        assert!(
            !response.contains("strangers"),
            "the plugin's words are for the log: {response}"
        );
    }
    let (status, _) = ask(
        &gateway,
        "POST /hook",
        &format!("{RIGHT}{ENDLESS}"),
        "11\r\n12345678901234567\r\n",
    )
    .await;
    assert_eq!((status, site.reached().join(" ").as_str()), (413, "check /hook"));
}

#[tokio::test]
async fn a_body_whose_length_was_not_told_keeps_room_for_what_it_has() {
    let (gateway, _site) = gateway().await;
    let mut open = Vec::new();
    for n in 0..8 {
        let mut tcp = TcpStream::connect(gateway.address).await.unwrap();
        let head = format!("POST /deep HTTP/1.1\r\nhost: localhost\r\n{ENDLESS}\r\n");
        let request = format!("{head}4\r\nabcd\r\n0\r\n\r\n");
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tcp.read_exact(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(
            answer, "HTTP/1.1 201",
            "beside {n} others that are being answered"
        );
        open.push(tcp);
    }
}

#[tokio::test]
async fn a_page_goes_and_comes_while_the_gateway_runs() {
    let (gateway, _site) = gateway().await;
    for (pages, status) in [(true, 201), (false, 404), (true, 201)] {
        let mut rules = Rules::default();
        rules.policy.pages = pages;
        gateway.running.doorkeeper().change(rules, None);
        let (answered, response) = ask(&gateway, "GET /", "", "").await;
        assert_eq!(answered, status, "{response}");
        let (answered, response) = ask(&gateway, "GET /page", "", "").await;
        assert_eq!(answered, 201, "what is no page stays: {response}");
    }
}

#[tokio::test]
async fn whoever_is_let_in_is_answered_by_the_plugin() {
    let (gateway, site) = gateway().await;
    let body = "content-length: 4\r\n";
    let foreign = format!("host: bot.example\r\n{RIGHT}{body}");
    let (status, response) = ask(&gateway, "POST /hook?a=1", &foreign, "abcd").await;
    assert_eq!(status, 201, "who signs may call it by any name: {response}");
    assert_eq!(site.reached(), ["check /hook", "handle /hook"]);
    assert!(
        response.contains("x-own: 1") && response.contains("abcd"),
        "{response}"
    );
    assert!(
        !response.contains("999") && !response.contains("keep-alive"),
        "{response}"
    );
    let known = format!("authorization: Bearer {TOKEN}\r\n{body}");
    let (status, response) = ask(&gateway, "POST /mine", &known, "abcd").await;
    assert!(
        status == 201 && response.contains("|none"),
        "the gateway's secret is its own: {response}"
    );
    let page = format!("origin: https://evil.example\r\n{known}");
    assert_eq!(ask(&gateway, "POST /mine", &page, "abcd").await.0, 403);
    let (status, response) = ask(&gateway, "GET /page/below%20it", "", "").await;
    assert!(status == 201 && response.contains("x-own"), "{response}");
    assert_eq!(site.reached(), ["handle /mine", "handle /page/below it"]);
}

/// Calls the route that is for those whom the gateway knows; gives the status, and whether it was called for the owner.
async fn called(gateway: &Gateway, headers: &str) -> (u16, bool) {
    let (status, response) = ask(
        gateway,
        "POST /mine",
        &format!("{headers}content-length: 0\r\n"),
        "",
    )
    .await;
    (status, response.contains("owner: true"))
}

#[tokio::test]
async fn only_who_may_do_everything_is_the_owner() {
    let (gateway, _) = gateway().await;
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    assert_eq!(called(&gateway, &bearer(TOKEN)).await, (201, true));
    for (number, scope, answer) in [
        (1, "operator.admin", (201, true)),
        (2, "operator.write", (201, false)),
        (3, "operator.read", (403, false)),
    ] {
        let asked = Asked {
            scopes: &[scope],
            ..terminal(TOKEN)
        };
        let (_device, hello) = device(&gateway, number, asked, &[]).await;
        let token = hello["payload"]["auth"]["deviceToken"].as_str();
        let token = token.unwrap_or_else(|| panic!("{hello}"));
        assert_eq!(called(&gateway, &bearer(token)).await, answer, "{scope}");
    }
}

#[tokio::test]
async fn without_a_secret_programs_here_are_let_in_whatever_they_bring() {
    let (gateway, _) = gateway_with(Options {
        auth: Auth::default(),
        ..options()
    })
    .await;
    for _ in 0..12 {
        assert_eq!(
            called(&gateway, "authorization: Bearer none\r\n").await,
            (201, true)
        );
    }
    assert_eq!(called(&gateway, "").await, (201, true));
    let relayed = "x-forwarded-for: 192.0.2.9\r\nauthorization: Bearer none\r\n";
    assert_eq!(called(&gateway, relayed).await, (401, false));
}

#[tokio::test]
async fn whom_a_proxy_vouches_for_may_bring_what_is_for_the_proxy() {
    let (gateway, _) = gateway_with(behind_a_proxy()).await;
    let came = "x-forwarded-for: 192.0.2.9\r\nauthorization: Basic cHJveHk=\r\n";
    for _ in 0..12 {
        assert_eq!(
            called(&gateway, &format!("{came}x-user: ada\r\n")).await,
            (201, true)
        );
    }
    let less = format!("{came}x-user: ada\r\nx-openclaw-scopes: operator.write\r\n");
    assert_eq!(called(&gateway, &less).await, (201, false));
    assert_eq!(
        called(&gateway, &format!("{came}x-user: eve\r\n")).await,
        (401, false)
    );
}

#[tokio::test]
async fn a_plugin_that_fails_is_an_error_without_its_words() {
    let (gateway, _) = gateway().await;
    for (path, status) in [("/dead", 503), ("/mute", 500), ("/odd", 500)] {
        let (answered, response) = ask(&gateway, &format!("POST {path}"), "content-length: 0\r\n", "").await;
        assert_eq!(answered, status, "{path}: {response}");
        assert!(!response.contains("secret"), "{response}");
    }
    let (status, response) = ask(&gateway, "POST /half", "content-length: 1\r\n", "x").await;
    assert_eq!(status, 201);
    assert!(
        !response.ends_with("0\r\n\r\n"),
        "it must not look whole: {response}"
    );
}

#[tokio::test]
async fn no_other_spelling_reaches_a_route() {
    let (gateway, site) = gateway().await;
    for path in [
        "/Hook",
        "/hook/",
        "//hook",
        "/./hook",
        "/a/../hook",
        "/%2fhook",
        "/hook%2f",
        "/hook%00",
        "/hook%5c",
        "/hook;x",
        "/%2e/hook",
        "/page/../hook",
        "/page/%2e%2e/hook",
        "/page/..%2fhook",
        "/page/%252e%252e/hook",
        "/page//hook",
        "/page\\..\\hook",
        "/hook%",
        "/%68ealthz",
        "/healthz/x",
        "/pagehook",
        "http://localhost//hook",
    ] {
        let headers = format!("{RIGHT}content-length: 0\r\n");
        let (status, response) = ask(&gateway, &format!("POST {path}"), &headers, "").await;
        assert!(matches!(status, 400 | 404), "{path}: {response}");
        assert_eq!(site.reached(), [""; 0], "{path}");
    }
    assert_eq!(ask(&gateway, "GET /healthz", "", "").await.0, 200);
}

#[tokio::test]
async fn a_route_appears_with_its_plugin() {
    let (gateway, site) = gateway().await;
    assert_eq!(ask(&gateway, "GET /new", "", "").await.0, 404);
    site.revision.store(1, Ordering::SeqCst);
    assert_eq!(ask(&gateway, "GET /new", "", "").await.0, 201);
    site.revision.store(0, Ordering::SeqCst);
    assert_eq!(ask(&gateway, "GET /new", "", "").await.0, 404);
}
