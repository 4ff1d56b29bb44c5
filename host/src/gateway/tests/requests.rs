//! After `hello-ok`: frames, calls, events, and the end.
use super::{super::Stop, *};
use crate::gateway::{AuthMethod, Principal, limits};
use tokio::time::Duration;

const READ: &[&str] = &["operator.read"];
const WRITE: &[&str] = &["operator.write"];

#[tokio::test]
async fn bad_frames_are_answered_and_the_connection_stays() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client(READ).await;
    client.send("garbage").await;
    client.send(json!({"foo": 1}).to_string()).await;
    let error = client.response("invalid").await["error"].take();
    let text =
        "invalid request frame: must have required property 'type'; at root: unexpected property 'foo'";
    assert_eq!(error, json!({"code": "INVALID_REQUEST", "message": text}));
    let again = client.request("connect", params(&[])).await;
    assert_eq!(
        again["error"]["message"],
        "connect is only valid as the first request"
    );
    let frame = json!({"type": "req", "id": "b", "method": "health"}).to_string();
    client.send(Message::binary(frame.into_bytes())).await;
    let health = client.response("b").await["payload"].take();
    assert_eq!((&health["ok"], &health["ts"]), (&json!(true), &json!(NOW)));
    assert_eq!(health["channels"], json!({}));
    let status = client.request("status", json!({})).await;
    assert_eq!(status["payload"]["runtimeVersion"], "2026.9.6");
}

#[tokio::test]
async fn an_agent_answers_twice_and_a_slow_call_delays_no_other() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client(WRITE).await;
    let agent = client.start("agent", json!({"idempotencyKey": "run-1"})).await;
    assert_eq!(client.response(&agent).await["payload"]["status"], "accepted");
    assert_eq!(client.request("health", json!({})).await["ok"], true);
    // the same key while it runs: the work is done once
    let again = client.start("agent", json!({"idempotencyKey": "run-1"})).await;
    assert_eq!(client.response(&again).await["payload"]["status"], "accepted");
    gateway.fake.go.notify_one();
    let mut ended = [client.receive().await, client.receive().await].map(|mut it| it["id"].take());
    ended.sort_by_key(Value::to_string);
    assert_eq!(ended, [json!(agent), json!(again)]);
    // and after its end, from another connection
    let mut other = gateway.client(WRITE).await;
    let replay = other.request("agent", json!({"idempotencyKey": "run-1"})).await;
    assert_eq!(replay["payload"], json!({"runId": "run-1", "status": "ok"}));
    assert_eq!(gateway.fake.runs.load(Ordering::SeqCst), 1);
    let missing = other.request("agent", json!({})).await;
    assert_eq!(
        missing["error"]["message"],
        "invalid agent params: must have required property 'idempotencyKey'"
    );
}

#[tokio::test]
async fn a_failed_run_has_payload_and_error() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client(WRITE).await;
    gateway.fake.go.notify_one();
    let agent = client
        .start("agent", json!({"idempotencyKey": "k", "message": "fail"}))
        .await;
    client.response(&agent).await;
    let failed = client.response(&agent).await;
    assert_eq!(failed["ok"], false);
    assert_eq!(failed["payload"]["status"], "error");
    assert_eq!(
        failed["error"],
        json!({"code": "UNAVAILABLE", "message": "no model answers"})
    );
}

#[tokio::test]
async fn a_handler_that_panics_hurts_its_request_only() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client(READ).await;
    assert_eq!(
        client.request("boom", json!({})).await["error"]["code"],
        "UNAVAILABLE"
    );
    assert_eq!(client.request("health", json!({})).await["ok"], true);
}

#[tokio::test]
async fn calls_at_once_are_bounded() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client(READ).await;
    for _ in 0..limits::MAX_CALLS_PER_CLIENT {
        client.start("slow", json!({})).await;
    }
    let refused = client.request("slow", json!({})).await;
    assert_eq!(refused["error"]["retryable"], true, "{refused}");
}

#[tokio::test]
async fn events_reach_who_may_see_them_in_an_unbroken_sequence() {
    let gateway = Gateway::start().await;
    let mut reader = gateway.client(READ).await;
    let mut nobody = gateway.client(&[]).await;
    let events = gateway.running.events();
    events.broadcast("chat", &json!({"n": 1}));
    events.broadcast("exec.approval.requested", &json!({}));
    events.broadcast("unheard.of", &json!({}));
    events.broadcast_to("chat", &json!({"n": 2}), |caller| {
        caller.caps.iter().any(|cap| cap == "none has it")
    });
    events.broadcast("health", &json!({"ok": true}));
    let chat = reader.receive().await;
    assert_eq!(
        chat,
        json!({"type": "event", "event": "chat", "payload": {"n": 1}, "seq": 1})
    );
    let health = reader.receive().await;
    assert_eq!(
        (&health["seq"], &health["stateVersion"]["health"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(nobody.receive().await["seq"], 1, "health only");
}

#[tokio::test(start_paused = true)]
async fn ticks_come_and_a_dead_client_goes() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client(&[]).await;
    let tick = client.event("tick").await;
    assert_eq!(tick["payload"]["ts"], NOW);
    // it reads no more, so it answers no ping
    let clients = async {
        while gateway.running.events().clients() > 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(2 * limits::PING + Duration::from_secs(2), clients)
        .await
        .expect("it is gone");
}

/// More events than a client that does not read is kept for; this one reads.
async fn flood(gateway: &Gateway, quick: &mut Raw) {
    let payload = json!("x".repeat(4 * 1024 * 1024));
    for n in 1..20 {
        gateway.running.broadcast("chat", &payload);
        assert_eq!(quick.event("chat").await["seq"], n);
    }
}

#[tokio::test]
async fn a_slow_consumer_is_closed_and_delays_nobody() {
    let gateway = Gateway::start().await;
    let mut slow = gateway.client(READ).await;
    let mut quick = gateway.client(READ).await;
    flood(&gateway, &mut quick).await;
    let (code, reason) = slow.closed().await;
    assert_eq!((code, reason.as_str()), (1008, "slow consumer"));
}

#[tokio::test]
async fn nothing_is_done_for_who_is_sent_away_and_does_not_read_it() {
    let gateway = Gateway::start().await;
    let mut slow = gateway.client(READ).await;
    let mut quick = gateway.client(READ).await;
    flood(&gateway, &mut quick).await;
    slow.start("needs.operator.read", json!({})).await;
    // it is looked at before the client reads again
    for _ in 0..4 {
        quick.request("health", json!({})).await;
    }
    assert_eq!(slow.closed().await.0, 1008);
    assert_eq!(gateway.fake.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn large_messages_pass_after_authentication_up_to_the_limit() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client(READ).await;
    let large = "x".repeat(1024 * 1024);
    let echo = client
        .request("needs.operator.read", json!({"text": large}))
        .await;
    assert_eq!(
        echo["payload"]["params"]["text"].as_str().map(str::len),
        Some(1024 * 1024)
    );
    client.send(" ".repeat(limits::MAX_MESSAGE + 1)).await;
    assert_eq!(client.closed().await.0, 1009);
}

#[tokio::test]
async fn stopping_tells_everybody_and_lets_nobody_in() {
    for (why, payload) in [
        (Stop::Shutdown, json!({"reason": "gateway stopping"})),
        (
            Stop::Restart,
            json!({"reason": "gateway restarting", "restartExpectedMs": 1500}),
        ),
    ] {
        let gateway = Gateway::start().await;
        let mut client = gateway.client(&[]).await;
        let (mut waiting, _) = gateway.raw().await;
        let address = gateway.address;
        let watch = async {
            let last = client.event("shutdown").await;
            assert_eq!(last["payload"], payload);
            assert_eq!(client.closed().await, (1012, "service restart".to_owned()));
            assert_eq!(waiting.closed().await.0, 1012);
            // dropped, so that nothing is left to wait for
            drop((client, waiting));
        };
        tokio::join!(gateway.running.stop(why), watch);
        assert!(TcpStream::connect(address).await.is_err());
    }
}

#[tokio::test]
async fn new_secrets_send_the_old_ones_away() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client(READ).await;
    let other = Auth {
        password: Some(Secret::new("another")),
        ..Auth::default()
    };
    gateway.running.replace_auth(&other).unwrap();
    assert_eq!(client.closed().await.0, 4001);
    let (mut raw, _) = gateway.raw().await;
    assert_eq!(raw.request("connect", params(&[])).await["ok"], false);
    let (mut raw, _) = gateway.raw().await;
    let mut with_password = params(&[]);
    with_password["auth"] = json!({"password": "another"});
    let hello = raw.request("connect", with_password).await;
    assert_eq!(hello["payload"]["auth"]["method"], AuthMethod::Password.name());
}

/// What a principal shows of itself holds no secret.
#[test]
fn secrets_are_not_shown() {
    fn shows<T: std::fmt::Debug>() {}
    shows::<Principal>();
    assert!(!format!("{:?}", options()).contains(TOKEN));
}

#[tokio::test]
async fn rows_that_come_and_go_are_guarded_like_the_others_and_take_nobodys_place() {
    let gateway = Gateway::start().await;
    let mut reader = gateway.client(READ).await;
    let refused = reader.request("bird.sing", json!({})).await;
    assert_eq!(refused["error"]["details"]["missingScope"], "operator.approvals");
    let mut approver = gateway.client(&["operator.approvals"]).await;
    assert_eq!(approver.request("bird.sing", json!({})).await["ok"], true);
    // a row of the gateway's own goes before one that has its name
    let slow = reader.start("slow", json!({})).await;
    gateway.fake.go.notify_one();
    assert_eq!(reader.response(&slow).await["ok"], true);
}

#[tokio::test]
async fn events_of_plugins_go_to_those_who_may_write_and_imitate_none_of_ours() {
    let gateway = Gateway::start().await;
    let (mut reader, mut writer) = (gateway.client(READ).await, gateway.client(WRITE).await);
    let events = gateway.running.events();
    for name in [
        "exec.approval.requested",
        "config.changed",
        "chat",
        "word",
        "bird.sang",
    ] {
        events.broadcast_of_plugin(name, &json!({"from": "a plugin"}));
    }
    events.broadcast("chat", &json!({"last": true}));
    assert_eq!(writer.receive().await["event"], "bird.sang");
    assert_eq!(writer.receive().await["payload"], json!({"last": true}));
    assert_eq!(reader.receive().await["payload"], json!({"last": true}));
}
