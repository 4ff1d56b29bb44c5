//! What happens to messages that come while an answer is made, in each queue mode.
use openclaw_e2e::world::{ADA, BOB, World, soon};
use openclaw_fakes::openai::{Turn, Valve};
use serde_json::Value;

/// A world in which the first answer waits, and its first message has reached the model.
async fn busy(mode: &str) -> (World, Valve) {
    let world = World::with(|config| {
        config["messages"] = serde_json::json!({ "queue": { "mode": mode, "debounceMs": 50 } });
    })
    .await;
    let (turn, valve) = Turn::text("the first answer").held(1);
    world.model.script(turn);
    world.telegram.dm(ADA, "one");
    world.heard(1).await;
    (world, valve)
}

/// Sends two more and waits until the gateway has both.
async fn two_more(world: &World) {
    world.telegram.dm(ADA, "two");
    world.telegram.dm(ADA, "three");
    world.gateway.has_sorted(3).await;
}

fn requests(bodies: &[Value]) -> Vec<String> {
    bodies.iter().map(openclaw_e2e::world::last_words).collect()
}

#[tokio::test]
async fn followup_makes_a_turn_of_each() {
    let (world, valve) = busy("followup").await;
    two_more(&world).await;
    valve.open();
    let texts = world.texts(3).await;
    assert!(
        texts[0].contains("first answer") && texts[1].contains("two") && texts[2].contains("three"),
        "{texts:?}"
    );
    world.end().await;
}

#[tokio::test]
async fn collect_makes_one_turn_of_all() {
    let (world, valve) = busy("collect").await;
    two_more(&world).await;
    valve.open();
    world.texts(2).await;
    let bodies = world.model.heard(2).await;
    let heard = bodies[1].to_string();
    assert!(heard.contains("two") && heard.contains("three"), "{heard}");
    assert_eq!(bodies.len(), 2, "one turn for both");
    world.end().await;
}

#[tokio::test]
async fn interrupt_gives_up_what_runs() {
    let (world, valve) = busy("interrupt").await;
    world.telegram.dm(ADA, "two");
    soon("the request to be given up", valve.abandoned()).await;
    let texts = world.texts(1).await;
    assert!(texts[0].contains("two"), "{texts:?}");
    world.end().await;
}

#[tokio::test]
async fn steer_lets_the_running_turn_have_them() {
    let (world, valve) = busy("steer").await;
    two_more(&world).await;
    valve.open();
    let bodies = soon("the next request", world.model.heard(2)).await;
    let words = requests(&bodies);
    let all = bodies[1].to_string();
    assert!(all.contains("two") && all.contains("three"), "{words:?}");
    let texts = world.texts(1).await;
    assert!(
        texts.iter().any(|text| text.contains("three")) || world.texts(2).await[1].contains("three"),
        "{texts:?}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_message_of_another_chat_is_answered_there() {
    // both share the main conversation, so one waits for the other
    let (world, valve) = busy("steer").await;
    world.telegram.dm(BOB, "and me?");
    world.gateway.has_sorted(2).await;
    valve.open();
    let answer = world.sent("and me?").await;
    assert_eq!(answer["chat_id"], BOB.id);
    let first = world.sent("the first answer").await;
    assert_eq!(first["chat_id"], ADA.id);
    world.end().await;
}
