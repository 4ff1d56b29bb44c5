//! Every row of the method table, called in every state: only the right scope gets an answer.
use super::*;
use crate::gateway::methods::Table;

/// Names of all rows, built-in ones included, with their scopes.
fn rows() -> Vec<(String, Scope)> {
    let table = Table::new(Fake::default().methods()).unwrap();
    table
        .names()
        .map(|name| (name.to_owned(), table.row(name).unwrap().scope))
        .collect()
}

fn is_missing_scope(response: &Value, scope: Scope) -> bool {
    let error = &response["error"];
    error["code"] == "FORBIDDEN"
        && error["message"] == format!("missing scope: {scope}")
        && error["details"]["missingScope"] == scope.name()
}

#[tokio::test]
async fn only_the_right_scope_gets_an_answer() {
    let gateway = Gateway::start().await;
    let mut nobody = gateway.client(&[]).await;
    for (name, scope) in rows() {
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
        for held in Scope::ALL {
            let expected = held == scope
                || held == Scope::Admin
                || (held == Scope::Write && matches!(scope, Scope::Read | Scope::Talk));
            let mut client = gateway.client(&[held.name()]).await;
            if !expected {
                let response = client.request(&name, json!({})).await;
                assert!(
                    is_missing_scope(&response, scope),
                    "{name} with {held}: {response}"
                );
                continue;
            }
            gateway.fake.go.notify_one();
            let response = client
                .request(&name, json!({"idempotencyKey": format!("{name}{held}")}))
                .await;
            let answered = response["ok"] == true || name == "boom";
            assert!(answered, "{name} with {held}: {response}");
        }
    }
}

#[tokio::test]
async fn a_wrong_token_calls_nothing() {
    let gateway = Gateway::start().await;
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
    let gateway = Gateway::start().await;
    for scopes in [&[][..], &["operator.admin"][..]] {
        let mut client = gateway.client(scopes).await;
        let error = client.request("no.such.method", json!({})).await["error"].take();
        assert_eq!(
            error,
            json!({"code": "INVALID_REQUEST", "message": "unknown method: no.such.method"})
        );
    }
}
