//! How a phone is set up, exposed and watched.
use crate::world::{ADA, OURS, SID, TOKEN, World, leg};
use openclaw_e2e::running::{Home, Running, soon};
use openclaw_host::journal::Journal;
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::Stdio,
};

#[tokio::test]
async fn the_configuration_of_a_private_deployment_is_taken_and_says_what_is_missing() {
    let home = Home::new(&["voice-call"]);
    home.configure(
        &json!({ "plugins": { "entries": { "voice-call": { "enabled": true, "config": {
        "provider": "twilio", "tunnel": { "provider": "ngrok" },
        "webhookSecurity": { "allowedHosts": ["example.ngrok.app"] } } } } } }),
    );
    let mut command = home.command(&["gateway", "--port", "0"]);
    command
        .env("TWILIO_ACCOUNT_SID", SID)
        .env("TWILIO_AUTH_TOKEN", TOKEN)
        .env("TWILIO_FROM_NUMBER", OURS);
    let gateway = Running::ready(&mut command).await;
    let mut status = home.command(&["voicecall", "status", "--json"]);
    status.env("OPENCLAW_GATEWAY_PORT", &gateway.port);
    let output = tokio::task::spawn_blocking(move || status.output())
        .await
        .expect("it does not panic");
    let status: Value = serde_json::from_slice(&output.expect("it runs").stdout).expect("JSON");
    let missing =
        "plugins.entries.voice-call.config.tunnel.ngrokAuthToken is required (or set NGROK_AUTHTOKEN env)";
    assert_eq!(status["plugin"]["missing"], json!([missing]), "{status:#}");
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("setup incomplete") && !log.contains(TOKEN), "{log}");
    // without a gateway the command says the same by itself
    let alone = home.json(&["voicecall", "status", "--json"]).await;
    assert_eq!(alone["plugin"]["ready"], false, "{alone:#}");
}

/// A stand-in for `tailscale` that writes down what it is asked; gives its folder.
fn tailscale(home: &Home) -> std::path::PathBuf {
    let folder = home.state().join("bin");
    fs::create_dir_all(&folder).expect("a folder");
    let status = r#"{"BackendState": "Running", "Self": {"DNSName": "box.tail.ts.net."}}"#;
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {}\nif [ \"$1\" = status ]; then echo '{status}'; fi\n",
        folder.join("log").display()
    );
    let program = folder.join("tailscale");
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it may be run");
    folder
}

#[tokio::test]
async fn a_phone_is_exposed_by_one_command_and_closed_by_another() {
    let mut folder = None;
    let world = World::with(
        |config| {
            config.as_object_mut().expect("an object").remove("publicUrl");
        },
        |home| folder = Some(tailscale(home)),
    )
    .await;
    let log = folder.expect("it was prepared").join("log");
    let report = world.command(&["status"]).await;
    let state = report["plugin"]["state"].as_str().unwrap_or_default();
    assert!(state.contains("publicly reachable"), "{report:#}");
    let exposed = world.command(&["expose", "--path", "/calls"]).await;
    let url = "https://box.tail.ts.net/calls";
    assert_eq!(
        (&exposed["ok"], &exposed["mode"], &exposed["publicUrl"]),
        (&json!(true), &json!("funnel"), &json!(url)),
        "{exposed:#}"
    );
    // the gateway takes the change up, and opens what it names
    world.gateway.says("the public address is new").await;
    let ready = async {
        loop {
            let setup = world.command(&["setup"]).await;
            if setup["webhookUrl"] == url {
                return setup;
            }
        }
    };
    let setup = soon("the phone", ready).await;
    assert_eq!(
        setup["console"]["voiceWebhook"],
        format!("POST {url}"),
        "{setup:#}"
    );
    let asked = || fs::read_to_string(&log).unwrap_or_default();
    assert!(
        asked().contains("funnel --bg --yes --https=443 --set-path /calls http://127.0.0.1:"),
        "{}",
        asked()
    );
    // a webhook that is signed for that address is taken
    let greeted = world.signed_for(url, "", &leg("ringing", &[])).await;
    assert!(greeted.body.contains("Good day.</Say><Gather"), "{greeted:?}");
    let closed = world.command(&["expose", "--mode", "off"]).await;
    assert_eq!(
        (&closed["ok"], &closed["publicUrl"]),
        (&json!(true), &Value::Null),
        "{closed:#}"
    );
    let unmapped = async {
        while !asked().contains("funnel --yes --https=443 --set-path /calls off") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    soon("the tunnel to be closed", unmapped).await;
    let text = fs::read_to_string(world.home.config_file()).expect("it was written");
    let config: Value = serde_json::from_str(&text).expect("JSON");
    let own = &config["plugins"]["entries"]["voice-call"]["config"];
    assert_eq!(
        own["tailscale"],
        json!({"mode": "off", "path": "/calls"}),
        "{own:#}"
    );
    world.end().await;
}

#[tokio::test]
async fn who_follows_the_tail_sees_calls_change() {
    let world = World::new(|_| {}).await;
    let mut command = world
        .home
        .command(&["voicecall", "tail", "--follow", "--poll", "50"]);
    command
        .env("OPENCLAW_GATEWAY_PORT", &world.gateway.port)
        .stdout(Stdio::piped());
    let mut following = command.spawn().expect("the program runs");
    let lines = BufReader::new(following.stdout.take().expect("piped")).lines();
    let (sender, mut told) = tokio::sync::mpsc::channel::<Value>(64);
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let record = serde_json::from_str(&line).unwrap_or(Value::Null);
            if sender.blocking_send(record).is_err() {
                return;
            }
        }
    });
    let mut until = async |state: &str| loop {
        let record = soon("a record", told.recv()).await.expect("it goes on");
        if record["state"] == state {
            return record;
        }
    };
    // wherever it begins, it sees this: before it came, or as it changes
    world.signed("", &leg("ringing", &[])).await;
    let greeted = until("speaking").await;
    assert_eq!(greeted["from"], ADA, "{greeted:#}");
    world.signed("type=status", &leg("completed", &[])).await;
    let ended = until("completed").await;
    assert_eq!(
        (&ended["callId"], &ended["to"]),
        (&greeted["callId"], &json!(OURS)),
        "{ended:#}"
    );
    following.kill().expect("it runs");
    following.wait().expect("it ended");
    world.end().await;
}

#[tokio::test]
async fn without_a_gateway_nothing_can_be_followed_or_called() {
    let home = Home::new(&["voice-call"]);
    home.configure(
        &json!({ "plugins": { "entries": { "voice-call": { "enabled": true, "config": {
        "provider": "mock" } } } } }),
    );
    for args in [
        ["voicecall", "tail", "--follow", "--poll", "50"].as_slice(),
        &["voicecall", "speak", "--call-id", "x", "--message", "hi"],
    ] {
        let output = home.run(args).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains("no gateway runs"),
            "{args:?}: {said}"
        );
    }
    let tail = home.json(&["voicecall", "tail", "--json"]).await;
    assert_eq!(tail, json!([]));
}

#[tokio::test]
async fn a_command_without_a_gateway_leaves_what_waits_for_other_plugins() {
    let home = Home::new(&["voice-call", "loopback", "demo"]);
    home.configure(&json!({
        "channels": { "loopback": { "dmPolicy": "open", "allowFrom": ["*"] } },
        "agents": { "defaults": { "model": { "primary": "demo/echo" } } },
        "plugins": { "entries": { "voice-call": { "enabled": true, "config": { "provider": "mock" } } } },
    }));
    let open = || Journal::open_beside(&home.state().join("state.db")).expect("it can be opened");
    let event = json!({ "eventId": "e1", "accountId": "default", "chat": { "id": "7" }, "sender": { "id": "7" },
                        "messageId": "1", "text": "hello" });
    let event = serde_json::to_vec(&event).expect("JSON");
    open()
        .accept("loopback", "default", "e1", &event, 1)
        .expect("written");
    let before = open().pending(0, 9).expect("read");
    assert_eq!(before.len(), 1);
    assert_eq!(home.json(&["voicecall", "tail", "--json"]).await, json!([]));
    assert_eq!(open().pending(0, 9).expect("read"), before);
    // nor is the plugin started on a state that a restore has left in two halves
    let work = home.state().join(".restore");
    fs::create_dir(&work).expect("made");
    fs::write(work.join("plan.json"), "{}").expect("written");
    let refused = home.run(&["voicecall", "tail", "--json"]).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("a restore was broken off"),
        "{said}"
    );
}

#[tokio::test]
async fn keys_without_effect_are_named_by_whoever_judges_the_configuration() {
    let home = Home::new(&["voice-call"]);
    home.configure(
        &json!({ "plugins": { "entries": { "voice-call": { "enabled": true, "config": {
        "provider": "mock", "store": "/tmp/calls", "numbers": { OURS: { "label": "sales" } },
        "realtime": { "consultFastMode": true, "fastContext": { "enabled": true }, "agentContext": { "enabled": true } },
        } } } } }),
    );
    let judged = home.json(&["config", "validate", "--json"]).await;
    let warnings = judged["warnings"].to_string();
    for key in [
        "store",
        "realtime.consultFastMode",
        "realtime.fastContext",
        "label",
    ] {
        assert!(warnings.contains(key), "{key}: {judged:#}");
    }
    assert!(!warnings.contains("agentContext"), "{judged:#}");
}
