//! What the configuration and people's commands say, and what follows from it in chats and files.
use openclaw_e2e::{
    running::Running,
    world::{ADA, GROUP, World, soon},
};
use serde_json::{Value, json};
use std::fs;

#[tokio::test]
async fn the_log_file_has_the_form_that_readers_know_and_hides_what_the_operator_names() {
    let world = World::with(|config| {
        config["logging"] = json!({ "file": "~/gateway.log", "redactPatterns": ["configuration .*json"] });
    })
    .await;
    let file = world.home.state().join("gateway.log");
    // the home goes with the world
    let World { home, gateway, .. } = world;
    gateway.stop().await;
    let text = fs::read_to_string(file).expect("the file is there");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let said = |words: &str| {
        lines
            .iter()
            .find(|line| line["1"].as_str().is_some_and(|text| text.contains(words)))
            .unwrap_or_else(|| panic!("{words}: {text}"))
    };
    let ready = said("ready in");
    assert_eq!(ready["0"], "{\"subsystem\":\"gateway\"}");
    assert_eq!(ready["_meta"]["logLevelName"], "INFO");
    assert!(ready["time"].as_str().is_some_and(|time| time.ends_with('Z')));
    said("stopping");
    // the warning about the mode of the file names it too
    assert!(!text.contains("configuration /"), "{text}");
    drop(home);
}

/// In the gateway's process and in one of its own.
#[tokio::test]
async fn plugins_log_what_the_configuration_wants_now() {
    for isolation in ["none", "process"] {
        let world = World::with(|config| {
            config["plugins"]["entries"]["telegram"] = json!({ "isolation": isolation });
        });
        let mut world = world.await;
        world.gateway.kill();
        // a filter of the environment would count for more than the configuration
        let mut command = world.home.command(&["gateway", "--port", "0"]);
        world.gateway = Running::ready(command.env_remove("OPENCLAW_LOG")).await;
        let detail = "[telegram] sent";
        world.telegram.dm(ADA, "in short");
        world.sent("in short").await;
        world.reconfigure(|config| config["logging"] = json!({ "level": "debug" }));
        world.gateway.says("changed: logging").await;
        let log = world.gateway.log();
        assert!(!log.contains(detail), "{log}");
        // the plugin hears of it soon, and a message may be faster
        let told = async {
            for n in 0.. {
                let text = format!("in detail, {n}");
                world.telegram.dm(ADA, &text);
                world.sent(&text).await;
                if world.gateway.log().contains(detail) {
                    return;
                }
            }
        };
        soon("a line in detail", told).await;
        world.end().await;
    }
}

#[tokio::test]
async fn people_choose_when_a_group_is_answered_and_it_stays_so() {
    let world = World::new().await;
    world.telegram.group(GROUP, ADA, "/activation always");
    world.sent("Group activation set to always").await;
    let world = world.restarted().await;
    world.telegram.group(GROUP, ADA, "nobody is addressed here");
    world.sent("nobody is addressed here").await;
    world.telegram.group(GROUP, ADA, "/activation mention");
    world.sent("Group activation set to mention").await;
    world.telegram.group(GROUP, ADA, "this is between us");
    world.telegram.group(GROUP, ADA, "/whoami");
    world.sent("Identity").await;
    let texts = world.telegram.bodies("sendMessage");
    assert!(
        !texts.iter().any(|body| body["text"]
            .as_str()
            .is_some_and(|text| text.contains("between us"))),
        "{texts:?}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_place_has_words_of_its_operator_in_the_prompt() {
    let world = World::with(|config| {
        let groups = json!({ "*": { "requireMention": false, "systemPrompt": "Speak of the sea." } });
        config["channels"]["telegram"]["groups"] = groups;
    })
    .await;
    world.telegram.group(GROUP, ADA, "hello there");
    let bodies = soon("the model's being asked", world.model.heard(1)).await;
    let system = bodies[0]["messages"][0].to_string();
    assert!(
        system.contains("About this chat") && system.contains("Speak of the sea."),
        "{system}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_footer_tells_what_an_answer_used_to_who_wants_to_know() {
    let world = World::new().await;
    world.telegram.dm(ADA, "/usage tokens");
    world.sent("Usage footer: tokens").await;
    world.telegram.dm(ADA, "what do you cost?");
    let sent = world.sent("what do you cost?").await;
    let text = sent["text"].as_str().unwrap_or_default();
    assert!(text.contains("Usage: ") && text.contains(" in / "), "{text}");
    world.end().await;
}
