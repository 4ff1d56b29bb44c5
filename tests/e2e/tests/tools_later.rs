//! What commands do when nobody waits for them any more: the real gateway tells the conversation, with and without
//! an operator who answers late, and after it was killed. And what commands get of the operator for skills.
use openclaw_e2e::world::{ADA, BOB, Running, World, soon};
use openclaw_fakes::openai::Turn;
use serde_json::{Value, json};
use std::{fs, path::PathBuf, time::Duration};

/// A world whose agent has commands.
async fn world(change: impl FnOnce(&mut Value)) -> World {
    World::with_plugins(&["shell"], |config| {
        config["commands"]["ownerAllowFrom"] = json!([format!("telegram:{}", ADA.id)]);
        change(config);
    })
    .await
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
    // and once more, between the news being taken and the work being forgotten
    let mut command = world.home.command(&["gateway", "--port", "0"]);
    world.gateway = Running::spawn(command.env("OPENCLAW_CRASH_AT", "accept.after"));
    world.gateway.gone().await;
    assert!(world.gateway.was_killed(), "{}", world.gateway.log());
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

#[tokio::test]
async fn a_command_that_went_down_with_its_plugin_is_told_of_when_the_plugin_is_back() {
    let world = world(|config| {
        config["plugins"]["entries"]["shell"] = json!({ "isolation": "process" });
    })
    .await;
    let sleeps = json!({ "command": "sleep 600", "background": true });
    exec(&world, sleeps, "It runs.");
    world.sent("It runs.").await;
    world.model.script(Turn::text("What a pity."));
    let child = isolated(&world, "shell");
    let child = i32::try_from(child).ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(child.expect("an id"), rustix::process::Signal::KILL).expect("killed");
    let heard = said(&world, 3, "user").await;
    assert!(
        heard.contains("Exec failed") && heard.contains("with the plugin that ran it"),
        "{heard}"
    );
    world.sent("What a pity.").await;
    exec(&world, json!({ "command": "echo I am back" }), "It is back.");
    world.sent("It is back.").await;
    let told = said(&world, 5, "tool").await;
    assert!(told.contains("I am back"), "{told}");
    assert_eq!(world.model.asked().len(), 5, "it is told once");
    world.end().await;
}

/// The process of an isolated plugin.
fn isolated(world: &World, plugin: &str) -> u32 {
    let gateway = world.gateway.pid().to_string();
    let is_child = |id: u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let (_, rest) = stat.rsplit_once(") ").unwrap_or_default();
        rest.split(' ').nth(1) == Some(gateway.as_str())
    };
    let is_plugin = |id: u32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&format!("/{plugin}-"))
    };
    let all = fs::read_dir("/proc").expect("processes").flatten();
    let mut ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.find(|id| is_child(*id) && is_plugin(*id))
        .expect("a process of the plugin")
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
async fn an_approved_command_that_takes_long_is_told_to_run() {
    let world = world(|config| {
        config["tools"]["exec"] =
            json!({ "host": "gateway", "backgroundMs": 1, "approvalRunningNoticeMs": 1 });
    })
    .await;
    exec(&world, json!({ "command": WAITS }), "I have asked.");
    world.sent("I have asked.").await;
    world.model.script(Turn::text("It runs."));
    resolve(&world, &question(&world).await, "allow-once").await;
    let heard = said(&world, 3, "user").await;
    assert!(
        heard.contains("Exec running") && heard.contains("until test -e go"),
        "{heard}"
    );
    world.sent("It runs.").await;
    world.model.script(Turn::text("It has ended."));
    fs::write(workspace(&world).join("go"), "").expect("written");
    let heard = said(&world, 4, "user").await;
    assert!(
        heard.contains("Exec finished") && heard.contains("the last words"),
        "{heard}"
    );
    world.sent("It has ended.").await;
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
        heard.contains("Exec denied") && heard.contains("so it was not run"),
        "{heard}"
    );
    assert!(!outside.exists());
    world.end().await;
}

#[tokio::test]
async fn an_approved_command_that_went_down_with_the_gateway_is_not_called_denied() {
    let mut world = world(|config| {
        config["tools"]["exec"] = json!({ "host": "gateway", "backgroundMs": 1 });
    })
    .await;
    let outside = world.home.state().join("outside");
    let command = format!("touch {}; sleep 600", outside.display());
    exec(&world, json!({ "command": command }), "I have asked.");
    world.sent("I have asked.").await;
    resolve(&world, &question(&world).await, "allow-once").await;
    let begun = async {
        while !outside.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the command", begun).await;
    world.model.script(Turn::text("What a pity."));
    world.gateway.kill();
    world.gateway = world.home.start().await;
    world.sent("What a pity.").await;
    let heard = said(&world, 3, "user").await;
    assert!(
        heard.contains("Exec failed") && heard.contains("ended with the gateway"),
        "{heard}"
    );
    assert!(!heard.contains("denied"), "{heard}");
    world.end().await;
}

#[tokio::test]
async fn commands_get_the_variables_of_skills() {
    const SKILLS_KEY: &str = "a-key-of-a-skill";
    for isolation in ["none", "process"] {
        let world = world(|config| {
            config["plugins"]["entries"]["shell"] = json!({ "isolation": isolation });
            config["skills"] = json!({ "entries": { "maps": {
                "apiKey": SKILLS_KEY, "env": { "MAPS_REGION": "eu-central" },
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
            told.contains("right in eu-central") && told.contains("MAPS_KEY=[hidden]"),
            "{told}"
        );
        assert!(!told.contains(SKILLS_KEY), "{told}");
        let log = world.gateway.log();
        assert!(!log.contains(SKILLS_KEY), "{log}");
        world.end().await;
    }
}

/// What a plugin is answered in a call for Bob that asks for the variables of a call, the `n`th of these. It starts no
/// processes.
async fn asks_for_variables(world: &World, n: usize, of: Value) -> String {
    let words = format!("It is asked {n} times.");
    world
        .model
        .script(Turn::call(&format!("call_of_bob_{n}"), "ask_variables", &of));
    world.model.script(Turn::text(&words));
    world.telegram.dm(BOB, "please ask");
    world.sent(&words).await;
    // the first request is Ada's
    said(world, 1 + 2 * n, "tool").await
}

#[tokio::test]
async fn nobody_else_gets_the_variables_of_skills() {
    let world = World::with_plugins(&["shell", "loopback"], |config| {
        let owners = [ADA, BOB].map(|person| format!("telegram:{}", person.id));
        config["channels"]["loopback"] = json!({ "dmPolicy": "disabled" });
        config["commands"]["ownerAllowFrom"] = json!(owners);
        config["session"] = json!({ "dmScope": "per-channel-peer" });
        config["tools"]["exec"]["backgroundMs"] = 600_000.into();
    })
    .await;
    let begun = workspace(&world).join("begun");
    let arguments = json!({ "command": format!("touch begun; {WAITS}") });
    world.model.script(Turn::call("call_of_ada", "exec", &arguments));
    world.telegram.dm(ADA, "please do it");
    let under_way = async {
        while !begun.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("a call of a plugin that may ask", under_way).await;
    let own = asks_for_variables(&world, 1, json!({})).await;
    assert!(
        own.contains("refused") && own.contains("agent:main:telegram:direct:8"),
        "its own call, and it starts no processes: {own}"
    );
    let of_ada = json!({ "callId": "call_of_ada", "sessionKey": "agent:main:telegram:direct:7" });
    let foreign = asks_for_variables(&world, 2, of_ada).await;
    assert!(foreign.contains("not_found"), "another plugin's call: {foreign}");
    let ended = asks_for_variables(&world, 3, json!({ "callId": "call_of_bob_1" })).await;
    assert!(ended.contains("not_found"), "a call that is over: {ended}");
    world.model.script(Turn::text("It has ended."));
    fs::write(workspace(&world).join("go"), "").expect("written");
    world.sent("It has ended.").await;
    world.end().await;
}
