//! Our own client against our own gateway.
use super::{
    super::{
        Stop,
        client::{Client, ClientInfo, Error, Response},
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

#[tokio::test(start_paused = true)]
async fn a_gateway_that_says_nothing_times_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let error = Client::connect(&url, None, &ClientInfo::cli([]), DEADLINE)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
}
