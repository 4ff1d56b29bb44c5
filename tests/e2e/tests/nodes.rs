//! Commands of agents on another device: the real gateway asks the operator, then the device, and nobody else.
use openclaw_e2e::{
    chat::{Chat, TOKEN, scripted, signed},
    world::{Home, Running, soon},
};
use openclaw_fakes::openai::{OpenAi, Turn};
use serde_json::{Value, json};

/// A gateway whose agent runs commands on devices, and its operator.
async fn world() -> (OpenAi, Home, Running, Chat) {
    let (model, home, gateway) = scripted(&["shell"], |config| {
        config["tools"] = json!({ "exec": { "host": "node", "backgroundMs": 600_000 } });
    })
    .await;
    let operator = Chat::with(&gateway, &["operator.admin"], &["approvals"]).await;
    (model, home, gateway, operator)
}

/// A device that offers to run commands, let in by the operator.
async fn device(gateway: &Running, operator: &mut Chat) -> Chat {
    let node = Chat::challenged(gateway, |nonce| signed(attic(), 7, nonce)).await;
    let asked = operator
        .until("a device that asks", |frame| {
            frame["event"] == "node.pair.requested"
        })
        .await;
    let request = json!({ "requestId": asked["payload"]["requestId"] });
    operator
        .call("node.pair.approve", request)
        .await
        .expect("approved");
    node
}

/// What the device says of itself.
fn attic() -> Value {
    json!({
        "minProtocol": 4, "maxProtocol": 4, "role": "node", "scopes": [], "caps": ["system"], "commands": ["system.run"],
        "client": { "id": "node-host", "version": "1", "platform": "linux", "deviceFamily": "Linux", "mode": "node",
            "displayName": "attic" },
        "auth": { "token": TOKEN },
    })
}

/// Has the model ask for a command, and then say these words.
async fn ask(model: &OpenAi, operator: &mut Chat, id: &str, arguments: Value, then: &str) {
    model.script(Turn::call(id, "exec", &arguments));
    model.script(Turn::text(then));
    let message = json!({ "sessionKey": "agent:main:main", "message": "please do it", "idempotencyKey": id });
    operator.call("chat.send", message).await.expect("taken");
}

/// What the model was told of its call, in its `n`th request.
async fn told(model: &OpenAi, n: usize) -> String {
    let bodies = soon("the model's being asked", model.heard(n)).await;
    let messages = bodies[n - 1]["messages"].as_array().cloned().unwrap_or_default();
    messages
        .last()
        .map(|message| message["content"].to_string())
        .unwrap_or_default()
}

/// Answers the question that comes next; gives what was asked.
async fn resolve(operator: &mut Chat, decision: &str) -> Value {
    let asked = operator
        .until("a question", |frame| frame["event"] == "exec.approval.requested")
        .await;
    operator.frames.clear();
    let answer = json!({ "id": asked["payload"]["id"], "decision": decision });
    operator
        .call("exec.approval.resolve", answer)
        .await
        .expect("answered");
    asked["payload"]["request"].clone()
}

#[tokio::test]
async fn a_device_runs_what_the_operator_allowed_and_nothing_else() {
    let (model, _home, gateway, mut operator) = world().await;
    let mut node = device(&gateway, &mut operator).await;
    let arguments = json!({ "command": "uname; echo $A", "env": { "A": "b" }, "workdir": "/srv" });
    ask(&model, &mut operator, "call_1", arguments, "Done.").await;
    let asked = resolve(&mut operator, "allow-once").await;
    assert_eq!(
        (&asked["host"], &asked["command"]),
        (&json!("node"), &json!("uname; echo $A")),
        "{asked}"
    );
    let request = node
        .until("being asked", |frame| frame["event"] == "node.invoke.request")
        .await["payload"]
        .take();
    assert_eq!(request["command"], "system.run");
    let params: Value = serde_json::from_str(request["paramsJSON"].as_str().expect("text")).expect("JSON");
    assert_eq!(params["command"], json!(["/bin/sh", "-lc", "uname; echo $A"]));
    assert_eq!(
        (&params["cwd"], &params["env"]),
        (&json!("/srv"), &json!({ "A": "b" }))
    );
    let payload =
        json!({ "exitCode": 3, "stdout": "Attic\nb\n", "stderr": "", "timedOut": false, "success": false });
    let result = json!({ "id": request["id"], "nodeId": request["nodeId"], "ok": true, "payload": payload });
    node.call("node.invoke.result", result).await.expect("taken");
    let said = told(&model, 2).await;
    assert!(said.contains("Attic") && said.contains("code 3"), "{said}");
    // what is denied is not sent
    node.frames.clear();
    ask(
        &model,
        &mut operator,
        "call_2",
        json!({ "command": "rm -rf /" }),
        "Not so.",
    )
    .await;
    resolve(&mut operator, "deny").await;
    let said = told(&model, 4).await;
    assert!(said.contains("does not allow it"), "{said}");
    // a command that takes what it was not given is refused before anybody is asked
    let loader = json!({ "command": "id", "env": { "LD_PRELOAD": "/tmp/x.so" } });
    ask(&model, &mut operator, "call_3", loader, "Nor so.").await;
    let said = told(&model, 6).await;
    assert!(said.contains("LD_PRELOAD"), "{said}");
    assert!(
        node.frames
            .iter()
            .all(|frame| frame["event"] != "node.invoke.request"),
        "{:?}",
        node.frames
    );
    gateway.stop().await;
}

#[tokio::test]
async fn without_a_device_the_model_is_told_what_is_missing() {
    let (model, _home, gateway, mut operator) = world().await;
    ask(
        &model,
        &mut operator,
        "call_1",
        json!({ "command": "uname" }),
        "There is none.",
    )
    .await;
    let said = told(&model, 2).await;
    assert!(
        said.contains("no device") && said.contains("openclaw nodes"),
        "{said}"
    );
    gateway.stop().await;
}
