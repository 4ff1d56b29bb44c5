//! A question whether a command may run, as buttons in a private chat.
use crate::world::{ADA, BOB, World, config, home_guild, text};
use openclaw_e2e::running::{Home, soon};
use openclaw_fakes::openai::{OpenAi, Turn};
use serde_json::{Value, json};

/// A world with the tool that asks, whose approver is Ada.
async fn world() -> World {
    let (discord, guild, general) = home_guild().await;
    let model = OpenAi::start().await.expect("a port");
    let home = Home::new(&["discord", "openai", "loopback"]);
    let mut config = config(&discord, &model, guild);
    config["channels"]["loopback"] = json!({ "dmPolicy": "disabled" });
    config["channels"]["discord"]["execApprovals"] =
        json!({ "enabled": true, "approvers": [ADA.id.to_string()] });
    // whoever asks, known or not: here it is about the answer
    config["tools"] = json!({ "toolsBySender": { "*": { "allow": ["ask_approval"] } } });
    home.configure(&config);
    let gateway = home.start().await;
    let world = World {
        discord,
        guild,
        general,
        model,
        home,
        gateway,
    };
    world.online().await;
    world
}

fn number(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).expect("an id")
}

#[tokio::test]
async fn an_approver_is_asked_in_private_and_answers_with_a_button() {
    let world = world().await;
    let arguments = json!({ "command": "rm -r build", "path": "/usr/bin/rm" });
    world
        .model
        .script(Turn::call("call-1", "ask_approval", &arguments));
    world.model.script(Turn::text("that was it"));
    world.discord.say(world.general, BOB, "clean up");
    let asked = world.said("May this command run?").await;
    let bot = world.discord.bot();
    let private = world.discord.private(&bot, ADA);
    assert_eq!(asked["channel_id"], private.to_string());
    let buttons = asked["components"][0]["components"]
        .as_array()
        .expect("a row")
        .clone();
    assert_eq!(buttons.len(), 3, "{asked:#}");
    let press = buttons[0]["custom_id"].as_str().expect("an id");
    world
        .discord
        .press(&bot, private, ADA, number(&asked["id"]), press);
    let bodies = soon("the model's being told", world.model.heard(2)).await;
    let heard = bodies[1].to_string();
    assert!(
        heard.contains("allow-once") && heard.contains(&format!("discord:{}", ADA.id)),
        "{heard}"
    );
    let changed = world.said("allowed once by discord").await;
    assert_eq!(changed["id"], asked["id"], "the question itself changes");
    assert!(
        changed["components"].as_array().is_none_or(Vec::is_empty),
        "{changed:#}"
    );
    let answer = world.said("that was it").await;
    assert_eq!(
        answer["channel_id"],
        world.general.to_string(),
        "{}",
        text(&answer)
    );
    world.end().await;
}
