//! Plugins' routes on the gateway's port, by the one that matters most: a messenger's webhook.
use openclaw_e2e::world::{ADA, World, soon};
use openclaw_fakes::openai::Turn;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const PATH: &str = "/telegram-webhook";
const URL: &str = "https://bot.example/telegram-webhook";
const SECRET: &str = "a-secret-of_the-webhook";

async fn world() -> World {
    let world = World::with(|config| {
        let telegram = &mut config["channels"]["telegram"];
        telegram["webhookUrl"] = URL.into();
        telegram["webhookSecret"] = SECRET.into();
    })
    .await;
    let set = soon("the webhook to be set", world.telegram.called("setWebhook", 1)).await;
    assert_eq!(
        (&set[0]["url"], &set[0]["secret_token"]),
        (&URL.into(), &SECRET.into())
    );
    world
}

/// An update that Telegram would deliver now.
fn update(world: &World, text: &str) -> Value {
    world.telegram.dm(ADA, text);
    world.telegram.unconfirmed().pop().expect("an update")
}

/// Sends it as it is; gives status and all that came back. The sending side stays open.
async fn ask(world: &World, line: &str, headers: &str, body: &str) -> (u16, String) {
    let address = format!("127.0.0.1:{}", world.gateway.port);
    let mut tcp = TcpStream::connect(address).await.expect("it listens");
    let request = format!("{line} HTTP/1.1\r\nhost: bot.example\r\nconnection: close\r\n{headers}\r\n{body}");
    tcp.write_all(request.as_bytes()).await.expect("sent");
    let mut response = Vec::new();
    let read = async { while tcp.read_buf(&mut response).await.is_ok_and(|read| read > 0) {} };
    soon("an answer", read).await;
    let response = String::from_utf8_lossy(&response).to_ascii_lowercase();
    let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), response)
}

async fn deliver(world: &World, secret: &str, update: &Value) -> (u16, String) {
    let body = update.to_string();
    let headers = format!(
        "x-telegram-bot-api-secret-token: {secret}\r\ncontent-length: {}\r\n",
        body.len()
    );
    ask(world, &format!("POST {PATH}"), &headers, &body).await
}

/// One more update goes through, so everything before it has had its effect.
async fn is_answered(world: &World, text: &str) {
    let update = update(world, text);
    let (status, response) = deliver(world, SECRET, &update).await;
    assert_eq!(status, 200, "{response}");
    world.sent(text).await;
}

#[tokio::test]
async fn an_update_by_webhook_is_acknowledged_when_it_can_not_be_lost() {
    let mut world = world().await;
    let (turn, _valve) = Turn::text("never said").held(0);
    world.model.script(turn);
    let update = update(&world, "by webhook");
    let (status, response) = deliver(&world, SECRET, &update).await;
    assert_eq!(status, 200, "{response}");
    assert!(
        response.contains("x-openclaw-delivery-accepted: durable"),
        "{response}"
    );
    // its answer is never finished
    world.heard(1).await;
    world.gateway.kill();
    world.gateway = world.home.start().await;
    world.sent("by webhook").await;
    soon("the webhook to be set", world.telegram.called("setWebhook", 2)).await;
    let (status, response) = deliver(&world, SECRET, &update).await;
    assert_eq!(status, 200, "a repeat is fine: {response}");
    is_answered(&world, "another one").await;
    assert_eq!(world.texts(2).await.len(), 2, "and changes nothing");
    assert!(
        world.telegram.bodies("getUpdates").is_empty(),
        "nothing is polled"
    );
    let log = world.end().await;
    assert!(!log.contains(SECRET), "a secret is logged:\n{log}");
}

#[tokio::test]
async fn whoever_lacks_the_secret_is_not_listened_to() {
    let world = world().await;
    let right = format!("x-telegram-bot-api-secret-token: {SECRET}\r\n");
    let endless = "transfer-encoding: chunked\r\n";
    let wrong = format!("x-telegram-bot-api-secret-token: wrong\r\n{endless}");
    let large = format!("{right}content-length: 1048577\r\n");
    let table = [
        ("POST /telegram-webhook", endless, 401),
        ("POST /telegram-webhook", &wrong, 401),
        ("POST /telegram-webhook", &large, 413),
        ("GET /telegram-webhook", &right, 405),
        ("PUT /telegram-webhook", &right, 405),
        // by a foreign name only the route itself is there
        ("POST /telegram-webhook/", &right, 403),
        ("POST /x/../telegram-webhook", &right, 403),
        ("GET /", "", 403),
        // what watches a machine has its own name for it
        ("GET /healthz", "", 200),
    ];
    for (line, headers, status) in table {
        // the body never comes: whoever waited for it would not answer
        let (answered, response) = ask(&world, line, headers, "").await;
        assert_eq!(answered, status, "{line} {headers}: {response}");
    }
    let update = update(&world, "from nobody");
    assert_eq!(deliver(&world, "wrong", &update).await.0, 401);
    let no_update = Value::String("no update".into());
    assert_eq!(deliver(&world, SECRET, &no_update).await.0, 400);
    is_answered(&world, "the only one").await;
    assert_eq!(world.texts(1).await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn without_a_secret_there_is_no_webhook() {
    let world = World::with(|config| config["channels"]["telegram"]["webhookUrl"] = URL.into()).await;
    let address = format!("127.0.0.1:{}", world.gateway.port);
    let headers = format!("host: {address}\r\ncontent-length: 2\r\n");
    let mut tcp = TcpStream::connect(&address).await.expect("it listens");
    let request = format!("POST {PATH} HTTP/1.1\r\n{headers}connection: close\r\n\r\n{{}}");
    tcp.write_all(request.as_bytes()).await.expect("sent");
    let mut response = Vec::new();
    let read = async { while tcp.read_buf(&mut response).await.is_ok_and(|read| read > 0) {} };
    soon("an answer", read).await;
    let response = String::from_utf8_lossy(&response);
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.contains("retry-after: "), "{response}");
    world.end().await;
}
