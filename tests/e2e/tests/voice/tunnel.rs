//! A tunnel that is lost in the middle of a call: the session of the real client against a stand-in for ngrok's edge.
use crate::world::{NGROK, TOKEN, World, action, leg, redirect};
use openclaw_e2e::running::soon;
use openclaw_fakes::{
    ngrok::Edge,
    openai::Turn,
    voice::{encoded, twilio_form},
};
use serde_json::{Value, json};

/// A gateway that is reached through this edge only.
async fn behind(edge: &Edge, more: Value) -> World {
    let mut tunnel = json!({
        "provider": "ngrok", "ngrokAuthToken": NGROK, "ngrokConnectUrl": edge.address(),
        "ngrokConnectCas": edge.authorities(),
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        tunnel[key] = value.clone();
    }
    World::new(|config| {
        config.as_object_mut().expect("an object").remove("publicUrl");
        config["tunnel"] = tunnel;
    })
    .await
}

/// A webhook as the carrier sends it through the tunnel of this name; gives the document.
async fn webhook(edge: &Edge, name: &str, query: &str, fields: &[(&str, &str)]) -> String {
    let path = match query {
        "" => "/voice/webhook".to_owned(),
        query => format!("/voice/webhook?{query}"),
    };
    let signature = twilio_form(TOKEN, &format!("https://{name}{path}"), fields);
    let body = encoded(fields);
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\nx-twilio-signature: {signature}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = soon("an answer through the tunnel", edge.visit(request.as_bytes())).await;
    let answer = String::from_utf8(answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// The edge breaks the session off and lets nobody in; the gateway says so, to whoever looks.
async fn lost(edge: &Edge, world: &World) {
    edge.go_down(true);
    edge.cut().await;
    world.gateway.says("the tunnel is down").await;
    let degraded = async {
        loop {
            let health = world.run(&["health", "--json"]).await;
            let plugins = health["degradedPlugins"].as_array().cloned().unwrap_or_default();
            if let Some(own) = plugins.into_iter().find(|plugin| plugin["id"] == "voice-call") {
                return own;
            }
        }
    };
    let own = soon("the gateway to notice", degraded).await;
    assert!(own["error"].to_string().contains("the tunnel is down"), "{own:#}");
    let status = world.command(&["status"]).await;
    assert!(
        status["plugin"]["degraded"]
            .to_string()
            .contains("the tunnel is down"),
        "{status:#}"
    );
}

async fn says(
    edge: &Edge,
    world: &World,
    (name, document): (&str, &str),
    answer: &str,
    told: usize,
) -> String {
    world.model.script(Turn::text(answer));
    let fields = leg("in-progress", &[("SpeechResult", answer)]);
    webhook(edge, name, &action(document), &fields).await;
    let told = soon("the carrier to be told", world.carrier.until(told)).await;
    let document = told.field("Twiml").to_owned();
    assert!(document.contains(&format!("{answer}</Say><Gather")), "{told:?}");
    document
}

async fn ended(edge: &Edge, world: World, name: &str, lines: usize) {
    world.with_lines(lines).await;
    webhook(edge, name, "type=status", &leg("completed", &[])).await;
    let call = world.call().await;
    assert_eq!(call["state"], "completed", "{call:#}");
    world.end().await;
}

#[tokio::test]
async fn a_tunnel_that_is_lost_in_a_call_is_back_under_another_name_and_the_call_goes_on() {
    let (one, two) = ("one.ngrok.app", "two.ngrok.app");
    let edge = Edge::start(one).await.expect("a port");
    let world = behind(&edge, json!({})).await;
    world.gateway.says("https://one.ngrok.app/voice/webhook").await;
    let greeted = webhook(&edge, one, "", &leg("in-progress", &[])).await;
    assert!(greeted.contains("Good day.</Say><Gather"), "{greeted}");
    says(&edge, &world, (one, &greeted), "Answer one.", 1).await;
    lost(&edge, &world).await;
    // the carrier can be told, though it can't ask
    let id = world.call().await["callId"].as_str().expect("an id").to_owned();
    let speaking = ["speak", "--call-id", &id, "--message", "One moment."];
    assert_eq!(world.command(&speaking).await["success"], true);
    let told = soon("the carrier to be told", world.carrier.until(2)).await;
    assert!(told.field("Twiml").contains("One moment."), "{told:?}");
    edge.rename(two);
    edge.go_down(false);
    world.gateway.says("https://two.ngrok.app/voice/webhook").await;
    // it is asked whether the call still is one, and sent to where it can be heard
    let asked = soon("the carrier to be asked", world.carrier.until(3)).await;
    assert_eq!(asked.method, "GET", "{asked:?}");
    let sent = soon("the call to be led on", world.carrier.until(4)).await;
    let query = sent
        .field("Url")
        .strip_prefix("https://two.ngrok.app/voice/webhook?")
        .unwrap_or_else(|| panic!("{sent:?}"))
        .to_owned();
    let document = webhook(&edge, two, &query, &leg("in-progress", &[])).await;
    assert!(
        document.contains("<Gather") && !document.contains("<Say"),
        "nothing is said again: {document}"
    );
    assert!(
        document.contains("https://two.ngrok.app/voice/webhook?callId="),
        "{document}"
    );
    says(&edge, &world, (two, &document), "Answer two.", 5).await;
    let status = world.command(&["status"]).await;
    assert_eq!(status["plugin"]["degraded"], Value::Null, "{status:#}");
    ended(&edge, world, two, 6).await;
}

#[tokio::test]
async fn a_tunnel_that_is_back_under_the_same_name_changes_nothing_for_the_call() {
    let name = "mine.ngrok.app";
    let edge = Edge::start("another.ngrok.app").await.expect("a port");
    let world = behind(&edge, json!({ "ngrokDomain": name })).await;
    world.gateway.says("https://mine.ngrok.app/voice/webhook").await;
    let greeted = webhook(&edge, name, "", &leg("in-progress", &[])).await;
    lost(&edge, &world).await;
    edge.go_down(false);
    world
        .gateway
        .says("the tunnel is back under the same address")
        .await;
    let asked = soon("the carrier to be asked", world.carrier.until(1)).await;
    assert_eq!(asked.method, "GET", "{asked:?}");
    // the carrier goes by the link that it has
    let listens = webhook(&edge, name, &redirect(&greeted), &leg("in-progress", &[])).await;
    says(&edge, &world, (name, &listens), "Still here.", 2).await;
    ended(&edge, world, name, 3).await;
}
