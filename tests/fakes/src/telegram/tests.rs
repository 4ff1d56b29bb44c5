//! The fake by itself, without a wire.
use super::{Fault, Person, Telegram};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const ADA: Person = Person { id: 7, name: "Ada" };

fn call(fake: &Telegram, method: &str, body: &Value) -> Value {
    let path = format!("/bot{}/{method}", Telegram::TOKEN);
    let reply = fake.exchange(&path, "application/json", body.to_string().as_bytes());
    serde_json::from_slice(&reply.body).expect("JSON")
}

#[test]
fn updates_are_forgotten_by_the_offset_and_by_nothing_else() {
    let fake = Telegram::offline();
    fake.dm(ADA, "one");
    fake.dm(ADA, "two");
    for _ in 0..2 {
        assert_eq!(
            call(&fake, "getUpdates", &json!({}))["result"]
                .as_array()
                .map(Vec::len),
            Some(2)
        );
    }
    let rest = call(&fake, "getUpdates", &json!({ "offset": 1001 }));
    assert_eq!(rest["result"][0]["message"]["text"], "two");
    assert_eq!(fake.unconfirmed().len(), 1);
}

#[test]
fn what_telegram_refuses_is_refused() {
    let fake = Telegram::offline();
    let send = |text: &str| {
        call(
            &fake,
            "sendMessage",
            &json!({ "chat_id": 7, "text": text, "parse_mode": "HTML" }),
        )
    };
    assert_eq!(send("<b>fine</b> &amp; well")["ok"], true);
    for text in [
        "<b>open",
        "a </i>",
        "<h1>x</h1>",
        "&nbsp;",
        "<b><i>x</b></i>",
        &"x".repeat(4097),
        "<b> </b>",
    ] {
        assert_eq!(send(text)["error_code"], 400, "{text:.20}");
    }
    fake.fail(
        "sendMessage",
        Fault::Refuse {
            code: 429,
            description: "Too Many Requests".into(),
            retry_after: Some(3),
        },
    );
    assert_eq!(send("x")["parameters"]["retry_after"], 3);
    assert_eq!(send("x")["ok"], true);
    assert_eq!(fake.exchange("/bot1:x/getMe", "", b"").status, 401);
    fake.set_webhook("https://example.org/");
    assert_eq!(call(&fake, "getUpdates", &json!({}))["error_code"], 409);
}

/// One request over a connection of its own: the head and what came of the body.
async fn post(fake: &Telegram, method: &str, body: &Value) -> std::io::Result<String> {
    let root = fake.root();
    let mut stream = TcpStream::connect(root.trim_start_matches("http://")).await?;
    let body = body.to_string();
    let head = format!(
        "POST /bot{}/{method} HTTP/1.1\r\nhost: fake\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        Telegram::TOKEN,
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut answer = Vec::new();
    // A connection that breaks is what some tests are about: what came before counts.
    let _ = stream.read_to_end(&mut answer).await;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn a_poll_is_held_until_something_happens_and_the_earlier_of_two_loses() -> std::io::Result<()> {
    let fake = Telegram::start().await?;
    let poll = json!({ "timeout": 30 });
    let first = post(&fake, "getUpdates", &poll);
    let second = async {
        fake.called("getUpdates", 1).await;
        post(&fake, "getUpdates", &poll).await
    };
    let write = async {
        fake.called("getUpdates", 2).await;
        fake.dm(ADA, "hello");
    };
    let (first, second, ()) = tokio::join!(first, second, write);
    let answers = [first?, second?];
    assert_eq!(
        answers.iter().filter(|answer| answer.contains("409")).count(),
        1,
        "{answers:?}"
    );
    assert_eq!(
        answers.iter().filter(|answer| answer.contains("hello")).count(),
        1,
        "{answers:?}"
    );
    Ok(())
}

#[tokio::test]
async fn connections_break_as_the_script_says() -> std::io::Result<()> {
    let fake = Telegram::start().await?;
    fake.fail("sendMessage", Fault::Cut);
    let answer = post(&fake, "sendMessage", &json!({ "chat_id": 7, "text": "x" })).await?;
    assert!(
        answer.contains("{\"ok\":true") && !answer.contains("}}"),
        "{answer}"
    );
    fake.fail("sendMessage", Fault::Page { status: 502 });
    let answer = post(&fake, "sendMessage", &json!({ "chat_id": 7, "text": "x" })).await?;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    fake.fail("sendMessage", Fault::HalfOpen);
    let body = json!({ "chat_id": 7, "text": "x" });
    tokio::select! {
        answer = post(&fake, "sendMessage", &body) => panic!("answered: {answer:?}"),
        _ = fake.called("sendMessage", 3) => {}
    }
    Ok(())
}
