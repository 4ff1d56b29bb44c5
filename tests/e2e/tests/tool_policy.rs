//! What an agent can do and what it can't, in the real program, with a model that does whatever it is told to: the
//! gateway's own tools asked rightly, wrongly and hostilely; tasks of subagents over the death of the process.
use openclaw_e2e::world::{ADA, BOB, PATIENCE, Running, World, last_words, soon, text_of};
use openclaw_fakes::openai::{Part, Turn};
use serde_json::{Value, json};
use std::time::Duration;

/// The gateway's own tools.
const OWN: &[&str] = &[
    "agents_list",
    "cron",
    "gateway",
    "session_status",
    "sessions_history",
    "sessions_list",
    "sessions_send",
    "sessions_spawn",
];
/// Those of them that change nothing.
const HARMLESS: &[&str] = &[
    "agents_list",
    "session_status",
    "sessions_history",
    "sessions_list",
];
/// Steps of the journal at which a subagent's gateway is killed, and which time.
const CUTS: &[&str] = &[
    "begin.after:2",
    "append.after:2",
    "reply.before:2",
    "reply.after:2",
    "accept.after:3",
];

/// A world in which Ada is the owner, and Bob somebody who writes because everybody may.
async fn world(change: impl FnOnce(&mut Value)) -> World {
    World::with(|config| {
        config["commands"]["ownerAllowFrom"] = json!(["telegram:7"]);
        // Bob's words must not come to Ada's conversation
        config["session"]["dmScope"] = json!("per-channel-peer");
        change(config);
    })
    .await
}

/// Has the model ask for a tool when somebody writes; gives what the tool told the model, and what tools were offered.
async fn asked(world: &World, who: openclaw_fakes::telegram::Person, calls: Turn) -> (String, Vec<String>) {
    let before = world
        .model
        .asked()
        .iter()
        .filter(|asked| !asked.body.is_null())
        .count();
    world.model.script(calls);
    world.model.script(Turn::text("mark-end"));
    world.telegram.dm(who, "go");
    let bodies = soon("two requests", world.model.heard(before + 2)).await;
    let offered = bodies[before]["tools"].as_array().into_iter().flatten();
    let offered = offered.filter_map(|tool| tool["function"]["name"].as_str().map(str::to_owned));
    (last_words(&bodies[before + 1]), offered.collect())
}

fn call(name: &str, arguments: Value) -> Turn {
    Turn::default().and_call("call_1", name, &arguments)
}

fn raw(name: &str, arguments: &str) -> Turn {
    let mut turn = Turn::default();
    turn.parts.push(Part::Call {
        id: "call_1".into(),
        name: name.into(),
        arguments: arguments.into(),
    });
    turn
}

#[tokio::test]
async fn the_owner_asks_for_every_tool_rightly() {
    let world = world(|_| {}).await;
    let every = json!({ "kind": "every", "everyMs": 3_600_000_u64 });
    let job = json!({ "name": "tea", "schedule": every, "payload": { "kind": "agentTurn", "message": "m" } });
    for (tool, args, told) in [
        ("agents_list", json!({}), "\"requester\":\"main\""),
        ("session_status", json!({}), "Model: one/m"),
        (
            "sessions_list",
            json!({ "messageLimit": 2 }),
            "agent:main:telegram:direct:7",
        ),
        (
            "sessions_history",
            json!({ "sessionKey": "agent:main:telegram:direct:7", "includeTools": true }),
            "mark-end",
        ),
        ("cron", json!({ "action": "add", "job": job }), "\"chat\""),
        ("cron", json!({ "action": "list" }), "tea"),
        ("cron", json!({ "action": "status" }), "\"jobs\":1"),
        ("cron", json!({ "action": "runs" }), "\"total\":0"),
        (
            "cron",
            json!({ "action": "wake", "text": "mark-woken" }),
            "\"ok\":true",
        ),
        ("gateway", json!({ "action": "status" }), "{"),
        ("gateway", json!({ "action": "config.get" }), "\"hash\""),
        (
            "gateway",
            json!({ "action": "config.schema", "path": "agents.defaults" }),
            "agents.defaults",
        ),
    ] {
        let (heard, offered) = asked(&world, ADA, call(tool, args.clone())).await;
        let told = if told == "\"chat\"" { "telegram" } else { told };
        assert!(heard.contains(told), "{tool} {args}: {heard}");
        assert!(!heard.contains("sk-a-key"), "a key is told: {heard}");
        assert!(
            OWN.iter().all(|own| offered.iter().any(|name| name == own)),
            "{offered:?}"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn wrong_calls_are_answers_and_not_the_end() {
    let world = world(|_| {}).await;
    for (turn, told) in [
        (raw("sessions_list", "{\"limit\": "), "are not JSON"),
        (raw("sessions_list", "[1]"), "don't fit"),
        (call("sessions_history", json!({})), "missing field `sessionKey`"),
        (
            call("sessions_spawn", json!({ "label": "x" })),
            "missing field `task`",
        ),
        (
            call("sessions_send", json!({ "sessionKey": "main" })),
            "message is empty",
        ),
        (
            call("sessions_send", json!({ "message": "m" })),
            "name the session",
        ),
        (call("session_status", json!({ "model": "no/such" })), "error:"),
        (call("cron", json!({ "action": "explode" })), "unknown variant"),
        (
            call("cron", json!({ "action": "remove", "jobId": "nope" })),
            "not found",
        ),
        (
            call("gateway", json!({ "action": "config.patch", "raw": "{" })),
            "no JSON",
        ),
        (
            call("launch_missiles", json!({})),
            "there is no tool named launch_missiles; there are: agents_list",
        ),
    ] {
        let (heard, _) = asked(&world, ADA, turn).await;
        assert!(heard.contains(told), "{told}: {heard}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_model_that_obeys_strangers_changes_nothing() {
    let world = world(|_| {}).await;
    let before = std::fs::read_to_string(world.home.config_file()).expect("read");
    let every = json!({ "kind": "every", "everyMs": 1_000 });
    let job =
        json!({ "name": "evil", "schedule": every, "payload": { "kind": "agentTurn", "message": "m" } });
    for (tool, args, told) in [
        ("exec", json!({ "command": "id" }), "there is no tool named exec"),
        (
            "cron",
            json!({ "action": "add", "job": job }),
            "for the owner alone",
        ),
        (
            "gateway",
            json!({ "action": "config.get" }),
            "for the owner alone",
        ),
        ("sessions_spawn", json!({ "task": "evil" }), "is off here"),
        (
            "sessions_send",
            json!({ "sessionKey": "agent:main:telegram:direct:7", "message": "evil" }),
            "is off here",
        ),
        (
            "sessions_history",
            json!({ "sessionKey": "agent:main:telegram:direct:7" }),
            "out of reach",
        ),
        (
            "sessions_history",
            json!({ "sessionKey": "agent:main:none" }),
            "out of reach",
        ),
        ("session_status", json!({ "model": "one/m" }), "not for strangers"),
        (
            "session_status",
            json!({ "sessionKey": "agent:main:telegram:direct:7" }),
            "out of reach",
        ),
    ] {
        let (heard, offered) = asked(&world, BOB, call(tool, args.clone())).await;
        assert!(heard.contains(told), "{tool} {args}: {heard}");
        let own: Vec<_> = offered
            .iter()
            .filter(|name| OWN.contains(&name.as_str()))
            .collect();
        assert_eq!(
            own, HARMLESS,
            "a stranger's model is offered what changes nothing"
        );
    }
    let port = ["--port", &world.gateway.port];
    let jobs = world
        .home
        .json(&[&["cron", "list", "--all", "--json"][..], &port].concat())
        .await;
    assert_eq!(jobs["total"], 0);
    let after = std::fs::read_to_string(world.home.config_file()).expect("read");
    assert_eq!(before, after, "the configuration is as it was");
    // the owner's model is held too: nothing of the configuration is open unless the operator says so
    let patch = json!({ "action": "config.patch", "raw": "{\"messages\":{\"ackReaction\":\"x\"}}" });
    let (heard, _) = asked(&world, ADA, call("gateway", patch)).await;
    assert!(heard.contains("not for a model to change"), "{heard}");
    world.end().await;
}

#[tokio::test]
async fn a_place_opens_what_is_closed_and_a_rule_closes_what_is_open() {
    let world = world(|config| {
        config["channels"]["telegram"]["direct"] =
            json!({ "8": { "tools": { "alsoAllow": ["sessions_spawn"] } } });
        config["tools"] =
            json!({ "deny": ["sessions_list"], "toolsBySender": { "telegram:7": { "deny": ["Agents_*"] } } });
    })
    .await;
    let (_, bob) = asked(
        &world,
        BOB,
        Turn::default()
            .and_text("x")
            .and_call("c", "session_status", &json!({})),
    )
    .await;
    assert!(
        bob.contains(&"sessions_spawn".to_owned()) && bob.contains(&"agents_list".to_owned()),
        "{bob:?}"
    );
    assert!(!bob.contains(&"sessions_list".to_owned()), "{bob:?}");
    let (heard, ada) = asked(&world, ADA, call("agents_list", json!({}))).await;
    assert!(
        heard.contains("tools.toolsBySender.telegram:7.deny has"),
        "{heard}"
    );
    assert!(
        !ada.contains(&"agents_list".to_owned()) && ada.contains(&"cron".to_owned()),
        "{ada:?}"
    );
    world.end().await;
}

#[tokio::test]
async fn people_and_operators_are_told_which_tools_are_on_and_why_others_are_off() {
    let world = world(|config| {
        config["tools"] = json!({ "profile": "messaging", "deny": ["sessions_send", "lobster"] })
    })
    .await;
    world.telegram.dm(ADA, "/tools");
    let text = world.texts(1).await.remove(0);
    assert!(
        text.contains("sessions_list") && text.contains("cron: tools.profile &quot;messaging&quot;"),
        "{text}"
    );
    world.telegram.dm(ADA, "/tools sessions_send");
    let text = world.texts(2).await.remove(1);
    assert!(
        text.contains("is off: tools.deny has &quot;sessions_send&quot;"),
        "{text}"
    );
    let port = ["--port", &world.gateway.port];
    let listed = world
        .home
        .json(&[&["tools", "list", "--json"][..], &port].concat())
        .await;
    let off = listed["off"].as_array().expect("a list");
    assert!(
        off.iter()
            .any(|row| row["id"] == "gateway" && row["why"].is_string()),
        "{listed}"
    );
    assert!(
        listed["notices"][0]["message"]
            .as_str()
            .is_some_and(|text| text.contains("tools.deny")),
        "{listed}"
    );
    let explained = world
        .home
        .run(&[&["tools", "explain", "cron"][..], &port].concat())
        .await;
    let said = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(
        said.contains("off") && said.contains("tools.profile \"messaging\""),
        "{said}"
    );
    let invoked = [
        "gateway",
        "call",
        "tools.invoke",
        "--json",
        "--params",
        "{\"name\":\"agents_list\",\"args\":{}}",
    ];
    let answer = world.home.json(&[&invoked[..], &port].concat()).await;
    assert!(
        answer["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("is off here")),
        "{answer}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_mistyped_name_is_refused_with_the_nearest_one() {
    let world = world(|_| {}).await;
    let set = world
        .home
        .run(&["config", "set", "tools.deny", "[\"sesions_spawn\"]"])
        .await;
    let said = String::from_utf8_lossy(&set.stderr).into_owned();
    assert!(
        !set.status.success() && said.contains("did you mean `sessions_spawn`?"),
        "{said}"
    );
    // a start is not refused, and what was meant is closed
    world.reconfigure(|config| {
        config["tools"] = json!({ "deny": ["sesions_spawn", "of-a-plugin-that-is-gone"] })
    });
    let World {
        telegram: _telegram,
        model: _model,
        home,
        gateway,
    } = world;
    gateway.stop().await;
    let gateway = home.start().await;
    let port = ["--port", &gateway.port];
    let explained = home
        .run(&[&["tools", "explain", "sessions_spawn"][..], &port].concat())
        .await;
    let said = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(said.contains("is off") && said.contains("did you mean"), "{said}");
    assert!(
        gateway.log().contains("did you mean `sessions_spawn`?"),
        "{}",
        gateway.log()
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_model_that_goes_round_in_circles_is_warned_and_stopped() {
    let world = world(|_| {}).await;
    for _ in 0..6 {
        world.model.script(call("agents_list", json!({})));
    }
    world.telegram.dm(ADA, "go");
    world.sent("going round in circles").await;
    let bodies = soon("requests", world.model.heard(6)).await;
    assert_eq!(bodies.len(), 6, "nobody asked once more");
    assert!(
        last_words(&bodies[3]).contains("call number 3"),
        "{}",
        last_words(&bodies[3])
    );
    // the conversation is whole and goes on
    world.model.script(Turn::text("mark-on"));
    world.telegram.dm(ADA, "and now");
    world.sent("mark-on").await;
    world.end().await;
}

#[tokio::test]
async fn a_subagent_does_its_task_and_the_chat_hears_of_it() {
    let world = world(|_| {}).await;
    world.model.script(call(
        "sessions_spawn",
        json!({ "task": "say mark-task", "label": "Errand" }),
    ));
    world.telegram.dm(ADA, "go");
    let told = world.sent("has done its task").await;
    assert!(
        text_of(&told).contains("mark-task") && text_of(&told).contains("Errand"),
        "{told}"
    );
    // the task went to a conversation of its own that has less than the one that it came from
    let bodies = soon("requests", world.model.heard(4)).await;
    let child = bodies
        .iter()
        .find(|body| last_words(body).starts_with("say mark-task"))
        .expect("the task was asked");
    let offered = child["tools"].to_string();
    for tool in ["sessions_spawn", "sessions_send", "cron", "gateway"] {
        assert!(
            !offered.contains(&format!("\"{tool}\"")),
            "{tool} is offered to a subagent: {offered}"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn the_end_of_a_task_is_told_once_whenever_the_process_dies() {
    let mut world = world(|_| {}).await;
    world.gateway.kill();
    for (number, cut) in CUTS.iter().enumerate() {
        let mark = format!("mark-cut-{number}");
        let mut command = world.home.command(&["gateway", "--port", "0"]);
        let mut dying = Running::ready(command.env("OPENCLAW_CRASH_AT", cut)).await;
        world
            .model
            .script(call("sessions_spawn", json!({ "task": format!("say {mark}") })));
        world.telegram.dm(ADA, "go");
        let gone = tokio::time::timeout(Duration::from_secs(20), dying.gone()).await;
        if gone.is_err() {
            // that step is not passed so often: nothing to take up
            dying.kill();
        }
        let gateway = world.home.start().await;
        let all = || world.telegram.bodies("sendMessage");
        let count = |words: &str| {
            all()
                .iter()
                .filter(|body| text_of(body).contains(&mark) && text_of(body).contains(words))
                .count()
        };
        let told = tokio::time::timeout(PATIENCE, async {
            while count("has done its task") == 0
                && !all().iter().any(|body| text_of(body).contains("may or may not"))
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        told.await
            .unwrap_or_else(|_| panic!("{cut}: nothing was told: {:#?}\n{}", all(), gateway.log()));
        let (code, log) = gateway.stop().await;
        assert_eq!(code, Some(0), "{log}");
        assert!(count("has done its task") <= 1, "{cut}: told twice");
    }
}
