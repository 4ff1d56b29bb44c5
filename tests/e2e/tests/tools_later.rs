//! What commands do when nobody waits for them any more: the real gateway tells the conversation, with and without
//! an operator who answers late, and after it was killed. And what commands get of the operator for skills.
use openclaw_e2e::world::{ADA, BOB, Home, KEY, World, config, soon};
use openclaw_fakes::{
    openai::{OpenAi, Turn},
    telegram::Telegram,
};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// A world whose agent has commands.
async fn world(change: impl FnOnce(&mut Value)) -> World {
    let telegram = Telegram::start().await.expect("a port");
    let model = OpenAi::start().await.expect("a port");
    model.require_key(KEY);
    let home = Home::new(&["telegram", "openai", "shell"]);
    let mut config = config(&telegram, &[("one", &model)]);
    config["commands"]["ownerAllowFrom"] = json!([format!("telegram:{}", ADA.id)]);
    change(&mut config);
    home.configure(&config);
    let gateway = home.start().await;
    World {
        telegram,
        model,
        home,
        gateway,
    }
}

/// Asks for a command, and has the model say these words when it has been answered.
fn exec(world: &World, arguments: Value, then: &str) {
    world.model.script(Turn::call("call_1", "exec", &arguments));
    world.model.script(Turn::text(then));
    world.telegram.dm(ADA, "please do it");
}

fn workspace(world: &World) -> PathBuf {
    world.home.state().join("workspace")
}

/// The last message of a role in the `n`th request of the model.
async fn said(world: &World, n: usize, role: &str) -> String {
    let bodies = soon("the model's being asked", world.model.heard(n)).await;
    let messages = bodies[n - 1]["messages"].as_array().cloned().unwrap_or_default();
    let found = messages.iter().rev().find(|message| message["role"] == role);
    found
        .map(|message| message["content"].to_string())
        .unwrap_or_default()
}

/// The id of the question that waits.
async fn question(world: &World) -> String {
    let args = ["approvals", "pending", "--json", "--port", &world.gateway.port];
    let open = world.home.json(&args).await;
    open[0]["id"].as_str().expect("a question").to_owned()
}

async fn resolve(world: &World, id: &str, decision: &str) {
    let args = [
        "approvals",
        "resolve",
        id,
        decision,
        "--port",
        &world.gateway.port,
    ];
    let output = world.home.run(&args).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

const WAITS: &str = "until test -e go; do sleep 0.05; done; echo the last words";

#[tokio::test]
async fn the_end_of_a_command_in_the_background_wakes_the_conversation() {
    for isolation in ["none", "process"] {
        let world = world(|config| {
            config["plugins"]["entries"]["shell"] = json!({ "isolation": isolation });
        })
        .await;
        exec(
            &world,
            json!({ "command": WAITS, "background": true }),
            "It runs.",
        );
        world.sent("It runs.").await;
        world.model.script(Turn::text("It has ended."));
        fs::write(workspace(&world).join("go"), "").expect("written");
        let heard = said(&world, 3, "user").await;
        assert!(
            heard.contains("Exec finished") && heard.contains("the last words"),
            "{heard}"
        );
        let answer = world.sent("It has ended.").await;
        assert_eq!(answer["chat_id"], ADA.id);
        world.end().await;
    }
}

#[tokio::test]
async fn a_command_that_went_down_with_the_gateway_is_told_of_once() {
    let mut world = world(|_| {}).await;
    exec(
        &world,
        json!({ "command": "sleep 600", "background": true }),
        "It runs.",
    );
    world.sent("It runs.").await;
    world.model.script(Turn::text("What a pity."));
    world.gateway.kill();
    world.gateway = world.home.start().await;
    world.sent("What a pity.").await;
    let heard = said(&world, 3, "user").await;
    assert!(
        heard.contains("Exec failed") && heard.contains("ended with the gateway"),
        "{heard}"
    );
    world.gateway.kill();
    world.gateway = world.home.start().await;
    world.model.script(Turn::text("Here I am."));
    world.telegram.dm(ADA, "are you there?");
    world.sent("Here I am.").await;
    assert_eq!(world.model.asked().len(), 4, "it is told once");
    world.end().await;
}

/// The tools that the `n`th request of the model offers.
async fn offered(world: &World, n: usize) -> Vec<String> {
    let bodies = soon("the model's being asked", world.model.heard(n)).await;
    let tools = bodies[n - 1]["tools"].as_array().cloned().unwrap_or_default();
    let names = tools.iter().map(|tool| tool["function"]["name"].to_string());
    names.collect()
}

#[tokio::test]
async fn news_are_heard_with_the_rights_of_whoever_asked_and_no_more() {
    let world = world(|config| {
        config["tools"] = json!({ "toolsBySender": { "*": { "allow": ["exec"] } } });
    })
    .await;
    let arguments = json!({ "command": WAITS, "background": true });
    world.model.script(Turn::call("call_1", "exec", &arguments));
    world.model.script(Turn::text("It runs."));
    world.telegram.dm(BOB, "please do it");
    world.sent("It runs.").await;
    world.model.script(Turn::text("It has ended."));
    fs::write(workspace(&world).join("go"), "").expect("written");
    world.sent("It has ended.").await;
    let (first, news) = (offered(&world, 1).await, offered(&world, 3).await);
    assert_eq!((first.len(), &first), (1, &news));
    world.end().await;
}

#[tokio::test]
async fn an_approval_that_comes_late_is_carried_out_and_told() {
    let world = world(|config| {
        config["tools"]["exec"] = json!({ "host": "gateway", "backgroundMs": 1 });
    })
    .await;
    let outside = world.home.state().join("outside");
    let command = format!("touch {}; echo the last words", outside.display());
    exec(&world, json!({ "command": command }), "I have asked.");
    world.sent("I have asked.").await;
    let told = said(&world, 2, "tool").await;
    let id = question(&world).await;
    assert!(
        told.contains("Approval pending") && told.contains(&id[..8]),
        "{told}"
    );
    assert!(!outside.exists(), "it waits");
    world.model.script(Turn::text("It was allowed."));
    resolve(&world, &id, "allow-once").await;
    let heard = said(&world, 3, "user").await;
    assert!(
        heard.contains("Exec finished") && heard.contains("the last words"),
        "{heard}"
    );
    assert!(outside.exists());
    world.sent("It was allowed.").await;
    fs::remove_file(&outside).expect("removed");
    exec(
        &world,
        json!({ "command": command, "background": true }),
        "I have asked again.",
    );
    world.sent("I have asked again.").await;
    world.model.script(Turn::text("It was not allowed."));
    resolve(&world, &question(&world).await, "deny").await;
    let heard = said(&world, 6, "user").await;
    assert!(
        heard.contains("Exec denied") && heard.contains("does not allow it"),
        "{heard}"
    );
    world.sent("It was not allowed.").await;
    assert!(!outside.exists());
    world.end().await;
}

#[tokio::test]
async fn an_approval_that_nobody_gave_before_the_gateway_was_killed_is_denied_and_told() {
    let mut world = world(|config| {
        config["tools"]["exec"] = json!({ "host": "gateway", "backgroundMs": 1 });
    })
    .await;
    let outside = world.home.state().join("outside");
    let command = format!("touch {}", outside.display());
    exec(&world, json!({ "command": command }), "I have asked.");
    world.sent("I have asked.").await;
    world.model.script(Turn::text("I will ask later."));
    world.gateway.kill();
    world.gateway = world.home.start().await;
    world.sent("I will ask later.").await;
    let heard = said(&world, 3, "user").await;
    assert!(
        heard.contains("Exec denied") && heard.contains("restarted"),
        "{heard}"
    );
    assert!(!outside.exists());
    world.end().await;
}

#[tokio::test]
async fn commands_get_the_variables_of_skills_and_nobody_else_does() {
    const SKILLS_KEY: &str = "a-key-of-a-skill";
    for isolation in ["none", "process"] {
        let world = world(|config| {
            config["plugins"]["entries"]["shell"] = json!({ "isolation": isolation });
            config["skills"] = json!({ "entries": { "maps": {
                "apiKey": SKILLS_KEY, "env": { "MAPS_REGION": "eu" },
            } } });
        })
        .await;
        let folder = workspace(&world).join("skills/maps");
        fs::create_dir_all(&folder).expect("made");
        let meta = r#"{"openclaw":{"primaryEnv":"MAPS_KEY","requires":{"env":["MAPS_KEY"]}}}"#;
        let text = format!("---\nname: maps\ndescription: Maps.\nmetadata: {meta}\n---\n");
        fs::write(folder.join("SKILL.md"), text).expect("written");
        let command = "test ${#MAPS_KEY} = 16 && echo right in $MAPS_REGION; env";
        exec(&world, json!({ "command": command }), "Done.");
        world.sent("Done.").await;
        let told = said(&world, 2, "tool").await;
        assert!(
            told.contains("right in eu") && told.contains("MAPS_KEY=[hidden]"),
            "{told}"
        );
        assert!(!told.contains(SKILLS_KEY), "{told}");
        let log = world.gateway.log();
        assert!(!log.contains(SKILLS_KEY), "{log}");
        world.end().await;
    }
}
