//! The fake by itself, without a wire.
use super::{Fault, Person, Telegram};
use serde_json::{Value, json};

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
