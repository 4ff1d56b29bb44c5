//! The configuration over the gateway's protocol, at the real program: conflicts, secrets that come back, changes that
//! run at once, changes that are refused, and plugins that are switched on and off.
use openclaw_e2e::{
    chat::{Chat, TOKEN},
    running::{Home, Running},
};
use serde_json::{Value, json};

/// A file as a person writes it.
const WRITTEN: &str = r#"{
  // who gets in
  gateway: { mode: "local", auth: { token: "a-token-for-chat-clients" } },
  agents: { defaults: { model: { primary: "demo/echo" } } }, // the demonstration
  models: { providers: { one: {
    baseUrl: "http://127.0.0.1:1/v1", api: "openai-completions", apiKey: "sk-a-stored-secret",
    models: [{ id: "m", name: "M", contextWindow: 9000 }, { id: "n", contextWindow: 8000 }],
  } } },
}
"#;

/// What stands for a secret.
const HIDDEN: &str = "__OPENCLAW_REDACTED__";

async fn written(text: &str) -> (Home, Running, Chat) {
    let home = Home::new(&["demo", "openai"]);
    home.write_config(text);
    let gateway = home.start().await;
    let client = Chat::connect(&gateway).await;
    (home, gateway, client)
}

async fn hash(client: &mut Chat) -> String {
    let got = client.call("config.get", json!({})).await.expect("it is shown");
    got["hash"].as_str().expect("a hash").to_owned()
}

fn file(home: &Home) -> String {
    std::fs::read_to_string(home.config_file()).expect("it is there")
}

#[tokio::test]
async fn secrets_are_hidden_come_back_and_stay_what_they_were() {
    let (home, gateway, mut client) = written(WRITTEN).await;
    let got = client.call("config.get", json!({})).await.expect("it is shown");
    assert!(
        !got.to_string().contains("sk-a-stored-secret") && !got.to_string().contains(TOKEN),
        "{got}"
    );
    assert_eq!(got["config"]["models"]["providers"]["one"]["apiKey"], HIDDEN);
    assert_eq!(
        (&got["valid"], &got["exists"], &got["issues"]),
        (&json!(true), &json!(true), &json!([]))
    );
    assert_eq!(got["configRevisionHash"], got["appliedConfigHash"]);
    assert_eq!(
        client.hello["snapshot"]["appliedConfigHash"],
        got["appliedConfigHash"]
    );
    let raw = got["raw"].as_str().expect("a text");
    assert!(raw.contains("// who gets in"), "{raw}");

    // the text of the page, with one change and the placeholders as they are
    let raw = raw.replace("contextWindow: 9000", "contextWindow: 9100");
    let set = client
        .call("config.apply", json!({ "raw": raw, "baseHash": got["hash"] }))
        .await
        .expect("applied");
    assert_eq!(set["sentinel"]["payload"]["status"], "ok", "{set}");
    let text = file(&home);
    assert!(
        text.contains("sk-a-stored-secret") && text.contains(TOKEN) && !text.contains(HIDDEN),
        "{text}"
    );
    assert!(
        text.contains("contextWindow: 9100") && text.contains("// the demonstration"),
        "{text}"
    );

    // the value of a program: strict JSON, and the file keeps its form
    let mut value = set["config"].clone();
    value["logging"] = json!({ "level": "debug" });
    let raw = value.to_string();
    client
        .call("config.set", json!({ "raw": raw, "baseHash": set["hash"] }))
        .await
        .expect("written");
    let text = file(&home);
    assert!(
        text.contains("sk-a-stored-secret") && text.contains("// who gets in") && text.contains("debug"),
        "{text}"
    );

    // a placeholder for what is not there
    let base = hash(&mut client).await;
    let raw = json!({ "models": { "providers": { "two": { "apiKey": HIDDEN, "baseUrl": "http://127.0.0.1:1" } } } });
    let refused = client
        .call(
            "config.patch",
            json!({ "raw": raw.to_string(), "baseHash": base }),
        )
        .await;
    let refused = refused.expect_err("nothing is stored there");
    assert_eq!(
        refused["details"]["issues"][0]["path"], "models.providers.two.apiKey",
        "{refused}"
    );

    // who may only read sees no comments
    let mut reader = Chat::with(&gateway, &["operator.read"], &[]).await;
    let got = reader.call("config.get", json!({})).await.expect("it is shown");
    assert!(!got["raw"].as_str().expect("a text").contains("// who"), "{got}");
    let refused = reader
        .call("config.set", json!({ "raw": "{}" }))
        .await
        .expect_err("a reader");
    assert_eq!(refused["details"]["missingScope"], "operator.admin");
    gateway.stop().await;
}

#[tokio::test]
async fn a_patch_runs_at_once_and_whoever_read_something_older_is_refused() {
    let (home, gateway, mut client) = written(WRITTEN).await;
    let mut other = Chat::connect(&gateway).await;
    let base = hash(&mut client).await;
    let raw = json!({ "models": { "providers": { "one": { "models": [{ "id": "n", "contextWindow": 8500 }] } } },
        "agents": { "entries": { "main": { "name": "Mary" } } } });
    let patch = json!({ "raw": raw.to_string(), "baseHash": base, "note": "by a test" });
    let done = client.call("config.patch", patch.clone()).await.expect("patched");
    assert_eq!(
        done["changedPaths"],
        json!([
            "agents.entries.main.name",
            "models.providers.one.models[1].contextWindow"
        ]),
        "{done}"
    );
    assert_eq!(done["sentinel"]["payload"]["stats"]["requiresRestart"], false);
    // it runs already
    let agents = client.call("agents.list", json!({})).await.expect("a list");
    assert!(agents.to_string().contains("Mary"), "{agents}");
    let got = client.call("config.get", json!({})).await.expect("it is shown");
    assert_eq!(
        (&got["hash"], &got["configRevisionHash"]),
        (&done["hash"], &got["appliedConfigHash"])
    );
    let told = other
        .until("the change", |frame| frame["event"] == "config.changed")
        .await;
    assert_eq!(told["payload"]["hash"], done["hash"]);

    let stale = client
        .call("config.patch", patch)
        .await
        .expect_err("it is another file now");
    assert_eq!(
        stale["message"],
        "config changed since last load; re-run config.get and retry"
    );
    let without = client
        .call("config.patch", json!({ "raw": "{}" }))
        .await
        .expect_err("no hash");
    assert!(
        without["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("config base hash required for"))
    );

    let before = file(&home);
    for (raw, path) in [
        (r#"{gateway: {prot: 1}}"#, "gateway.prot"),
        (
            r#"{agents: {defaults: {timeoutSeconds: "soon"}}}"#,
            "agents.defaults.timeoutSeconds",
        ),
    ] {
        let refused = client
            .call("config.patch", json!({ "raw": raw, "baseHash": done["hash"] }))
            .await;
        let refused = refused.expect_err("it is no configuration");
        assert!(
            refused["message"]
                .as_str()
                .is_some_and(|text| text.starts_with(&format!("invalid config: {path}: "))),
            "{refused}"
        );
        assert_eq!(refused["details"]["issues"][0]["path"], path);
    }
    let lost = client
        .call("config.apply", json!({ "raw": "{}", "baseHash": done["hash"] }))
        .await;
    assert!(
        lost.expect_err("everything would be lost")["message"]
            .to_string()
            .contains("gateway.mode")
    );
    assert_eq!(file(&home), before);
    gateway.stop().await;
}

#[tokio::test]
async fn a_file_that_is_edited_by_hand_is_told_and_a_broken_one_is_shown_with_what_is_wrong() {
    let (home, gateway, mut client) = written(WRITTEN).await;
    let first = client.call("config.get", json!({})).await.expect("it is shown");
    home.write_config(&WRITTEN.replace("8000", "8001"));
    let told = client
        .until("the change", |frame| frame["event"] == "config.changed")
        .await;
    let now = client.call("config.get", json!({})).await.expect("it is shown");
    assert_eq!(told["payload"]["hash"], now["hash"]);
    assert_ne!(now["appliedConfigHash"], first["appliedConfigHash"]);

    home.write_config(&WRITTEN.replace("\"local\"", "\"nowhere\""));
    let broken = client.call("config.get", json!({})).await.expect("it is shown");
    assert_eq!(
        (&broken["valid"], &broken["issues"][0]["path"]),
        (&json!(false), &json!("gateway.mode"))
    );
    let refused = client
        .call("secrets.reload", json!({}))
        .await
        .expect_err("it can't be used");
    assert!(
        refused["message"].to_string().contains("gateway.mode"),
        "{refused}"
    );
    // and over the gateway it is mended
    let mended = json!({ "raw": WRITTEN, "baseHash": broken["hash"] });
    client
        .call("config.apply", mended)
        .await
        .expect("a configuration");
    let reloaded = client
        .call("secrets.reload", json!({}))
        .await
        .expect("it can be used");
    assert_eq!(reloaded["ok"], true);
    gateway.stop().await;
}

#[tokio::test]
async fn the_schema_says_what_there_is_and_writes_are_limited() {
    let (_home, gateway, mut client) = written(WRITTEN).await;
    let schema = client.call("config.schema", json!({})).await.expect("a schema");
    assert_eq!(schema["uiHints"]["gateway.auth.token"]["sensitive"], true);
    assert!(schema["schema"]["properties"]["channels"].is_object());
    let port = client
        .call("config.schema.lookup", json!({ "path": "gateway" }))
        .await
        .expect("a field");
    let children = port["children"].as_array().expect("a list");
    assert!(
        children
            .iter()
            .any(|child| child["path"] == "gateway.port" && child["reloadKind"] == "restart")
    );
    let none = client
        .call("config.schema.lookup", json!({ "path": "gateway.prot" }))
        .await;
    assert_eq!(
        none.expect_err("no such field")["message"],
        "config schema path not found"
    );

    let base = hash(&mut client).await;
    let patch = json!({ "raw": "{}", "baseHash": base });
    for _ in 0..30 {
        let done = client
            .call("config.patch", patch.clone())
            .await
            .expect("nothing to do");
        assert_eq!((&done["changedPaths"], &done["hash"]), (&json!([]), &json!(base)));
    }
    let limited = client.call("config.patch", patch).await.expect_err("too often");
    assert_eq!(
        (&limited["code"], &limited["retryable"]),
        (&json!("UNAVAILABLE"), &json!(true)),
        "{limited}"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_plugin_is_switched_off_and_on_while_the_gateway_runs() {
    let (home, gateway, mut client) = written(WRITTEN).await;
    let tools = |catalog: &Value| catalog["groups"].to_string().contains("count_words");
    let catalog = client
        .call("tools.catalog", json!({}))
        .await
        .expect("a catalogue");
    assert!(tools(&catalog), "{catalog}");
    let counted = json!({ "name": "count_words", "args": { "text": "one two three" } });
    let counted = client.call("tools.invoke", counted).await.expect("an answer");
    assert_eq!(
        (&counted["ok"], &counted["source"]),
        (&json!(true), &json!("plugin")),
        "{counted}"
    );

    let off = client
        .call(
            "plugins.setEnabled",
            json!({ "pluginId": "demo", "enabled": false }),
        )
        .await;
    let off = off.expect("switched off");
    assert_eq!(
        (&off["plugin"]["state"], &off["plugin"]["enabled"]),
        (&json!("disabled"), &json!(false)),
        "{off}"
    );
    client
        .until("the plugins to change", |frame| {
            frame["event"] == "plugins.changed"
        })
        .await;
    let effective = client
        .call("tools.effective", json!({ "sessionKey": "agent:main:main" }))
        .await;
    assert!(!tools(&effective.expect("an answer")));
    assert!(file(&home).contains("// who gets in"), "comments stay");

    let on = client
        .call(
            "plugins.setEnabled",
            json!({ "pluginId": "demo", "enabled": true }),
        )
        .await;
    let on = on.expect("switched on");
    assert_eq!(
        (&on["plugin"]["state"], &on["plugin"]["status"]),
        (&json!("enabled"), &json!("loaded")),
        "{on}"
    );
    let list = client.call("plugins.list", json!({})).await.expect("a list");
    let demo = list["plugins"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|row| row["id"] == "demo")
        .expect("demo");
    assert!(
        demo["metrics"]["latency"]
            .as_array()
            .is_some_and(|buckets| !buckets.is_empty()),
        "{demo}"
    );
    let inspected = client
        .call("plugins.inspect", json!({ "pluginId": "demo" }))
        .await
        .expect("it is there");
    assert_eq!(inspected["declared"]["tools"], json!(["count_words"]));
    let unknown = client
        .call("plugins.inspect", json!({ "pluginId": "dmeo" }))
        .await
        .expect_err("no such plugin");
    assert!(
        unknown["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("plugin not found: dmeo"))
    );
    gateway.stop().await;
}

#[tokio::test]
async fn the_log_is_read_from_its_file_and_goes_on_at_the_cursor() {
    let (home, gateway, mut client) = written(WRITTEN).await;
    let first = client
        .call("logs.tail", json!({ "limit": 3 }))
        .await
        .expect("lines");
    let path = first["file"].as_str().expect("a file");
    assert!(
        path.starts_with(home.state().to_str().expect("a path")) && path.contains("/logs/openclaw-"),
        "{path}"
    );
    assert!(
        first["lines"]
            .as_array()
            .is_some_and(|lines| lines.len() <= 3 && !lines.is_empty())
    );
    let _ = client
        .call("config.schema.lookup", json!({ "path": "no.such.path" }))
        .await;
    let next = client
        .call("logs.tail", json!({ "cursor": first["cursor"] }))
        .await
        .expect("lines");
    let lines = next["lines"].to_string();
    assert!(lines.contains("config.schema.lookup"), "{lines}");
    assert_eq!(
        (&next["reset"], &next["truncated"]),
        (&json!(false), &json!(false))
    );
    let shown = home
        .run(&[
            "logs",
            "--json",
            "-n",
            "5",
            "--port",
            &gateway.port,
            "--token",
            TOKEN,
        ])
        .await;
    assert!(
        shown.status.success(),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );
    let info = client.call("system.info", json!({})).await.expect("a machine");
    assert_eq!(info["pid"], gateway.pid());
    assert_eq!(client.call("last-heartbeat", json!({})).await, Ok(Value::Null));
    assert!(
        client.hello["features"]["capabilities"]
            .to_string()
            .contains("published-model-catalog")
    );
    let models = client
        .call("models.list", json!({ "view": "configured" }))
        .await
        .expect("models");
    assert!(models["models"][0]["thinkingLevels"].is_array(), "{models}");
    gateway.stop().await;
}
