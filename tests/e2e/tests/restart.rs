//! Beginning anew in the same process: by a signal, by a client, by the command line. Nothing is lost, nothing said twice.
use openclaw_e2e::{
    chat::{Chat, config, scripted},
    world::{ADA, Home, Running, World, soon},
};
use openclaw_fakes::openai::Turn;
use serde_json::json;

fn signal(name: &str, gateway: &Running) {
    let sent = std::process::Command::new("kill")
        .args([name, &gateway.pid().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

/// Ends in order, with the process that it began with.
async fn ends_well(gateway: Running) -> String {
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
    log
}

#[tokio::test]
async fn clients_are_told_of_a_restart_and_come_back_to_the_same_process() {
    let home = Home::new(&["demo"]);
    home.configure(&config());
    let mut gateway = home.start().await;
    // as OpenClaw's of February 2026 is told, and as that of September
    for (times, name) in ["-USR1", "-USR2"].into_iter().enumerate() {
        let mut chat = Chat::connect(&gateway).await;
        let before = chat.call("system.info", json!({})).await.expect("told");
        signal(name, &gateway);
        let told = chat
            .until("the restart", |frame| frame["event"] == "shutdown")
            .await;
        assert_eq!(told["payload"]["reason"], "gateway restarting");
        assert!(told["payload"]["restartExpectedMs"].as_u64().is_some(), "{told}");
        assert_eq!(chat.closed().await, (1012, "service restart".to_owned()));
        gateway.has_begun_anew(times + 1).await;
        let mut chat = Chat::connect(&gateway).await;
        let after = chat.call("system.info", json!({})).await.expect("told");
        assert_eq!(after["pid"], before["pid"]);
        assert_ne!(after["processInstanceId"], before["processInstanceId"]);
    }
    let mut chat = Chat::connect(&gateway).await;
    signal("-TERM", &gateway);
    let told = chat.until("the end", |frame| frame["event"] == "shutdown").await;
    assert_eq!(told["payload"], json!({ "reason": "gateway stopping" }));
    assert_eq!(chat.closed().await, (1012, "service restart".to_owned()));
    gateway.gone().await;
    assert_eq!(gateway.ended().0, Some(0));
}

#[tokio::test]
async fn a_turn_that_runs_is_waited_for() {
    let mut world = World::new().await;
    let (turn, valve) = Turn::text("said before the restart").held(1);
    world.model.script(turn);
    world.telegram.dm(ADA, "first");
    world.heard(1).await;
    signal("-USR2", &world.gateway);
    world.gateway.says("when 1 turns have ended").await;
    drop(valve);
    world.sent("said before the restart").await;
    world.gateway.has_begun_anew(1).await;
    world.telegram.dm(ADA, "second");
    world.sent("second").await;
    assert_eq!(world.model.asked().len(), 2, "nothing was asked twice");
    assert_eq!(
        world.telegram.bodies("sendMessage").len(),
        2,
        "nothing was said twice"
    );
    ends_well(world.gateway).await;
}

#[tokio::test]
async fn a_second_signal_does_not_wait_and_the_turn_is_taken_up_again() {
    let mut world = World::new().await;
    let (turn, _valve) = Turn::text("never heard").held(0);
    world.model.script(turn);
    world.telegram.dm(ADA, "a question");
    world.heard(1).await;
    signal("-USR2", &world.gateway);
    world.gateway.says("when 1 turns have ended").await;
    signal("-USR2", &world.gateway);
    world.gateway.has_begun_anew(1).await;
    world.sent("a question").await;
    assert_eq!(world.model.asked().len(), 2);
    assert_eq!(world.telegram.bodies("sendMessage").len(), 1, "one answer");
    ends_well(world.gateway).await;
}

#[tokio::test]
async fn a_change_that_only_a_start_takes_up_brings_one_about() {
    let home = Home::new(&["demo"]);
    home.configure(&config());
    let mut gateway = home.start().await;
    let mut changed = config();
    // known, and without effect here: nothing is restarted for it
    changed["proxy"] = json!({ "enabled": false });
    home.configure(&changed);
    gateway.says("changed: proxy").await;
    changed["gateway"]["controlUi"] = json!({ "basePath": "/desk" });
    home.configure(&changed);
    gateway.says("restart for gateway.controlUi.basePath").await;
    gateway.has_begun_anew(1).await;
    assert!(!gateway.log().contains("restart for proxy"), "{}", gateway.log());

    // what would not start is told, and the old one goes on
    changed["gateway"]["auth"] = json!({ "mode": "password" });
    home.configure(&changed);
    gateway.says("not restarted, the next start would fail").await;
    changed["gateway"]["auth"] = json!({ "token": openclaw_e2e::chat::TOKEN });
    changed["commands"] = json!({ "restart": false });
    home.configure(&changed);
    gateway.says("it does not restart by itself").await;
    Chat::connect(&gateway).await;
    ends_well(gateway).await;
}

#[tokio::test]
async fn what_would_not_start_again_goes_on() {
    let home = Home::new(&["demo"]);
    home.configure(&config());
    let mut gateway = home.start().await;
    home.write_config("{ gateway: { mode: 'local' }, \"agents\": [");
    gateway.says("the old one goes on").await;
    signal("-USR2", &gateway);
    gateway.says("not restarted, the next start would fail").await;
    let output = home.run(&["gateway", "restart"]).await;
    assert_eq!(output.status.code(), Some(78), "{output:?}");

    home.configure(&config());
    gateway.says("the configuration is as it was").await;
    signal("-USR2", &gateway);
    gateway.has_begun_anew(1).await;

    let mut off = config();
    off["commands"] = json!({ "restart": false });
    home.configure(&off);
    gateway.says("changed: commands").await;
    signal("-USR2", &gateway);
    gateway
        .says("SIGUSR2 is ignored: commands.restart is false")
        .await;
    let output = home.run(&["gateway", "restart"]).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(78) && said.contains("commands.restart"),
        "{said}"
    );
    let mut chat = Chat::connect(&gateway).await;
    let refused = chat
        .call("gateway.restart.request", json!({}))
        .await
        .expect_err("off");
    assert_eq!(refused["code"], "UNAVAILABLE");
    ends_well(gateway).await;
}

#[tokio::test]
async fn a_client_and_the_command_line_have_it_restarted() {
    let (model, home, mut gateway) = scripted(&[], |_| {}).await;
    let mut chat = Chat::connect(&gateway).await;
    let safe = chat
        .call("gateway.restart.preflight", json!({}))
        .await
        .expect("told");
    assert_eq!(
        (&safe["safe"], &safe["blockers"]),
        (&json!(true), &json!([])),
        "{safe}"
    );

    let (turn, valve) = Turn::text("done").held(0);
    model.script(turn);
    let said = json!({ "sessionKey": "main", "message": "hello", "idempotencyKey": "run" });
    chat.call("chat.send", said).await.expect("it is taken");
    soon("the model's being asked", model.heard(1)).await;
    let busy = chat
        .call("gateway.restart.preflight", json!({}))
        .await
        .expect("told");
    assert_eq!(
        (&busy["safe"], &busy["counts"]["embeddedRuns"]),
        (&json!(false), &json!(1)),
        "{busy}"
    );
    let first = chat
        .call("gateway.restart.request", json!({ "reason": "a test" }))
        .await;
    assert_eq!(first.expect("it is taken")["status"], "deferred");
    let second = chat.call("gateway.restart.request", json!({})).await;
    assert_eq!(second.expect("it is taken")["status"], "coalesced");
    drop(valve);
    chat.ended("run").await;
    gateway.has_begun_anew(1).await;

    let told = home.json(&["gateway", "restart", "--force", "--json"]).await;
    assert_eq!(
        told,
        json!({ "ok": true, "action": "restart", "pid": gateway.pid() })
    );
    gateway.has_begun_anew(2).await;
    ends_well(gateway).await;
    let output = home.run(&["gateway", "restart"]).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && said.contains("no gateway runs"),
        "{said}"
    );
}
