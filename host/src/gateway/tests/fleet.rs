//! Devices and nodes over real sockets: pairing, tokens, revocation, and asking a node to do something.
use super::*;
use crate::gateway::{NodePolicy, Rules, device::tests::Asked};
use tokio::time::{Duration, Instant};

/// From elsewhere, as far as the gateway can see.
const ELSEWHERE: &[(&str, &str)] = &[("x-forwarded-for", "192.0.2.9")];

pub(super) async fn device(
    gateway: &Gateway,
    number: u8,
    asked: Asked<'_>,
    headers: &[(&'static str, &str)],
) -> (Raw, Value) {
    let (mut raw, nonce) = gateway.raw_with(headers).await.unwrap();
    let params = Asked {
        nonce: &nonce,
        ..asked
    }
    .sign(number);
    let answer = raw.request("connect", params).await;
    (raw, answer)
}

pub(super) fn terminal(token: &str) -> Asked<'_> {
    Asked {
        token: Some(token),
        ..Asked::default()
    }
}

fn node<'a>(commands: &'a [&'a str]) -> Asked<'a> {
    Asked {
        token: Some(TOKEN),
        scopes: &[],
        role: "node",
        client: ("node-host", "node"),
        commands,
        ..Asked::default()
    }
}

#[tokio::test]
async fn a_stranger_waits_until_the_owner_lets_it_in() {
    let gateway = Gateway::start().await;
    let mut owner = gateway.client(&["operator.admin"]).await;
    let (mut stranger, refused) = device(&gateway, 1, terminal(TOKEN), ELSEWHERE).await;
    assert_eq!(refused["error"]["code"], "NOT_PAIRED");
    assert_eq!(
        refused["error"]["message"],
        "pairing required: device is not approved yet"
    );
    let request = refused["error"]["details"]["requestId"]
        .as_str()
        .unwrap()
        .to_owned();
    let (code, reason) = stranger.closed().await;
    assert_eq!(code, 1008);
    assert!(reason.ends_with(&format!("(requestId: {request})")), "{reason}");
    let event = owner.event("device.pair.requested").await;
    assert_eq!(event["payload"]["requestId"], request.as_str());
    // it asks again and is the same request
    let (_, again) = device(&gateway, 1, terminal(TOKEN), ELSEWHERE).await;
    assert_eq!(again["error"]["details"]["requestId"], request.as_str());
    // what it asks for more is not what the owner has seen
    let more = Asked {
        scopes: &["operator.admin"],
        ..terminal(TOKEN)
    };
    let (_, refused) = device(&gateway, 1, more, ELSEWHERE).await;
    let other = &refused["error"]["details"]["requestId"];
    assert!(other.is_string() && *other != request.as_str(), "{refused}");
    let seen = owner
        .request("device.pair.approve", json!({"requestId": request}))
        .await;
    assert_eq!(seen["error"]["message"], "unknown requestId");
    let (_, again) = device(&gateway, 1, terminal(TOKEN), ELSEWHERE).await;
    let request = again["error"]["details"]["requestId"]
        .as_str()
        .unwrap()
        .to_owned();
    // somebody who holds less can't give it more
    let mut clerk = gateway.client(&["operator.pairing"]).await;
    let params = json!({"requestId": request});
    let response = clerk.request("device.pair.approve", params.clone()).await;
    assert_eq!(
        response["error"]["details"]["code"], "MISSING_SCOPE",
        "{response}"
    );
    let approved = owner.request("device.pair.approve", params.clone()).await;
    assert_eq!(
        approved["payload"]["device"]["approvedVia"], "owner",
        "{approved}"
    );
    let unknown = owner.request("device.pair.approve", params).await;
    assert_eq!(unknown["error"]["message"], "unknown requestId");
    let (_terminal, hello) = device(&gateway, 1, terminal(TOKEN), ELSEWHERE).await;
    assert_eq!(
        hello["payload"]["auth"]["scopes"],
        json!(["operator.read", "operator.write"])
    );
    let list = owner.request("device.pair.list", json!({})).await["payload"].take();
    assert_eq!(
        (
            list["pending"].as_array().unwrap().len(),
            &list["paired"][0]["connected"]
        ),
        (0, &json!(true))
    );
    assert!(!list.to_string().contains("hash"), "{list}");
}

#[tokio::test]
async fn a_revoked_token_sends_its_device_away_within_a_second() {
    let gateway = Gateway::start().await;
    let mut owner = gateway.client(&["operator.admin"]).await;
    let (_first, hello) = device(&gateway, 1, terminal(TOKEN), &[]).await;
    let token = hello["payload"]["auth"]["deviceToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let (mut live, hello) = device(&gateway, 1, terminal(&token), ELSEWHERE).await;
    assert_eq!(hello["payload"]["auth"]["method"], "device-token", "{hello}");
    let list = owner.request("device.pair.list", json!({})).await["payload"].take();
    let id = list["paired"][0]["deviceId"].clone();
    let started = Instant::now();
    let params = json!({"deviceId": id, "role": "operator"});
    let revoked = owner.request("device.token.revoke", params).await;
    assert!(revoked["payload"]["revokedAtMs"].is_i64(), "{revoked}");
    assert_eq!(live.closed().await.0, 4001);
    assert!(started.elapsed() < Duration::from_secs(1));
    let (_, refused) = device(&gateway, 1, terminal(&token), ELSEWHERE).await;
    assert_eq!(refused["error"]["details"]["code"], "AUTH_TOKEN_MISMATCH");
    // taken away altogether, it is a stranger again
    let removed = owner.request("device.pair.remove", json!({"deviceId": id})).await;
    assert_eq!(removed["payload"], json!({"deviceId": id}));
    let (_, refused) = device(&gateway, 1, terminal(TOKEN), ELSEWHERE).await;
    assert_eq!(refused["error"]["details"]["reason"], "not-paired");
}

#[tokio::test]
async fn a_device_decides_about_itself_only_and_gets_its_new_token() {
    let gateway = Gateway::start().await;
    let pairing = |token| Asked {
        scopes: &["operator.pairing"],
        ..terminal(token)
    };
    let (_other, _) = device(&gateway, 2, terminal(TOKEN), &[]).await;
    let (_first, hello) = device(&gateway, 1, pairing(TOKEN), &[]).await;
    let token = hello["payload"]["auth"]["deviceToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let (mut own, _) = device(&gateway, 1, pairing(&token), &[]).await;
    let list = own.request("device.pair.list", json!({})).await["payload"].take();
    let rows = list["paired"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "of others it knows nothing");
    let id = rows[0]["deviceId"].clone();
    let mut owner = gateway.client(&["operator.admin"]).await;
    let all = owner.request("device.pair.list", json!({})).await["payload"].take();
    let rows = all["paired"].as_array().unwrap();
    let other = rows.iter().find(|row| row["deviceId"] != id).unwrap()["deviceId"].clone();
    for method in ["device.pair.remove", "device.token.revoke"] {
        let mut params = json!({"deviceId": other});
        if method.contains("token") {
            params["role"] = json!("operator");
        }
        let refused = own.request(method, params).await;
        assert_eq!(refused["error"]["code"], "FORBIDDEN", "{method}: {refused}");
    }
    let wider = json!({"deviceId": id, "role": "operator", "scopes": ["operator.admin"]});
    let refused = own.request("device.token.rotate", wider).await;
    assert_eq!(refused["error"]["code"], "INVALID_REQUEST", "{refused}");
    let params = json!({"deviceId": id, "role": "operator"});
    let withheld = owner.request("device.token.rotate", params.clone()).await;
    assert_eq!(withheld["payload"]["tokenDelivery"], "withheld-cross-device");
    assert!(withheld["payload"].get("token").is_none());
    assert_eq!(own.closed().await.0, 4001);
    let (mut own, _) = device(&gateway, 1, pairing(TOKEN), &[]).await;
    let rotated = own.request("device.token.rotate", params).await;
    let new = rotated["payload"]["token"].as_str().unwrap().to_owned();
    let (_, hello) = device(&gateway, 1, pairing(&new), ELSEWHERE).await;
    assert_eq!(hello["payload"]["auth"]["method"], "device-token");
}

#[tokio::test]
async fn a_node_is_asked_only_what_it_was_allowed() {
    let gateway = Gateway::start().await;
    let mut owner = gateway.client(&["operator.admin"]).await;
    let (mut node, hello) = device(&gateway, 5, node(&["device.info", "system.run"]), &[]).await;
    assert_eq!(hello["payload"]["auth"]["role"], "node", "{hello}");
    let asked = owner.event("node.pair.requested").await["payload"].take();
    assert_eq!(
        asked["requiredApproveScopes"],
        json!(["operator.pairing", "operator.admin"])
    );
    let id = asked["nodeId"].clone();
    let row = owner.request("node.list", json!({})).await["payload"]["nodes"][0].take();
    assert_eq!(
        (&row["approvalState"], &row["commands"], &row["connected"]),
        (&json!("pending-approval"), &json!([]), &json!(true))
    );
    let invoke = |key: &str| json!({"nodeId": id, "command": "device.info", "params": {"a": 1}, "idempotencyKey": key});
    let early = owner.request("node.invoke", invoke("1")).await;
    assert_eq!(early["error"]["details"]["reason"], "pending approval", "{early}");
    let approved = owner
        .request("node.pair.approve", json!({"requestId": asked["requestId"]}))
        .await;
    assert_eq!(approved["payload"]["node"]["nodeId"], id, "{approved}");
    let call = owner.start("node.invoke", invoke("2")).await;
    let event = node.event("node.invoke.request").await;
    assert!(event.get("seq").is_none());
    assert_eq!(event["payload"]["paramsJSON"], "{\"a\":1}");
    let result =
        json!({"id": event["payload"]["id"], "nodeId": id, "ok": true, "payloadJSON": "{\"os\":\"x\"}"});
    let taken = node.request("node.invoke.result", result.clone()).await;
    assert_eq!(taken["payload"], json!({"ok": true}));
    let late = node.request("node.invoke.result", result).await;
    assert_eq!(late["payload"]["ignored"], true);
    let answer = owner.response(&call).await["payload"].take();
    assert_eq!(
        (&answer["ok"], &answer["payload"]["os"]),
        (&json!(true), &json!("x"))
    );
    // what takes admin takes it here too
    let mut writer = gateway.client(&["operator.write"]).await;
    let mut run = invoke("3");
    run["command"] = json!("system.run");
    let refused = writer.request("node.invoke", run).await;
    assert_eq!(refused["error"]["details"]["missingScope"], "operator.admin");
    // it goes while it is asked
    let call = owner.start("node.invoke", invoke("4")).await;
    node.event("node.invoke.request").await;
    drop(node);
    let answer = owner.response(&call).await;
    assert_eq!(answer["error"]["details"]["code"], "NOT_CONNECTED", "{answer}");
    let row = owner.request("node.describe", json!({"nodeId": id})).await["payload"].take();
    assert_eq!(
        (&row["paired"], &row["commands"]),
        (&json!(true), &json!(["device.info", "system.run"]))
    );
}

#[tokio::test]
async fn a_node_that_offers_something_else_asks_for_something_else() {
    let gateway = Gateway::start().await;
    let mut owner = gateway.client(&["operator.admin"]).await;
    let mut asked = Vec::new();
    for offered in [
        &["device.info"][..],
        &["device.info"],
        &["device.info", "system.run"],
    ] {
        let (_node, _) = device(&gateway, 5, node(offered), &[]).await;
        asked.push(owner.event("node.pair.requested").await["payload"]["requestId"].take());
    }
    assert_eq!(asked[0], asked[1], "it asks again and is the same request");
    let seen = owner
        .request("node.pair.approve", json!({"requestId": asked[0]}))
        .await;
    assert_eq!(seen["error"]["message"], "unknown requestId", "{seen}");
    let seen = owner
        .request("node.pair.approve", json!({"requestId": asked[2]}))
        .await;
    assert_eq!(seen["ok"], true, "{seen}");
}

#[tokio::test]
async fn what_a_node_may_be_asked_is_what_the_rules_of_now_say() {
    let gateway = Gateway::start().await;
    let mut owner = gateway.client(&["operator.admin"]).await;
    let (_node, _) = device(&gateway, 6, node(&["camera.snap", "device.info"]), &[]).await;
    let asked = owner.event("node.pair.requested").await["payload"].take();
    let approval = json!({"requestId": asked["requestId"]});
    owner.request("node.pair.approve", approval).await;
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let rules = [
        (names(&[]), names(&[]), json!(["device.info"])),
        (
            names(&["camera.snap"]),
            names(&["device.info"]),
            json!(["camera.snap"]),
        ),
    ];
    for (allow, deny, offered) in rules {
        let rules = Rules {
            commands: NodePolicy { allow, deny },
            ..Rules::default()
        };
        gateway.running.doorkeeper().change(rules, None);
        let row = owner
            .request("node.describe", json!({"nodeId": asked["nodeId"]}))
            .await;
        assert_eq!(row["payload"]["commands"], offered, "{row}");
    }
}

#[tokio::test]
async fn a_node_that_is_too_slow_is_told_to_stop() {
    let gateway = Gateway::start().await;
    let mut owner = gateway.client(&["operator.admin"]).await;
    let (mut node, _) = device(&gateway, 5, node(&["device.info"]), &[]).await;
    let asked = owner.event("node.pair.requested").await["payload"].take();
    owner
        .request("node.pair.approve", json!({"requestId": asked["requestId"]}))
        .await;
    let told = node.event("node.pair.resolved").await;
    assert_eq!(told["payload"]["decision"], "approved");
    let params = json!({
        "nodeId": asked["nodeId"], "command": "device.info", "timeoutMs": 20, "idempotencyKey": "k",
    });
    let call = owner.start("node.invoke", params).await;
    let request = node.event("node.invoke.request").await;
    let cancel = node.event("node.invoke.cancel").await;
    assert_eq!(cancel["payload"]["invokeId"], request["payload"]["id"]);
    assert_eq!(owner.response(&call).await["error"]["details"]["code"], "TIMEOUT");
}

#[tokio::test]
async fn what_a_node_publishes_is_shown_and_what_it_tells_is_answered_truly() {
    let gateway = Gateway::start().await;
    let mut owner = gateway.client(&["operator.read"]).await;
    let (mut node, _) = device(&gateway, 5, node(&[]), &[]).await;
    let tools = json!({"tools": [{"pluginId": "p", "name": "t", "description": "d"}]});
    let taken = node.request("node.pluginTools.update", tools).await;
    assert_eq!(taken["payload"], json!({"ok": true, "count": 1}));
    let row = owner.request("node.list", json!({})).await["payload"]["nodes"][0].take();
    assert_eq!(row["nodePluginTools"][0]["name"], "t", "{row}");
    let event = node
        .request("node.event", json!({"event": "voice.transcript"}))
        .await;
    assert_eq!(event["payload"]["handled"], false);
    let event = node
        .request("node.event", json!({"event": "node.presence.alive"}))
        .await;
    assert_eq!(event["payload"]["handled"], true);
}

#[tokio::test]
async fn a_client_of_protocol_3_gets_a_hello_of_protocol_3() {
    let gateway = Gateway::start().await;
    let (mut raw, _) = gateway.raw().await;
    let mut old = params(&["operator.read"]);
    (old["minProtocol"], old["maxProtocol"]) = (json!(3), json!(3));
    let hello = raw.request("connect", old).await["payload"].take();
    assert_eq!(hello["protocol"], 3);
    assert!(hello["features"].get("capabilities").is_none() && hello.get("auth").is_none());
    let health = raw.request("health", json!({})).await;
    assert_eq!(health["ok"], true);
}

#[tokio::test]
async fn a_devices_token_opens_what_its_scopes_permit_over_http() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let gateway = Gateway::start().await;
    let ask = async |token: &str| {
        let mut tcp = TcpStream::connect(gateway.address).await.unwrap();
        let head = format!(
            "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-forwarded-for: 192.0.2.1\r\n\
             authorization: Bearer {token}\r\n\r\n"
        );
        tcp.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let mut tokens = Vec::new();
    for (number, scopes) in [(1, &["operator.read"]), (2, &["operator.talk"])] {
        let asked = Asked {
            scopes,
            ..terminal(TOKEN)
        };
        let (_, hello) = device(&gateway, number, asked, &[]).await;
        tokens.push(
            hello["payload"]["auth"]["deviceToken"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(ask(&tokens[0]).await, "503", "not ready, and told why");
    assert_eq!(ask(&tokens[1]).await, "403");
    assert_eq!(ask("guess").await, "401");
    let mut owner = gateway.client(&["operator.admin"]).await;
    let list = owner.request("device.pair.list", json!({})).await["payload"].take();
    let rows = list["paired"].as_array().unwrap();
    for row in rows {
        let params = json!({"deviceId": row["deviceId"], "role": "operator"});
        owner.request("device.token.revoke", params).await;
    }
    assert_eq!(ask(&tokens[0]).await, "401", "taken away");
}
