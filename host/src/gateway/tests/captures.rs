//! Recorded handshakes of the original: what its clients send is understood, and the answers have the same fields.
//!
//! The recordings are no part of this repository: `OPENCLAW_CAPTURES` names their folder, else `../shared/reference/captures`
//! beside the repository is looked for. Without them this tier is skipped, and says so.
use super::*;
use std::{collections::BTreeSet, fs, path::PathBuf};

/// What the original has and we don't: what isn't implemented isn't told.
const NOT_OURS: &[&str] = &[
    "server.buildId",
    "server.controlUiBuildSource",
    "controlUiWidgetKinds",
    "controlUiLinkReaders",
    "controlUiTabs",
    "pluginSurfaceUrls",
    "auth.recoveryScope",
    "policy.attachments",
    "policy.allowedSessionVisibilities",
    "policy.hasMultipleSessionSharingIdentities",
    // the host's handler brings these
    "snapshot.appliedConfigHash",
    "snapshot.updateSchedule",
    "snapshot.configPath",
    "snapshot.stateDir",
];

struct Recording {
    name: &'static str,
    lines: Vec<Value>,
}

impl Recording {
    fn read(name: &'static str) -> Option<Self> {
        let folder = std::env::var_os("OPENCLAW_CAPTURES").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/captures"),
            PathBuf::from,
        );
        let path = folder.join(format!("{name}.jsonl"));
        let Ok(text) = fs::read_to_string(&path) else {
            println!(
                "skipped: {} is not there; set OPENCLAW_CAPTURES to the folder of recordings",
                path.display()
            );
            return None;
        };
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        Some(Self { name, lines })
    }

    fn frame(&self, direction: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut frames = self
            .lines
            .iter()
            .filter(|line| line["dir"] == direction)
            .map(|line| &line["frame"]);
        frames
            .find(|frame| wanted(frame))
            .unwrap_or_else(|| panic!("{}: no such frame", self.name))
            .clone()
    }

    fn close_code(&self) -> u64 {
        let close = self.lines.iter().find(|line| line["kind"] == "ws-close");
        close.and_then(|line| line["code"].as_u64()).unwrap()
    }
}

/// The keys of the first two levels.
fn fields(value: &Value) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for (key, value) in value.as_object().unwrap() {
        let inner = value.as_object().filter(|_| key != "health");
        match inner {
            Some(inner) => fields.extend(inner.keys().map(|below| format!("{key}.{below}"))),
            None => drop(fields.insert(key.clone())),
        }
    }
    fields
}

#[tokio::test]
async fn hello_has_the_fields_of_the_original() {
    let Some(recording) = Recording::read("hs-ok-cli") else {
        return;
    };
    let theirs = recording.frame("s2c", |frame| frame["payload"]["type"] == "hello-ok");
    let mut connect = recording.frame("c2s", |frame| frame["method"] == "connect")["params"].take();
    connect["auth"]["token"] = json!(TOKEN);
    let gateway = Gateway::start().await;
    let (mut raw, _) = gateway.raw().await;
    let ours = raw.request("connect", connect).await;
    assert_eq!(
        ours["payload"]["auth"]["scopes"],
        theirs["payload"]["auth"]["scopes"]
    );
    let keep = |fields: BTreeSet<String>| -> BTreeSet<String> {
        let hidden = |field: &String| {
            NOT_OURS
                .iter()
                .any(|skip| field == skip || field.starts_with(&format!("{skip}.")))
        };
        let field = |field: String| {
            if field.starts_with("snapshot.sessionDefaults") {
                "snapshot.sessionDefaults".into()
            } else {
                field
            }
        };
        fields
            .into_iter()
            .filter(|field| !hidden(field))
            .map(field)
            .collect()
    };
    assert_eq!(keep(fields(&ours["payload"])), keep(fields(&theirs["payload"])));
}

#[tokio::test]
async fn refusals_have_the_fields_and_codes_of_the_original() {
    let names = [
        "hs-bad-client-id",
        "hs-bad-client-mode",
        "hs-bad-proto-5",
        "hs-bad-role",
        "hs-bad-token-cli",
        "hs-extra-param",
        "hs-no-auth-cli",
        "hs-nodevice-tui",
        "hs-nodevice-webchat",
        "hs-nodevice-controlui",
        "hs-device-badid",
        "hs-device-badnonce",
        "hs-device-nononce",
        "hs-device-badsig",
        "hs-device-stale",
    ];
    let gateway = Gateway::start().await;
    for recording in names.into_iter().filter_map(Recording::read) {
        let theirs = recording.frame("s2c", |frame| frame["type"] == "res")["error"].take();
        let mut connect = recording.frame("c2s", |frame| frame["method"] == "connect")["params"].take();
        let (mut raw, nonce) = gateway.raw().await;
        if recording.name != "hs-bad-token-cli" && connect["auth"].get("token").is_some() {
            connect["auth"]["token"] = json!(TOKEN);
        }
        // what was true then has to be true now, but for the fault that is recorded
        let device = connect.get("device").is_some();
        if device && recording.name != "hs-device-stale" {
            connect["device"]["signedAt"] = json!(NOW);
        }
        if device && !matches!(recording.name, "hs-device-badnonce" | "hs-device-nononce") {
            connect["device"]["nonce"] = json!(nonce);
        }
        let ours = raw.request("connect", connect).await["error"].take();
        assert_eq!(fields(&ours), fields(&theirs), "{}: {ours}", recording.name);
        assert_eq!(ours["code"], theirs["code"], "{}", recording.name);
        assert_eq!(
            ours["details"]["code"], theirs["details"]["code"],
            "{}",
            recording.name
        );
        if theirs.get("details").is_none() {
            assert_eq!(ours["message"], theirs["message"], "{}", recording.name);
        }
        assert_eq!(
            u64::from(raw.closed().await.0),
            recording.close_code(),
            "{}",
            recording.name
        );
    }
}

#[tokio::test]
async fn devices_are_let_in_with_the_fields_of_the_original() {
    use crate::gateway::device::tests::Asked;
    for name in ["hs-device-ok-tui", "fr-node-role-calls-operator"] {
        let Some(recording) = Recording::read(name) else {
            continue;
        };
        let theirs = recording.frame("s2c", |frame| frame["payload"]["type"] == "hello-ok")["payload"].take();
        let connect = recording.frame("c2s", |frame| frame["method"] == "connect")["params"].take();
        let texts = |key: &str| -> Vec<&str> {
            let list = connect[key].as_array().into_iter().flatten();
            list.filter_map(Value::as_str).collect()
        };
        let gateway = Gateway::start().await;
        let (mut raw, nonce) = gateway.raw().await;
        let client = &connect["client"];
        let asked = Asked {
            token: Some(TOKEN),
            nonce: &nonce,
            scopes: &texts("scopes"),
            role: connect["role"].as_str().unwrap(),
            client: (client["id"].as_str().unwrap(), client["mode"].as_str().unwrap()),
            commands: &texts("commands"),
            ..Asked::default()
        };
        let ours = raw.request("connect", asked.sign(1)).await["payload"].take();
        let known = |auth: &Value| -> BTreeSet<String> {
            let ours_not = ["recoveryScope", "recoveryMigrationAllowed"];
            fields(auth)
                .into_iter()
                .filter(|field| !ours_not.contains(&field.as_str()))
                .collect()
        };
        assert_eq!(known(&ours["auth"]), known(&theirs["auth"]), "{name}");
        for key in ["method", "role", "scopes"] {
            assert_eq!(ours["auth"][key], theirs["auth"][key], "{name}: {key}");
        }
        // who is seen, and how
        if name == "hs-device-ok-tui" {
            let event = recording.frame("s2c", |frame| frame["event"] == "presence");
            let own = raw.event("presence").await;
            let entry = |event: &Value| -> BTreeSet<String> {
                let entries = event["payload"]["presence"].as_array().unwrap();
                fields(entries.last().unwrap())
            };
            let missing: Vec<_> = entry(&event).difference(&entry(&own)).cloned().collect();
            // there are no user profiles here, and this client gave no instance
            let expected = ["instanceId", "user.avatarUrl", "user.id", "user.identity"];
            assert!(
                missing.iter().all(|field| expected.contains(&field.as_str())),
                "{missing:?}"
            );
            assert_eq!(own["seq"], event["seq"]);
        }
    }
}

#[tokio::test]
async fn frame_errors_are_those_of_the_original() {
    for name in [
        "fr-bad-frame-after",
        "fr-missing-scope",
        "fr-second-connect",
        "fr-unknown-method",
    ] {
        let Some(recording) = Recording::read(name) else {
            continue;
        };
        let gateway = Gateway::start().await;
        let mut client = gateway.client(&["operator.read"]).await;
        let frames = recording
            .lines
            .iter()
            .filter(|line| line["kind"] == "frame")
            .map(|line| &line["frame"]);
        let mut seen = 0;
        for frame in frames
            .clone()
            .filter(|frame| frame["type"] == "res" && frame["ok"] == false)
        {
            let id = frame["id"].as_str().unwrap();
            // `chat.send` is no method of this test's gateway
            let sent = recording.lines.iter().map(|line| &line["frame"]).find(|sent| {
                sent["method"] != "chat.send"
                    && sent["type"] == "req"
                    && sent["id"] == id
                    && sent["method"].is_string()
            });
            let Some(sent) = sent else { continue };
            client.send(sent.to_string()).await;
            assert_eq!(client.response(id).await["error"], frame["error"], "{name}");
            seen += 1;
        }
        assert!(seen > 0, "{name}: nothing compared");
    }
}
