//! Plain HTTP on the gateway's port.
use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Status, head and body of the response to a request.
async fn ask(gateway: &Gateway, request: &str, headers: &str) -> (u16, String, String) {
    let mut tcp = TcpStream::connect(gateway.address).await.unwrap();
    let host = if headers.contains("host:") {
        ""
    } else {
        "host: localhost\r\n"
    };
    let request = format!("{request} HTTP/1.1\r\n{host}connection: close\r\n{headers}\r\n");
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    tcp.read_to_string(&mut response).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn probes_tell_little_without_the_secret() {
    let gateway = Gateway::start().await;
    let bearer = format!("authorization: Bearer {TOKEN}\r\n");
    let json = |body: &str| serde_json::from_str::<Value>(body).unwrap();
    let (status, head, body) = ask(&gateway, "GET /healthz", "").await;
    assert_eq!(
        (status, json(&body)),
        (200, json!({"ok": true, "status": "live"}))
    );
    for header in [
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "permissions-policy:",
    ] {
        assert!(head.contains(header), "{header} in {head}");
    }
    assert!(head.contains("x-request-id:"), "{head}");
    // a program on this machine sees more than somebody elsewhere
    let away = "x-forwarded-for: 192.0.2.1\r\n";
    let (status, _, body) = ask(&gateway, "GET /startupz", away).await;
    assert_eq!(
        (status, json(&body)),
        (200, json!({"ok": true, "status": "started"}))
    );
    let (status, _, body) = ask(&gateway, "GET /readyz", away).await;
    assert_eq!((status, json(&body)), (503, json!({"ready": false})));
    for headers in [String::new(), format!("{away}{bearer}")] {
        let (_, _, body) = ask(&gateway, "GET /startupz", &headers).await;
        assert_eq!(json(&body)["version"], "2026.9.6");
        let (_, _, body) = ask(&gateway, "GET /readyz", &headers).await;
        assert_eq!(json(&body)["failing"], json!(["channel pigeon/main"]));
    }
}

#[tokio::test]
async fn nothing_is_shared_with_other_origins() {
    let gateway = Gateway::start().await;
    let headers = "origin: https://evil.example\r\naccess-control-request-method: GET\r\n";
    for request in ["OPTIONS /healthz", "OPTIONS /", "GET /healthz"] {
        let (_, head, _) = ask(&gateway, request, headers).await;
        assert!(!head.contains("access-control-"), "{request}: {head}");
    }
    let (status, head, _) = ask(&gateway, "POST /healthz", "").await;
    assert!(status == 405 && head.contains("allow: get,head"), "{head}");
}

#[tokio::test]
async fn everything_else_is_not_there() {
    let gateway = Gateway::start().await;
    let table = [
        ("GET /", "", 404),
        ("POST /v1/chat/completions", "", 404),
        ("OPTIONS /", "", 405),
        ("POST /healthz", "", 405),
        ("HEAD /healthz", "", 200),
        // what watches a machine has a name of its own for it
        ("GET /healthz", "host: rebind.example\r\n", 200),
        ("GET /", "host: rebind.example\r\n", 403),
        (
            "GET /healthz",
            "x-real-ip: 1.2.3.4\r\nauthorization: Bearer wrong\r\n",
            200,
        ),
        (
            "GET /readyz",
            "x-real-ip: 1.2.3.4\r\nauthorization: Bearer wrong\r\n",
            401,
        ),
        ("GET /", "upgrade: websocket\r\nsec-websocket-version: 8\r\n", 426),
        (
            "GET /",
            "upgrade: websocket\r\nsec-websocket-version: 13\r\n",
            400,
        ),
        (
            "POST /",
            "upgrade: websocket\r\nsec-websocket-version: 13\r\n",
            405,
        ),
    ];
    for (request, headers, status) in table {
        assert_eq!(
            ask(&gateway, request, headers).await.0,
            status,
            "{request} {headers}"
        );
    }
}

#[tokio::test]
async fn under_a_name_that_is_not_ours_probes_tell_one_word() {
    let gateway = Gateway::start().await;
    // one channel of this gateway is down
    for (path, expected) in [("GET /startupz", 200), ("GET /readyz", 503)] {
        let (status, _, body) = ask(&gateway, path, "host: rebind.example\r\n").await;
        assert_eq!(status, expected, "{path}");
        assert!(
            !body.contains("uptimeMs") && !body.contains("version"),
            "{path}: {body}"
        );
    }
}

#[tokio::test]
async fn guessing_over_http_is_limited_before_the_secret_is_looked_at() {
    let gateway = Gateway::start().await;
    let wrong = "x-forwarded-for: 8.8.8.8\r\nauthorization: Bearer wrong\r\n";
    for _ in 0..10 {
        assert_eq!(ask(&gateway, "GET /readyz", wrong).await.0, 401);
    }
    let right = format!("x-forwarded-for: 9.9.9.9\r\nauthorization: Bearer {TOKEN}\r\n");
    let (status, head, body) = ask(&gateway, "GET /readyz", &right).await;
    assert_eq!(status, 429, "an untrusted forwarding header makes no new client");
    assert!(
        head.contains("retry-after:") && body.contains("rate_limited"),
        "{head} {body}"
    );
}
