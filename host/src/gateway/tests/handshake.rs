//! Until `hello-ok`: what is refused, how, and in what time.
use super::{super::device, *};
use crate::gateway::{ProxyAuth, limits, rules::Rules};
use crate::http::server::Sites;
use tokio::time::{Duration, Instant};

#[tokio::test]
async fn a_client_with_the_token_gets_a_true_hello() {
    let gateway = Gateway::start().await;
    let (mut raw, _) = gateway.raw().await;
    let hello = raw
        .request("connect", params(&["operator.read", "operator.root"]))
        .await["payload"]
        .take();
    assert_eq!(
        hello["auth"],
        json!({"method": "token", "role": "operator", "scopes": ["operator.read"]})
    );
    assert_eq!(hello["snapshot"]["sessionDefaults"]["mainKey"], "main");
    assert_eq!(hello["snapshot"].get("authMode"), None, "for administrators only");
    let methods = hello["features"]["methods"].as_array().unwrap();
    assert!(methods.contains(&json!("health")) && methods.contains(&json!("agent")));
    let events = hello["features"]["events"].as_array().unwrap();
    for name in ["agent", "connect.challenge", "device.pair.requested", "tick"] {
        assert!(events.contains(&json!(name)), "{name}");
    }
    assert!(events.is_sorted_by_key(|name| name.as_str()));
}

#[tokio::test]
async fn each_fault_has_its_response_and_its_close_code() {
    let gateway = Gateway::start().await;
    type Change = fn(&mut Value);
    let table: [(Change, &str, u16); 7] = [
        (
            |p| p["auth"]["token"] = json!("wrong"),
            "unauthorized: gateway token mismatch",
            1008,
        ),
        (|p| p["auth"] = json!({}), "device identity required", 1008),
        (|p| p["role"] = json!("banana"), "invalid role", 1008),
        (|p| p["role"] = json!("node"), "device identity required", 1008),
        (
            |p| p["foo"] = json!(1),
            "invalid connect params: at root: unexpected property 'foo'",
            1008,
        ),
        (|p| p["minProtocol"] = json!(5), "protocol mismatch", 1002),
        (
            |p| p["client"]["mode"] = json!("webchat"),
            "origin not allowed",
            1008,
        ),
    ];
    for (change, message, code) in table {
        let (mut raw, _) = gateway.raw().await;
        let mut params = params(&[]);
        params["maxProtocol"] = json!(if message == "protocol mismatch" { 6 } else { 4 });
        change(&mut params);
        let response = raw.request("connect", params).await;
        let text = response["error"]["message"].as_str().unwrap();
        assert!(text.starts_with(message), "{response}");
        let (closed, reason) = raw.closed().await;
        assert_eq!(closed, code, "{message}");
        assert!(text.starts_with(&reason), "{reason}");
    }
}

#[tokio::test]
async fn what_is_no_connect_is_not_served() {
    let gateway = Gateway::start().await;
    for (frame, code, reason) in [
        (json!({"type": "foo"}).to_string(), 1008, "invalid request frame"),
        ("hello".to_owned(), 1000, ""),
        ("x".repeat(limits::MAX_MESSAGE_BEFORE_AUTH + 1), 1009, ""),
        (
            json!({"type": "req", "id": "1", "method": "health"}).to_string(),
            1008,
            "invalid handshake: first request must be connect",
        ),
    ] {
        let (mut raw, _) = gateway.raw().await;
        raw.send(frame).await;
        assert_eq!(raw.closed().await, (code, reason.to_owned()));
    }
    // the limit is on the message, not on its pieces
    let (mut raw, _) = gateway.raw().await;
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };
    for n in 0..5 {
        let code = OpCode::Data(if n == 0 { Data::Text } else { Data::Continue });
        let piece = Frame::message("x".repeat(20_000), code, false);
        if raw.socket.send(Message::Frame(piece)).await.is_err() {
            break;
        }
    }
    assert_eq!(raw.closed().await.0, 1009);
}

#[tokio::test(start_paused = true)]
async fn silent_sockets_are_closed_at_the_deadline() {
    let gateway = Gateway::start().await;
    let started = Instant::now();
    let (mut raw, _) = gateway.raw().await;
    assert_eq!(raw.closed().await, (1000, String::new()));
    assert_eq!(started.elapsed().as_secs(), limits::HANDSHAKE_DEADLINE.as_secs());
    // one that does not even speak HTTP
    let started = Instant::now();
    let mut tcp = TcpStream::connect(gateway.address).await.unwrap();
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut tcp, &mut answer)
        .await
        .unwrap();
    assert!(started.elapsed() <= crate::http::server::limits::HEAD_DEADLINE + Duration::from_secs(1));
}

#[tokio::test]
async fn sockets_without_authentication_are_counted_per_client() {
    let gateway = Gateway::start().await;
    let mut waiting = Vec::new();
    for _ in 0..limits::MAX_UNAUTHENTICATED_PER_CLIENT {
        waiting.push(gateway.raw().await);
    }
    assert_eq!(gateway.raw_with(&[]).await.err(), Some(503));
    let (mut raw, _) = waiting.pop().unwrap();
    assert_eq!(raw.request("connect", params(&[])).await["ok"], true);
    assert!(
        gateway.raw_with(&[]).await.is_ok(),
        "whoever is let in makes room"
    );
}

#[tokio::test]
async fn a_foreign_page_and_a_rebound_name_stay_outside() {
    let gateway = Gateway::start().await;
    let (mut raw, _) = gateway
        .raw_with(&[("origin", "https://evil.example")])
        .await
        .unwrap();
    let response = raw.request("connect", params(&["operator.admin"])).await;
    let details = json!({"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": "origin not allowed"});
    assert_eq!(response["error"]["details"], details);
    assert_eq!(
        gateway.raw_with(&[("host", "rebind.example")]).await.err(),
        Some(403)
    );
    let own = format!("http://127.0.0.1:{}", gateway.address.port());
    let (mut raw, _) = gateway.raw_with(&[("origin", &own)]).await.unwrap();
    let hello = raw.request("connect", params(&["operator.admin"])).await;
    assert_eq!(
        hello["payload"]["auth"]["scopes"],
        json!([]),
        "a page is no program of the owner"
    );
}

#[tokio::test(start_paused = true)]
async fn guessing_locks_pages_and_slows_programs() {
    let gateway = Gateway::with(Options {
        rules: Rules {
            sites: Sites {
                origins: vec!["http://page".into()],
                ..Sites::default()
            },
            ..Rules::default()
        },
        ..options()
    })
    .await;
    let attempt = async |token: &str, headers: &[(&'static str, &str)]| {
        let (mut raw, _) = gateway.raw_with(headers).await.unwrap();
        let mut params = params(&[]);
        params["auth"]["token"] = json!(token);
        let response = raw.request("connect", params).await;
        (
            response["ok"] == true,
            response["error"]["details"]["code"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    for _ in 0..10 {
        assert_eq!(
            attempt("wrong", &[("origin", "http://page")]).await.1,
            "AUTH_TOKEN_MISMATCH"
        );
    }
    let locked = (false, "AUTH_RATE_LIMITED".to_owned());
    assert_eq!(attempt(TOKEN, &[("origin", "http://page")]).await, locked);
    let started = Instant::now();
    for _ in 0..12 {
        assert_eq!(attempt("wrong", &[]).await.1, "AUTH_TOKEN_MISMATCH");
    }
    assert!(
        started.elapsed() > Duration::from_secs(30),
        "each wrong one waits longer"
    );
    assert!(attempt(TOKEN, &[]).await.0);
    // behind a proxy nobody is local
    for _ in 0..10 {
        attempt("wrong", &[("x-forwarded-for", "127.0.0.1")]).await;
    }
    assert_eq!(attempt(TOKEN, &[("x-forwarded-for", "127.0.0.1")]).await, locked);
}

#[tokio::test]
async fn a_device_proves_its_key() {
    let gateway = Gateway::start().await;
    let (mut raw, nonce) = gateway.raw().await;
    let hello = raw
        .request("connect", device::tests::signed(Some(TOKEN), &nonce, NOW))
        .await;
    assert_eq!(
        hello["payload"]["auth"]["scopes"],
        json!(["operator.read", "operator.write"]),
        "{hello}"
    );
    let presence = raw.request("system-presence", json!({})).await;
    assert_eq!(presence["payload"][1]["clientId"], "openclaw-tui");
    let (mut raw, _) = gateway.raw().await;
    let replay = raw
        .request("connect", device::tests::signed(Some(TOKEN), &nonce, NOW))
        .await;
    assert_eq!(replay["error"]["details"]["code"], "DEVICE_AUTH_NONCE_MISMATCH");
}

#[tokio::test]
async fn without_a_secret_only_this_machine_gets_in() {
    let gateway = Gateway::with(Options {
        auth: Auth::default(),
        ..options()
    })
    .await;
    let attempt = async |headers: &[(&'static str, &str)]| {
        let (mut raw, _) = gateway.raw_with(headers).await.unwrap();
        let mut params = params(&["operator.read"]);
        params["client"]["id"] = json!("gateway-client");
        params["client"]["mode"] = json!("backend");
        params["auth"] = json!({});
        raw.request("connect", params).await
    };
    assert_eq!(attempt(&[]).await["payload"]["auth"]["method"], "none");
    for header in [
        ("x-forwarded-for", "127.0.0.1"),
        ("host", "192.168.1.1"),
        ("host", "x.ts.net"),
    ] {
        let refused = attempt(&[header]).await;
        assert_eq!(
            refused["error"]["details"]["code"], "AUTH_TOKEN_NOT_CONFIGURED",
            "{header:?}"
        );
    }
}

/// A gateway behind a proxy on this machine, which says who comes.
pub(super) fn behind_a_proxy() -> Options {
    Options {
        auth: Auth {
            proxy: Some(vouching(&["ada"])),
            ..Auth::default()
        },
        rules: trusting(),
        ..options()
    }
}

fn trusting() -> Rules {
    Rules {
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..Rules::default()
    }
}

fn vouching(users: &[&str]) -> ProxyAuth {
    ProxyAuth {
        user_header: "x-user".into(),
        allow_users: users.iter().map(|&user| user.to_owned()).collect(),
        allow_loopback: true,
        ..ProxyAuth::default()
    }
}

#[tokio::test]
async fn whom_the_proxy_may_not_vouch_for_any_more_is_not_let_in_by_an_old_socket() {
    let gateway = Gateway::with(behind_a_proxy()).await;
    let came = [("x-forwarded-for", "192.0.2.9"), ("x-user", "ada")];
    let connect = async |raw: &mut Raw| {
        let mut params = params(&["operator.read"]);
        params["auth"] = json!({});
        raw.start("connect", params).await
    };
    let (mut raw, _) = gateway.raw_with(&came).await.unwrap();
    let id = connect(&mut raw).await;
    assert_eq!(
        raw.response(&id).await["payload"]["auth"]["method"],
        "trusted-proxy"
    );
    let (mut waiting, _) = gateway.raw_with(&came).await.unwrap();
    gateway
        .running
        .doorkeeper()
        .change(trusting(), Some(&vouching(&["bob"])));
    assert_eq!(raw.closed().await.0, 4001);
    connect(&mut waiting).await;
    let refused = tokio::time::timeout(Duration::from_secs(10), waiting.closed());
    assert_eq!(refused.await.expect("it is not let in").0, 4001);
}

#[tokio::test]
async fn without_a_secret_only_loopback_is_bound() {
    let open = Options {
        bind: vec!["0.0.0.0:0".parse().unwrap()],
        auth: Auth::default(),
        ..options()
    };
    let (_folder, fleet) = fleet(&open);
    let Err(error) = Server::bind(open, fleet, Arc::new(Fake::default())).await else {
        panic!("bound")
    };
    assert!(error.to_string().contains("without a secret"), "{error}");
}
