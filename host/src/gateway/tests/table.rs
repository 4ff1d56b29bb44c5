//! Every row of the method table, the real one included, called in every state: only the right scope and role get through.
use super::*;
use crate::gateway::{
    device::tests::Asked,
    methods::{Access, Table},
};

/// Names of all rows, built-in ones included, with who may call them.
fn rows() -> Vec<(String, Access)> {
    let table = Table::new(Fake::default().methods()).unwrap();
    table
        .names()
        .map(|name| (name.to_owned(), table.row(name).unwrap().access))
        .collect()
}

/// The least that a schema takes.
fn least(schema: &Value, root: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let at = name.trim_start_matches('#');
        return least(root.pointer(at).unwrap(), root);
    }
    match schema["type"].as_str() {
        Some("string") => json!("x"),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        Some("object") | None if schema.get("properties").is_some() => {
            let required = schema["required"].as_array().into_iter().flatten();
            let names = required.filter_map(Value::as_str);
            let of = |name: &str| (name.to_owned(), least(&schema["properties"][name], root));
            Value::Object(names.map(of).collect())
        }
        _ => json!({}),
    }
}

/// Parameters that each row takes.
fn params_of() -> Map<String, Value> {
    let methods = Fake::default().methods().into_iter();
    let rows = methods.map(|method| {
        let schema = method.params.map(|make| make());
        let mut params = schema.map_or_else(|| json!({}), |schema| least(&schema, &schema));
        if method.keyed {
            params["idempotencyKey"] = json!("key");
        }
        (method.name.into_owned(), params)
    });
    rows.collect()
}

fn is_missing_scope(response: &Value, scope: Scope) -> bool {
    let error = &response["error"];
    error["code"] == "FORBIDDEN"
        && error["message"] == format!("missing scope: {scope}")
        && error["details"]["missingScope"] == scope.name()
}

fn is_wrong_role(response: &Value, role: &str) -> bool {
    response["error"]["message"] == format!("unauthorized role: {role}")
}

/// A gateway whose handler answers everything by itself.
async fn gateway() -> Gateway {
    let mut gateway = Gateway::start().await;
    let options = options();
    let fake = Arc::new(Fake::default());
    gateway.running = Server::bind(options, gateway.fleet.clone(), fake.clone())
        .await
        .unwrap();
    gateway.address = gateway.running.addresses()[0];
    gateway.fake = fake;
    gateway
}

async fn node(gateway: &Gateway) -> Raw {
    let (mut raw, nonce) = gateway.raw().await;
    let asked = Asked {
        token: Some(TOKEN),
        nonce: &nonce,
        scopes: &[],
        role: "node",
        client: ("node-host", "node"),
        ..Asked::default()
    };
    let hello = raw.request("connect", asked.sign(9)).await;
    assert_eq!(hello["payload"]["auth"]["role"], "node", "{hello}");
    raw
}

#[tokio::test]
async fn only_the_right_scope_gets_an_answer() {
    let gateway = gateway().await;
    let mut nobody = gateway.client(&[]).await;
    let params = params_of();
    let mut clients = Vec::new();
    for held in Scope::ALL {
        clients.push((held, gateway.client(&[held.name()]).await));
    }
    for (name, access) in rows() {
        let (Access::Operators(scope) | Access::Both(scope)) = access else {
            continue;
        };
        // before the hello
        let (mut raw, _) = gateway.raw().await;
        let early = raw.request(&name, json!({})).await;
        assert_eq!(
            early["error"]["message"], "invalid handshake: first request must be connect",
            "{name}"
        );
        assert_eq!(raw.closed().await.0, 1008);
        // no scope
        let response = nobody.request(&name, json!({})).await;
        assert!(is_missing_scope(&response, scope), "{name}: {response}");
        // each scope by itself
        for (held, client) in &mut clients {
            let expected = *held == scope
                || *held == Scope::Admin
                || (*held == Scope::Write && matches!(scope, Scope::Read | Scope::Talk));
            if !expected {
                let response = client.request(&name, json!({})).await;
                assert!(
                    is_missing_scope(&response, scope),
                    "{name} with {held}: {response}"
                );
                continue;
            }
            gateway.fake.go.notify_one();
            let mut params = params.get(&name).cloned().unwrap_or_else(|| json!({}));
            if params.get("idempotencyKey").is_some() {
                params["idempotencyKey"] = json!(format!("{name}{held}"));
            }
            let response = client.request(&name, params).await;
            let answered = response["ok"] == true || name == "boom";
            assert!(answered, "{name} with {held}: {response}");
        }
    }
}

#[tokio::test]
async fn each_role_has_its_rows_and_strays_are_sent_away() {
    let gateway = gateway().await;
    let params = params_of();
    for (name, access) in rows() {
        let mut node = node(&gateway).await;
        let given = params.get(&name).cloned().unwrap_or_else(|| json!({}));
        let response = node.request(&name, given).await;
        match access {
            Access::Operators(_) => assert!(is_wrong_role(&response, "node"), "{name}: {response}"),
            Access::Nodes | Access::Both(_) => assert_eq!(response["ok"], true, "{name}: {response}"),
        }
    }
    let mut owner = gateway.client(&["operator.admin"]).await;
    for (name, access) in rows() {
        if access == Access::Nodes {
            let response = owner.request(&name, json!({})).await;
            assert!(is_wrong_role(&response, "operator"), "{name}: {response}");
        }
    }
    for _ in 0..=crate::gateway::limits::MAX_STRAYS {
        owner.start("node.only", json!({})).await;
    }
    assert_eq!(owner.closed().await.0, 1008);
}

#[tokio::test]
async fn wrong_parameters_have_the_texts_that_clients_know() {
    let gateway = gateway().await;
    let mut owner = gateway.client(&["operator.admin"]).await;
    let table = [
        (
            "device.pair.approve",
            json!({}),
            "must have required property 'requestId'",
        ),
        (
            "device.pair.list",
            json!({"x": 1}),
            "at root: unexpected property 'x'",
        ),
        (
            "device.pair.rename",
            json!({"deviceId": "d", "label": "x".repeat(65)}),
            "at /label: must not have more than 64 characters",
        ),
        (
            "device.token.rotate",
            json!({"deviceId": 1, "scopes": null}),
            "must have required property 'role'; at /deviceId: must be string; at /scopes: must be array",
        ),
        (
            "node.invoke",
            json!({"nodeId": "n", "command": "c", "idempotencyKey": "k", "timeoutMs": -1}),
            "at /timeoutMs: must be >= 0",
        ),
    ];
    for (method, params, text) in table {
        let response = owner.request(method, params).await;
        let expected = format!("invalid {method} params: {text}");
        assert_eq!(
            response["error"],
            json!({"code": "INVALID_REQUEST", "message": expected})
        );
    }
}

#[tokio::test]
async fn a_wrong_token_calls_nothing() {
    let gateway = gateway().await;
    let (mut raw, _) = gateway.raw().await;
    let mut params = params(&["operator.admin"]);
    params["auth"]["token"] = json!("wrong");
    let connect = raw.start("connect", params).await;
    // all rows, without waiting for the refusal
    for (name, _) in rows() {
        raw.start(&name, json!({"idempotencyKey": "k"})).await;
    }
    let refused = raw.response(&connect).await;
    assert_eq!(refused["error"]["details"]["code"], "AUTH_TOKEN_MISMATCH");
    assert_eq!(raw.closed().await.0, 1008);
    assert_eq!(gateway.fake.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_unknown_method_is_unknown_to_everybody() {
    let gateway = gateway().await;
    for scopes in [&[][..], &["operator.admin"][..]] {
        let mut client = gateway.client(scopes).await;
        let error = client.request("no.such.method", json!({})).await["error"].take();
        assert_eq!(
            error,
            json!({"code": "INVALID_REQUEST", "message": "unknown method: no.such.method"})
        );
    }
}
