//! Our own client against our own gateway.
use super::{
    super::{
        Stop,
        client::{Client, ClientInfo, Error, Identity, Login, Response},
    },
    *,
};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(20);

async fn connect(gateway: &Gateway, token: &str, scopes: &[Scope]) -> Result<Client, Error> {
    let url = format!("ws://{}", gateway.address);
    let info = ClientInfo::cli(scopes.iter().copied());
    Client::connect(&url, Some(&Secret::new(token)), &info, DEADLINE).await
}

#[tokio::test]
async fn it_calls_and_gets_both_responses_and_events() {
    let gateway = Gateway::start().await;
    let client = connect(&gateway, TOKEN, &[Scope::Write]).await.unwrap();
    assert_eq!(client.hello()["server"]["version"], "2026.9.6");
    assert_eq!(
        client.call("health", json!({}), DEADLINE).await.unwrap()["ok"],
        true
    );
    let mut events = client.events();
    gateway.running.broadcast("chat", &json!({"n": 1}));
    let event = events.recv().await.unwrap();
    assert_eq!((event.name.as_str(), event.seq), ("chat", Some(1)));
    gateway.fake.go.notify_one();
    let params = json!({"idempotencyKey": "run-1"});
    let mut responses = client.call_streaming("agent", params, DEADLINE).await.unwrap();
    let accepted = json!({"runId": "run-1", "status": "accepted"});
    assert_eq!(
        responses.next().await.unwrap().unwrap(),
        Response::Interim(accepted)
    );
    let ended = json!({"runId": "run-1", "status": "ok"});
    assert_eq!(responses.next().await.unwrap().unwrap(), Response::Final(ended));
    assert!(responses.next().await.is_none());
}

#[tokio::test]
async fn its_errors_say_what_to_do() {
    let gateway = Gateway::start().await;
    let refused = connect(&gateway, "wrong", &[]).await.unwrap_err().to_string();
    assert!(
        refused.contains("token mismatch") && refused.contains("--token"),
        "{refused}"
    );
    assert!(
        !refused.contains("wrong"),
        "the secret is not repeated: {refused}"
    );
    let client = connect(&gateway, TOKEN, &[Scope::Read]).await.unwrap();
    let Err(Error::Failed { code, details, .. }) = client.call("config.set", json!({}), DEADLINE).await
    else {
        panic!("permitted")
    };
    assert_eq!(
        (code.as_str(), &details["missingScope"]),
        ("FORBIDDEN", &json!("operator.admin"))
    );
    let slow = client.call_streaming("slow", json!({}), DEADLINE).await.unwrap();
    let mut slow = slow;
    // the call has arrived before the gateway stops
    client.call("health", json!({}), DEADLINE).await.unwrap();
    let address = gateway.address;
    let (_, lost) = tokio::join!(gateway.running.stop(Stop::Shutdown), slow.next());
    assert!(
        matches!(lost, Some(Err(Error::Closed { code: 1012, .. }))),
        "{lost:?}"
    );
    let url = format!("ws://user:secret@{address}/?token=secret");
    let gone = Client::connect(&url, None, &ClientInfo::cli([]), DEADLINE)
        .await
        .unwrap_err();
    assert!(matches!(gone, Error::NotRunning { .. }), "{gone:?}");
    let gone = gone.to_string();
    assert!(
        gone.contains(&address.to_string()) && gone.contains("`openclaw gateway`"),
        "{gone}"
    );
    assert!(!gone.contains("secret"), "{gone}");
}

#[tokio::test]
async fn a_gateway_without_a_secret_lets_in_who_shows_a_device() {
    let gateway = Gateway::with(Options {
        auth: Auth::default(),
        ..options()
    })
    .await;
    let url = format!("ws://{}", gateway.address);
    let info = ClientInfo::cli([Scope::Admin]);
    // as a token that was left from before, which opens nothing here
    let refused = connect(&gateway, "left", &[]).await.unwrap_err().to_string();
    assert!(
        refused.contains("device identity required") && refused.contains("restart it"),
        "{refused}"
    );
    let folder = tempfile::tempdir().unwrap();
    let device = Identity::load(&folder.path().join("device.key")).unwrap();
    let login = Login {
        device: Some(Arc::new(device)),
        ..Login::default()
    };
    let client = Client::log_in(&url, &login, &info, DEADLINE).await.unwrap();
    let auth = &client.hello()["auth"];
    assert_eq!(
        (&auth["method"], &auth["scopes"]),
        (&json!("none"), &json!(["operator.admin"])),
        "{auth}"
    );
    assert!(auth["deviceToken"].is_null(), "{auth}");
}

#[tokio::test]
async fn who_is_refused_hears_what_its_gateway_takes() {
    let word = Auth {
        password: Some(Secret::new("a-password-for-tests")),
        ..Auth::default()
    };
    let gateway = Gateway::with(Options {
        auth: word,
        ..options()
    })
    .await;
    let login = Login {
        password: Some(Secret::new("wrong")),
        ..Login::default()
    };
    let url = format!("ws://{}", gateway.address);
    let refused = Client::log_in(&url, &login, &ClientInfo::cli([]), DEADLINE).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("--password") && !refused.contains("--token"),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_says_nothing_times_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let error = Client::connect(&url, None, &ClientInfo::cli([]), DEADLINE)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
}
