//! Interactions in a fake host: what Discord is answered, what the host gets, and where answers go.
use super::*;
use crate::{
    account::Me,
    config::Config,
    outbound::{self, component},
    wire::Channel,
};
use openclaw_plugin_api::{
    Button, Edit, InboundKind, MessageTarget, Outbound, Secret,
    testing::{FakeAnswer, FakeRequest, TestHost},
};
use std::sync::{Mutex, atomic::AtomicUsize, atomic::Ordering};

/// An id of the year 2026, so that ages come out right.
const INTERACTION: &str = "1510000000000000000";

struct Lab {
    host: TestHost,
    connection: Arc<Connection>,
    asked: Arc<Mutex<Vec<FakeRequest>>>,
}

/// Discord answers everything with a message of a new id, but what `refuse` names with that status and code.
fn lab(config: Value, refuse: &'static str) -> Lab {
    let asked = Arc::<Mutex<Vec<FakeRequest>>>::default();
    let (seen, ids) = (asked.clone(), AtomicUsize::new(100));
    let host = TestHost::new().web(move |request| {
        let is_refused = !refuse.is_empty() && request.head.url.contains(refuse);
        seen.lock().expect("no panic").push(request);
        if is_refused {
            return Ok(FakeAnswer::json(
                404,
                &json!({ "code": 10015, "message": "Unknown Webhook" }),
            ));
        }
        Ok(FakeAnswer::json(
            200,
            &json!({ "id": ids.fetch_add(1, Ordering::Relaxed).to_string() }),
        ))
    });
    let connection = connect(&host, config);
    Lab {
        host,
        connection,
        asked,
    }
}

fn connect(host: &TestHost, config: Value) -> Arc<Connection> {
    let config: Config = serde_json::from_value(config).expect("a configuration");
    let connection = Connection::new(
        "default".into(),
        config,
        Secret::new("s3cret"),
        host.channel("discord"),
    );
    connection.cache.put_channel(Channel {
        id: "9".into(),
        guild_id: Some("1".into()),
        ..Channel::default()
    });
    let _ = connection.me.set(Me {
        application_id: "900".into(),
        user_id: "901".into(),
        name: "bot".into(),
    });
    Arc::new(connection)
}

impl Lab {
    /// Method, path and body of every request.
    fn asked(&self) -> Vec<(String, String, Value)> {
        let asked = self.asked.lock().expect("no panic");
        let one = |request: &FakeRequest| {
            let path = request.head.url.replace("https://discord.com/api/v10", "");
            let body = serde_json::from_slice(&request.body).unwrap_or_default();
            (request.head.method.clone(), path, body)
        };
        asked.iter().map(one).collect()
    }

    fn last(&self) -> (String, String, Value) {
        self.asked().pop().expect("a request")
    }
}

fn used(kind: u8, data: Value) -> Value {
    json!({
        "id": INTERACTION, "token": "t0ken", "application_id": "900", "type": kind, "data": data,
        "guild_id": "1", "channel_id": "10", "channel": { "id": "10", "type": 11, "name": "ideas", "parent_id": "9" },
        "member": { "nick": "Countess", "roles": ["5"], "user": { "id": "7", "username": "ada", "global_name": "Ada" } },
        "message": { "id": "1509999900000000000" }
    })
}

fn answer_to(event: &Inbound, key: &str, text: &str) -> Outbound {
    Outbound {
        idempotency_key: key.into(),
        chat_id: event.chat.id.clone(),
        event_id: event.event_id.clone(),
        text: text.into(),
        ..Outbound::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_is_deferred_first_and_answered_in_its_place() {
    let lab = lab(json!({}), "");
    let options = json!([{ "name": "args", "type": 3, "value": "high" }]);
    handle(
        &lab.connection,
        used(2, json!({ "name": "think", "options": options })),
    )
    .await;
    let (_, event) = lab.host.next_inbound().await;
    assert_eq!(
        lab.asked(),
        [(
            "POST".into(),
            format!("/interactions/{INTERACTION}/t0ken/callback"),
            json!({ "type": 5, "data": { "flags": 64 } })
        )]
    );
    assert_eq!(
        (event.kind, event.value.as_str(), event.text.as_str()),
        (InboundKind::Command, "think", "/think high")
    );
    assert_eq!(Value::Object(event.options.clone()), json!({ "args": "high" }));
    assert_eq!(
        (
            event.sender.id.as_str(),
            event.sender.name.as_str(),
            &event.sender.roles[..]
        ),
        ("7", "Countess", &["5".to_owned()][..])
    );
    let chat = &event.chat;
    assert_eq!(
        (chat.id.as_str(), chat.parent_id.as_str(), chat.space_id.as_str()),
        ("10", "9", "1")
    );
    assert!(event.timestamp_ms > 0 && event.mentioned && event.message_id.is_empty());

    let first = outbound::send(&lab.connection, answer_to(&event, "a", "one"))
        .await
        .expect("sent");
    let (method, path, body) = lab.last();
    assert_eq!(
        (method.as_str(), path.as_str()),
        ("PATCH", "/webhooks/900/t0ken/messages/@original")
    );
    assert_eq!(
        (
            body["content"].as_str(),
            body["flags"].as_u64(),
            body.get("nonce")
        ),
        (Some("one"), Some(68), None)
    );
    outbound::send(&lab.connection, answer_to(&event, "b", "two"))
        .await
        .expect("sent");
    let (method, path, _) = lab.last();
    assert_eq!(
        (method.as_str(), path.as_str()),
        ("POST", "/webhooks/900/t0ken?wait=true")
    );
    let count = lab.asked().len();
    outbound::send(&lab.connection, answer_to(&event, "b", "two"))
        .await
        .expect("there already");
    assert_eq!(lab.asked().len(), count, "no second one");

    // A message that only one person sees is changed by the interaction's token.
    let edit = Edit {
        target: MessageTarget {
            chat_id: "10".into(),
            message_id: first.message_ids[0].clone(),
            ..MessageTarget::default()
        },
        text: "1".into(),
        ..Edit::default()
    };
    outbound::edit(&lab.connection, edit).await.expect("changed");
    let (method, path, _) = lab.last();
    assert_eq!(
        (method, path),
        (
            "PATCH".into(),
            format!("/webhooks/900/t0ken/messages/{}", first.message_ids[0])
        )
    );

    // After a restart the token is still known, and the first place is taken.
    let again = connect(&lab.host, json!({}));
    outbound::send(&again, answer_to(&event, "a", "one"))
        .await
        .expect("sent");
    assert_eq!(lab.last().1, "/webhooks/900/t0ken/messages/@original");
    outbound::send(&again, answer_to(&event, "c", "three"))
        .await
        .expect("sent");
    assert_eq!(lab.last().1, "/webhooks/900/t0ken?wait=true");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_too_late_goes_to_the_chat() {
    let lab = lab(json!({ "slashCommand": { "ephemeral": false } }), "/webhooks/");
    handle(&lab.connection, used(2, json!({ "name": "help" }))).await;
    let (_, event) = lab.host.next_inbound().await;
    assert_eq!(lab.last().2, json!({ "type": 5 }));
    outbound::send(&lab.connection, answer_to(&event, "a", "late"))
        .await
        .expect("sent");
    assert_eq!(lab.last().1, "/channels/10/messages");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_seen_by_nobody_else() {
    let lab = lab(json!({ "slashCommand": { "ephemeral": false } }), "");
    lab.host.refuse_senders(true);
    handle(&lab.connection, used(2, json!({ "name": "help" }))).await;
    // The host has the event all the same: it says why, once, and lets people in.
    lab.host.next_inbound().await;
    let asked = lab.asked();
    assert_eq!(asked[1].1, "/webhooks/900/t0ken?wait=true");
    assert_eq!(asked[1].2["flags"], 68);
    assert_eq!(asked[1].2["content"], "You are not allowed to use this here.");
    assert_eq!(
        (asked[2].0.as_str(), asked[2].1.as_str()),
        ("DELETE", "/webhooks/900/t0ken/messages/@original")
    );
    assert_eq!(asked.len(), 3);
    handle(&lab.connection, used(3, json!({ "custom_id": "v:x" }))).await;
    lab.host.next_inbound().await;
    assert!(
        lab.asked()[3..]
            .iter()
            .all(|(_, path, _)| !path.starts_with("/channels"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_stranger_who_is_let_in_is_told_in_the_place_of_the_command() {
    let lab = lab(json!({}), "");
    lab.host.refuse_senders(true);
    let mut private = used(2, json!({ "name": "help" }));
    for key in ["guild_id", "member"] {
        private.as_object_mut().expect("an object").remove(key);
    }
    private["user"] = json!({ "id": "7", "username": "ada" });
    private["channel"] = json!({ "id": "10", "type": 1 });
    handle(&lab.connection, private).await;
    let (_, event) = lab.host.next_inbound().await;
    assert_eq!(
        (event.chat.kind, event.sender.id.as_str()),
        (openclaw_plugin_api::ChatKind::Direct, "7")
    );
    let (method, path, body) = lab.last();
    assert_eq!(
        (method.as_str(), path.as_str()),
        ("PATCH", "/webhooks/900/t0ken/messages/@original")
    );
    assert!(
        body["content"]
            .as_str()
            .is_some_and(|said| said.contains("does not know you"))
    );
    outbound::send(&lab.connection, answer_to(&event, "a", "Your code"))
        .await
        .expect("sent");
    let (_, path, body) = lab.last();
    assert_eq!(
        (path.as_str(), body["flags"].as_u64()),
        ("/webhooks/900/t0ken?wait=true", Some(68))
    );
}

#[tokio::test(start_paused = true)]
async fn buttons_come_back_and_are_answered_in_the_chat() {
    let lab = lab(json!({}), "");
    handle(
        &lab.connection,
        used(3, json!({ "custom_id": "v:/approve 1", "component_type": 2 })),
    )
    .await;
    let (_, event) = lab.host.next_inbound().await;
    assert_eq!(lab.last().2, json!({ "type": 6 }));
    assert_eq!(
        (event.kind, event.value.as_str(), event.message_id.as_str()),
        (InboundKind::Button, "/approve 1", "1509999900000000000")
    );
    outbound::send(&lab.connection, answer_to(&event, "a", "Approved."))
        .await
        .expect("sent");
    assert_eq!(lab.last().1, "/channels/10/messages");
    handle(
        &lab.connection,
        used(
            3,
            json!({ "custom_id": "v:x", "component_type": 3, "values": ["a", "b"] }),
        ),
    )
    .await;
    // The same interaction again: the host knows the event and drops it, so only what it carries counts here.
    assert_eq!(lab.host.next_inbound().await.1.value, "a, b");
}

#[tokio::test(start_paused = true)]
async fn what_is_over_or_for_somebody_else_is_refused_in_private() {
    let lab = lab(json!({}), "");
    let mut old = used(3, json!({ "custom_id": "v:x" }));
    old["message"]["id"] = "1400000000000000000".into();
    let mut message = Outbound {
        chat_id: "10".into(),
        text: "Choose".into(),
        buttons: vec![vec![Button {
            label: "Mine".into(),
            value: "mine".into(),
            style: String::new(),
        }]],
        ..Outbound::default()
    };
    message.extra.insert("allowedUsers".into(), json!(["8"]));
    outbound::send(&lab.connection, message).await.expect("sent");
    let id = lab.last().2["components"][0]["components"][0]["custom_id"].clone();
    let unknown = used(3, json!({ "custom_id": "k:0123" }));
    for (interaction, words) in [
        (old, "no longer"),
        (unknown, "no longer"),
        (used(3, json!({ "custom_id": id })), "somebody else"),
    ] {
        handle(&lab.connection, interaction).await;
        let (_, _, body) = lab.last();
        assert_eq!(
            (body["type"].as_u64(), body["data"]["flags"].as_u64()),
            (Some(4), Some(64))
        );
        assert!(
            body["data"]["content"]
                .as_str()
                .is_some_and(|said| said.contains(words)),
            "{body}"
        );
    }
    let mut theirs = used(3, json!({ "custom_id": id }));
    theirs["member"]["user"]["id"] = "8".into();
    handle(&lab.connection, theirs).await;
    assert_eq!(lab.host.next_inbound().await.1.value, "mine");
}

#[tokio::test(start_paused = true)]
async fn a_form_is_shown_and_its_answers_come_back_by_name() {
    let lab = lab(json!({}), "");
    let mut message = Outbound {
        chat_id: "10".into(),
        text: "Where to?".into(),
        ..Outbound::default()
    };
    let fields =
        json!([{ "name": "street", "label": "Street", "required": true }, { "name": "notes", "long": true }]);
    message
        .extra
        .insert("modal".into(), json!({ "title": "Address", "fields": fields }));
    outbound::send(&lab.connection, message).await.expect("sent");
    let id = lab.last().2["components"][0]["components"][0]["custom_id"].clone();
    handle(&lab.connection, used(3, json!({ "custom_id": id }))).await;
    let (_, _, shown) = lab.last();
    assert_eq!(
        (shown["type"].as_u64(), &shown["data"]["custom_id"]),
        (Some(9), &id)
    );
    assert_eq!(shown["data"]["components"][1]["components"][0]["style"], 2);
    let filled = json!([
        { "type": 1, "components": [{ "type": 4, "custom_id": "0", "value": "Main St" }] },
        { "type": 18, "component": { "type": 4, "custom_id": "1", "value": "ring twice" } }
    ]);
    handle(
        &lab.connection,
        used(5, json!({ "custom_id": id, "components": filled })),
    )
    .await;
    assert_eq!(lab.last().2["type"], 6);
    let (_, event) = lab.host.next_inbound().await;
    assert_eq!(
        Value::Object(event.options),
        json!({ "street": "Main St", "notes": "ring twice" })
    );
    assert_eq!(
        event.value,
        "Address {\"street\":\"Main St\",\"notes\":\"ring twice\"}"
    );
}

#[tokio::test(start_paused = true)]
async fn choices_are_offered_while_one_types() {
    let choices: Vec<_> = (0..40).map(|n| format!("vendor/model-{n}")).collect();
    let list = json!([{ "command": "model", "description": "x", "usage": "[name]", "choices": choices }]);
    let lab = lab(json!({ "nativeCommandsList": list }), "");
    let options = json!([{ "name": "args", "type": 3, "value": "MODEL-3", "focused": true }]);
    handle(
        &lab.connection,
        used(4, json!({ "name": "model", "options": options })),
    )
    .await;
    let (_, path, body) = lab.last();
    assert!(path.ends_with("/callback"));
    let names: Vec<_> = body["data"]["choices"]
        .as_array()
        .expect("choices")
        .iter()
        .map(|c| c["name"].clone())
        .collect();
    assert_eq!(
        (body["type"].as_u64(), names.len(), &names[0]),
        (Some(8), 11, &json!("vendor/model-3"))
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_handed_over_that_discord_did_not_take() {
    let lab = lab(json!({}), "/interactions/");
    handle(&lab.connection, used(2, json!({ "name": "help" }))).await;
    handle(&lab.connection, json!({ "id": "1" })).await;
    handle(&lab.connection, used(99, json!({}))).await;
    use futures_util::FutureExt;
    assert!(lab.host.next_inbound().now_or_never().is_none());
    assert_eq!(lab.asked().len(), 1);
    let carried = component::carried(&lab.connection, "v:x", Duration::ZERO)
        .await
        .expect("read");
    assert_eq!(carried.expect("plain").value, "x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_registered_by_their_difference() {
    let list = |names: &[&str]| {
        let one = |name: &&str| json!({ "command": name, "description": "Does it.", "usage": "[on|off]" });
        json!({ "nativeCommandsList": names.iter().map(one).collect::<Vec<_>>() })
    };
    let lab = outbound::lab::Lab::new(list(&["help", "new", "think", "model", "status", "usage"])).await;
    register(&lab.connection).await;
    register(&lab.connection).await;
    let keys = |lab: &outbound::lab::Lab| {
        lab.bodies("");
        lab.fake
            .all_calls()
            .iter()
            .map(|call| call.key.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        keys(&lab),
        [
            "GET /applications/*/commands",
            "PUT /applications/*/commands",
            "GET /applications/*/commands"
        ]
    );
    let fewer = outbound::lab::Lab::connect(
        &lab.fake,
        &lab.host,
        list(&["help", "new", "think", "model", "status", "queue"]),
    );
    register(&fewer).await;
    assert_eq!(
        keys(&lab)[3..],
        [
            "GET /applications/*/commands",
            "DELETE /applications/*/commands/*",
            "POST /applications/*/commands"
        ]
    );
    let off = outbound::lab::Lab::connect(&lab.fake, &lab.host, json!({ "commands": { "native": false } }));
    register(&off).await;
    assert!(lab.fake.commands(&lab.fake.bot()).is_empty());
    assert_eq!(lab.fake.complaints(), Vec::<String>::new());
}
