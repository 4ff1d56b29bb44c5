//! What each plugin is there for, done once.
use crate::desk::{ACCOUNT, Desk, HOOKS, PUBLIC, TOKEN};
use openclaw_e2e::world::{ADA, soon, text_of};
use openclaw_fakes::{
    discord::Person,
    voice::{encoded, twilio_form},
};
use serde_json::json;

/// Somebody who calls.
pub const CALLER: &str = "+15550001111";

/// Has a plugin do its work. One that is not known here has none that is tried, which is a fault.
pub async fn done(desk: &Desk, id: &str) {
    match id {
        "demo" => talks(desk, "demo/echo").await,
        "openai" => talks(desk, "one/m").await,
        "anthropic" => talks(desk, "anthropic/claude-opus-4-6").await,
        "google" => talks(desk, "google/gemini-2.5-flash").await,
        "telegram" => telegram(desk).await,
        "discord" => discord(desk).await,
        "control-ui" => page(desk).await,
        "openai-http" => openai_http(desk).await,
        "hooks" => hooks(desk).await,
        "files" => files(desk).await,
        "shell" => {
            uses(
                desk,
                "exec",
                json!({ "command": "echo by the $((1 + 1))nd" }),
                "by the 2nd",
            )
            .await
        }
        "web" => {
            uses(
                desk,
                "web_search",
                json!({ "query": "rust ferris" }),
                "https://r1.example/",
            )
            .await
        }
        "mcp" => {
            desk.gateway.says("tools of MCP servers are offered").await;
            uses(
                desk,
                "own__echo",
                json!({ "text": "by the server" }),
                "by the server",
            )
            .await;
        }
        "voice-call" => voice_call(desk).await,
        other => panic!("nothing says what {other} is there for"),
    }
}

async fn talks(desk: &Desk, model: &str) {
    let words = format!("hello {model}");
    let said = desk.answer(model, model, &words).await;
    assert!(said.contains(&words), "{model} says {said:?}");
}

async fn uses(desk: &Desk, tool: &str, arguments: serde_json::Value, wanted: &str) {
    let said = desk.tool(tool, &arguments).await;
    let answered = said.starts_with(&format!("{tool} answered:"));
    assert!(answered && said.contains(wanted), "{tool}: {said}");
}

async fn files(desk: &Desk) {
    uses(
        desk,
        "write",
        json!({ "path": "note.txt", "content": "from the bundle" }),
        "note.txt",
    )
    .await;
    uses(desk, "read", json!({ "path": "note.txt" }), "from the bundle").await;
}

async fn telegram(desk: &Desk) {
    let telegram = &desk.services.telegram;
    telegram.dm(ADA, "by the bundle");
    told(desk, "by the bundle").await;
}

/// Waits until the chat has these words.
async fn told(desk: &Desk, words: &str) {
    let sent = desk.services.telegram.until(|telegram| {
        let sent = telegram.bodies("sendMessage");
        sent.iter()
            .any(|body| text_of(body).contains(words))
            .then_some(())
    });
    soon("an answer in the chat", sent).await;
}

async fn discord(desk: &Desk) {
    let discord = &desk.services.discord;
    let ada = Person {
        id: 70_001,
        name: "Ada",
    };
    discord.join(desk.services.guild, ada, &[]);
    soon("the bot's being online", discord.is_online(&discord.bot())).await;
    discord.say(desk.services.room, ada, "in the guild");
    let said = discord.until(|discord| {
        let said = discord.said_by_bots();
        let has = |message: &serde_json::Value| {
            let text = message["content"].as_str();
            text.is_some_and(|text| text.contains("in the guild"))
        };
        said.iter().any(has).then_some(())
    });
    soon("an answer in the guild", said).await;
}

async fn page(desk: &Desk) {
    let page = desk.gateway.get("/").await;
    assert!(
        page.starts_with("HTTP/1.1 200") && page.to_lowercase().contains("<!doctype html"),
        "{page}"
    );
}

async fn openai_http(desk: &Desk) {
    let body = json!({ "model": "openclaw", "messages": [{ "role": "user", "content": "over http" }] });
    let answer = desk
        .post("/v1/chat/completions", &bearer(TOKEN), &body.to_string())
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("over http"),
        "{answer}"
    );
}

/// What comes by a webhook is answered in a chat.
async fn hooks(desk: &Desk) {
    let body = json!({ "message": "by a webhook", "channel": "telegram", "to": ADA.id.to_string() });
    let answer = desk.post("/hooks/agent", &bearer(HOOKS), &body.to_string()).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    told(desk, "by a webhook").await;
}

fn bearer(token: &str) -> Vec<(&'static str, String)> {
    vec![
        ("authorization", format!("Bearer {token}")),
        ("content-type", "application/json".to_owned()),
    ]
}

/// Somebody calls, is greeted, speaks, and is answered.
async fn voice_call(desk: &Desk) {
    let document = hook(desk, "", &leg("ringing", &[])).await;
    assert!(document.contains("Good day.</Say><Gather"), "{document}");
    let query = action(&document);
    let words = leg(
        "in-progress",
        &[("SpeechResult", "by phone"), ("Confidence", "0.9")],
    );
    hook(desk, &query, &words).await;
    let told = soon("the carrier to be told", desk.services.carrier.until(1)).await;
    assert!(told.field("Twiml").contains("by phone"), "{told:?}");
}

/// A webhook that the carrier signs; gives what it is answered.
async fn hook(desk: &Desk, query: &str, fields: &[(&str, &str)]) -> String {
    let (path, url) = match query.is_empty() {
        true => ("/voice/webhook".to_owned(), PUBLIC.to_owned()),
        false => (format!("/voice/webhook?{query}"), format!("{PUBLIC}?{query}")),
    };
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("x-twilio-signature", twilio_form(ACCOUNT.1, &url, fields)),
    ];
    let answer = desk.post(&path, &headers, &encoded(fields)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

fn leg<'a>(status: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("CallSid", "CA1"),
        ("Direction", "inbound"),
        ("CallStatus", status),
        ("From", CALLER),
        ("To", "+15550009999"),
    ];
    fields.extend(more);
    fields
}

/// The query of the link that a document gathers speech for.
fn action(document: &str) -> String {
    let link = document
        .split("action=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let query = link.and_then(|link| link.split_once('?')).map(|(_, query)| query);
    query.expect("a link with a query").replace("&amp;", "&")
}
