//! Which addresses are found, and that the guard still holds for all others.
use super::*;
use crate::{
    http::{Client, Egress, Error, Options, Origin, Request},
    plugins::{
        assemble::assemble,
        discover::{self, Candidate, Found},
        manifest::Library,
    },
};
use serde_json::json;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn config(value: Value) -> Config {
    Config::from_value(value).expect("valid")
}

/// A schema as generators write it: references, options as `anyOf`, maps as `additionalProperties`.
fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "apiRoot": {"type": ["string", "null"], "x-egress": true},
            "label": {"type": "string"},
            "network": {"anyOf": [{"$ref": "#/$defs/Network"}, {"type": "null"}]},
            "groups": {"additionalProperties": {"$ref": "#/$defs/Network"}},
            "mirrors": {"type": "array", "items": {"type": "string", "x-egress": true}}
        },
        "$defs": {"Network": {
            "properties": {"proxy": {"x-egress": true, "type": "string"}, "nested": {"$ref": "#/$defs/Network"}}
        }}
    })
}

fn plugin() -> Manifest {
    Manifest {
        id: "chat".into(),
        channels: vec!["chat".into()],
        channel_schemas: Map::from_iter([("chat".to_owned(), schema())]),
        config_schema: Some(schema()),
        ..Manifest::default()
    }
}

#[test]
fn marked_addresses_are_found_wherever_the_schema_leads() {
    let config = config(json!({
        "channels": {"chat": {
            "apiRoot": "http://127.0.0.1:8081/bot", "label": "https://label.example",
            "network": {"proxy": "https://proxy.example", "nested": {"nested": {"proxy": "ws://[::1]:7"}}},
            "groups": {"any": {"proxy": "http://group.example/x"}},
            "accounts": {"work": {"apiRoot": "https://work.example:8443"}}
        }},
        "plugins": {"entries": {"chat": {"config": {"mirrors": ["https://a.example", "no address", "https://*"]}}}}
    }));
    assert_eq!(
        hosts(&config, &plugin()),
        [
            "127.0.0.1:8081",
            "[::1]:7",
            "a.example:443",
            "group.example:80",
            "proxy.example:443",
            "work.example:8443"
        ]
    );
    let stranger = Manifest {
        id: "other".into(),
        ..plugin()
    };
    assert!(!hosts(&config, &stranger).contains(&"a.example:443".to_owned()));
}

#[test]
fn services_are_reachable_for_who_may_serve_them() {
    let config = config(json!({"models": {"providers": {
        "vendor": {"baseUrl": "https://proxy.vendor.example/v1", "models": []},
        "box": {"baseUrl": "http://127.0.0.1:9/v1", "api": "acme-chat", "models": [
            {"id": "a"}, {"id": "b", "baseUrl": "http://10.0.0.1"}, {"id": "c", "api": "acme-old"}]}
    }}}));
    let plugin = |providers: &[&str], apis: &[&str]| Manifest {
        id: "x".into(),
        providers: providers.iter().map(|&id| id.to_owned()).collect(),
        apis: apis.iter().map(|&id| id.to_owned()).collect(),
        ..Manifest::default()
    };
    assert_eq!(
        hosts(&config, &plugin(&["vendor"], &[])),
        ["proxy.vendor.example:443"]
    );
    assert_eq!(
        hosts(&config, &plugin(&["other"], &["acme-chat"])),
        ["10.0.0.1:80", "127.0.0.1:9"]
    );
    assert_eq!(
        hosts(&config, &plugin(&["other"], &["acme-old"])),
        ["127.0.0.1:9"]
    );
    assert!(hosts(&config, &plugin(&["other"], &["else"])).is_empty());
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let schema = json!({"$ref": "#", "anyOf": [{"$ref": "#/$defs/gone"}]});
    let plugin = plugin();
    let mut search = Search::new(&plugin, BTreeSet::new());
    search.marked(&schema, &json!({"a": "http://a"}));
    assert!(search.left > 0 && search.hosts().is_empty());
}

#[test]
fn a_schema_that_leads_to_itself_in_many_ways_is_given_up() {
    let plugin = plugin();
    let mut search = Search::new(&plugin, BTreeSet::new());
    // few enough for a search without bounds to come to its end
    let schema = json!({"x-egress": true, "$ref": "#", "anyOf": [{"$ref": "#"}]});
    search.marked(&schema, &json!("http://a"));
    assert_eq!((search.left, search.hosts()), (0, vec!["a:80".to_owned()]));
}

#[test]
fn an_operators_list_replaces_the_manifests_wish_and_not_the_addresses() {
    let mut config = json!({"channels": {"chat": {"apiRoot": "http://127.0.0.1:8081"}},
        "plugins": {"entries": {"chat": {"permissions": {"hosts": ["own.example"]}}}}});
    let mut manifest = plugin();
    manifest.permissions.hosts = vec!["wish.example".into()];
    let settings = |config: &Value| {
        let found = found(&manifest);
        let assembly = assemble(&self::config(config.clone()), &found);
        assembly.specs[0].settings.permissions.hosts.clone()
    };
    assert_eq!(settings(&config), ["own.example", "127.0.0.1:8081"]);
    config["plugins"] = json!({});
    assert_eq!(settings(&config), ["wish.example", "127.0.0.1:8081"]);
}

fn found(manifest: &Manifest) -> Found {
    let library = Library {
        manifest: manifest.clone(),
        architecture: object::Architecture::Unknown,
        format: object::BinaryFormat::Elf,
        needs_glibc: None,
        size: 0,
    };
    let candidate = Candidate {
        path: "/nowhere".into(),
        origin: discover::Origin::Bundled,
        library,
    };
    Found {
        plugins: [(manifest.id.clone(), candidate)].into(),
        ..Found::default()
    }
}

/// Answers every connection with an empty 200.
async fn server() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = socket.read(&mut request).await;
            let _ = socket
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    });
    address
}

#[tokio::test]
async fn the_operators_loopback_works_and_everybody_elses_is_guarded() {
    let (named, other) = (server().await, server().await);
    let config = config(json!({"channels": {"chat": {"apiRoot": format!("http://{named}/bot")}}}));
    let hosts = hosts(&config, &plugin());
    let egress = Egress::new("chat", hosts.iter().map(String::as_str), false).expect("patterns");
    let (egress, client) = (
        Arc::new(egress),
        Client::new(Options::default()).expect("a client"),
    );
    let get =
        |address, origin| client.send(&egress, Request::new("GET", format!("http://{address}/"), origin));
    let answer = get(named, Origin::Trusted).await.expect("the operator wrote it");
    assert_eq!(answer.status(), 200);
    let guarded = get(named, Origin::Untrusted)
        .await
        .expect_err("somebody else chose it");
    assert!(matches!(guarded, Error::Guard { .. }), "{guarded:?}");
    let refused = get(other, Origin::Trusted).await.expect_err("nobody named it");
    assert!(matches!(refused, Error::Refused { .. }), "{refused:?}");
}
