//! Models that fail, as people see it: who answers instead, and what is said when nobody does.
use openclaw_e2e::world::{ADA, KEY, World, text_of};
use openclaw_fakes::openai::{Fault, OpenAi, Turn};
use serde_json::json;

/// How often a model is asked at most before the next one is.
const TRIES: usize = 3;
/// What the second model says.
const INSTEAD: &str = "I answer instead";

/// A first model that fails, and a second behind it.
async fn with_second(failing: &Turn) -> (World, OpenAi) {
    let second = OpenAi::start().await.expect("a port");
    second.require_key(KEY);
    second.script(Turn::text(INSTEAD));
    let world = World::with(|config| {
        let mut provider = config["models"]["providers"]["one"].clone();
        provider["baseUrl"] = second.base_url().into();
        config["models"]["providers"]["two"] = provider;
        config["agents"]["defaults"]["model"]["fallbacks"] = json!(["two/m"]);
    })
    .await;
    for _ in 0..TRIES {
        world.model.script(failing.clone());
    }
    (world, second)
}

fn failed(after: usize) -> Turn {
    let fault = Fault::Failed {
        after,
        code: "server_error".into(),
        message: "it broke".into(),
    };
    Turn::text("this is what I have to say").fault(fault)
}

#[tokio::test]
async fn another_model_answers_where_that_helps() {
    let cut = Turn::text("x").fault(Fault::Cut { after: 0 });
    let malformed = Turn::text("x").fault(Fault::Malformed { after: 0 });
    for (class, turn) in [
        ("auth", Turn::error(401, "invalid_api_key", "Incorrect API key")),
        (
            "billing",
            Turn::error(429, "insufficient_quota", "You exceeded your quota"),
        ),
        ("rate limit", Turn::rate_limit(1)),
        (
            "overloaded",
            Turn::error(503, "", "The engine is currently overloaded"),
        ),
        (
            "overloaded, as Anthropic says it",
            Turn::error(529, "overloaded_error", "Overloaded"),
        ),
        ("server", Turn::error(500, "", "The server had an error")),
        (
            "not found",
            Turn::error(404, "model_not_found", "There is no such model"),
        ),
        ("failed in the stream", failed(0)),
        ("cut", cut),
        ("malformed", malformed),
    ] {
        let (world, second) = with_second(&turn).await;
        world.telegram.dm(ADA, "hello");
        let texts = world.texts(1).await;
        assert!(
            texts[0].contains(INSTEAD),
            "{class}: {texts:?}\n{}",
            world.gateway.log()
        );
        assert_eq!(second.asked().len(), 1, "{class}");
        world.end().await;
    }
}

#[tokio::test]
async fn no_other_model_is_asked_where_that_does_not_help() {
    let wrong = Turn::error(400, "invalid_value", "messages[1] is wrong");
    let begun = Turn::text("so far so good").fault(Fault::Cut { after: 3 });
    for (class, turn, words) in [
        ("format", wrong, "request rejected"),
        ("cut after it began", begun, "⚠️"),
        ("failed after it began", failed(3), "⚠️"),
    ] {
        let (world, second) = with_second(&turn).await;
        world.telegram.dm(ADA, "hello");
        let texts = world.texts(1).await;
        assert!(
            texts[0].contains(words),
            "{class}: {texts:?}\n{}",
            world.gateway.log()
        );
        assert_eq!(second.asked().len(), 0, "{class}: {}", world.gateway.log());
        world.end().await;
    }
}

#[tokio::test]
async fn a_model_that_says_nothing_leaves_time_of_a_short_turn_to_the_next() {
    let silent = Turn::text("x").fault(Fault::Silent { after: 0 });
    let (world, second) = with_second(&silent).await;
    world.reconfigure(|config| config["agents"]["defaults"]["timeoutSeconds"] = json!(6));
    world.gateway.says("changed: agents").await;
    world.telegram.dm(ADA, "hello");
    let texts = world.texts(1).await;
    assert!(texts[0].contains(INSTEAD), "{texts:?}\n{}", world.gateway.log());
    assert_eq!((world.model.asked().len(), second.asked().len()), (1, 1));
    world.end().await;
}

#[tokio::test]
async fn a_person_is_told_what_to_do_when_nobody_answers() {
    let world = World::new().await;
    for (turn, words) in [
        (
            Turn::error(400, "invalid_value", "messages[1] is wrong"),
            "request rejected",
        ),
        (
            Turn::error(404, "model_not_found", "There is no such model"),
            "is not offered",
        ),
        (
            Turn::error(401, "invalid_api_key", "Incorrect API key"),
            "did not accept the gateway's key",
        ),
        (
            Turn::error(429, "insufficient_quota", "You exceeded your quota"),
            "out of credit",
        ),
    ] {
        let before = world.telegram.bodies("sendMessage").len();
        world.model.script(turn);
        world.telegram.dm(ADA, "hello");
        let texts = world.texts(before + 1).await;
        assert!(texts[before].contains(words), "{words}: {texts:?}");
    }
    world.telegram.dm(ADA, "are you back?");
    assert!(text_of(&world.sent("are you back?").await).starts_with("You said:"));
    world.end().await;
}

#[tokio::test]
async fn an_answer_that_telegram_does_not_take_at_once_is_sent_later() {
    use openclaw_fakes::telegram::Fault;
    let world = World::new().await;
    let fault = Fault::Refuse {
        code: 429,
        description: "Too Many Requests: retry after 1".into(),
        retry_after: Some(1),
    };
    world.telegram.fail("sendMessage", fault);
    world.telegram.dm(ADA, "hello");
    let sent = world.texts(2).await;
    assert!(sent[1].contains("hello"), "{sent:?}");
    world.telegram.dm(ADA, "next");
    let texts = world.texts(3).await;
    assert!(
        texts[2].contains("next"),
        "the first one is not sent once more: {texts:?}"
    );
    world.end().await;
}
