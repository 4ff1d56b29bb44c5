//! Heartbeats in a gateway without plugins: every question fails, so what is seen is which are asked at all.
use super::Cause;
use crate::cron::tests::{Lab, MINUTE};
use serde_json::{Value, json};
use tokio::sync::broadcast;

async fn next(news: &mut broadcast::Receiver<Value>) -> (String, String) {
    let heard = tokio::time::timeout(std::time::Duration::from_secs(30), news.recv()).await;
    let heard = heard.expect("it beats").expect("somebody tells");
    let text = |key: &str| heard[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"))
}

fn config(heartbeat: Value) -> Value {
    json!({ "agents": { "defaults": { "heartbeat": heartbeat } } })
}

#[tokio::test]
async fn a_beat_that_is_worth_nothing_asks_no_model() {
    let lab = Lab::new();
    let gateway = lab.start(config(json!({ "every": "10m" }))).await;
    let (heart, mut news) = (gateway.heart(), gateway.heart().watch());
    assert_eq!(heart.tick().await, Some(lab.now() + 10 * MINUTE));
    lab.pass(10 * MINUTE);
    heart.tick().await;
    assert_eq!(next(&mut news).await, ("skipped".into(), "no-route".into()));
    let workspace = lab.state.path().join("workspace");
    std::fs::create_dir_all(&workspace).expect("made");
    std::fs::write(workspace.join("HEARTBEAT.md"), "# Nothing\n").expect("written");
    lab.pass(10 * MINUTE);
    heart.tick().await;
    assert_eq!(next(&mut news).await.1, "empty-heartbeat-file");
    heart.wake("main", Cause::Wake);
    heart.tick().await;
    assert_eq!(
        next(&mut news).await.0,
        "failed",
        "somebody asked for it, and no model can answer"
    );
    heart.switch(false);
    lab.pass(10 * MINUTE);
    assert_eq!(heart.tick().await, None);
    assert_eq!(heart.last().expect("one").status, "failed");
}

#[tokio::test]
async fn the_time_of_the_last_beat_outlives_the_process() {
    let lab = Lab::new();
    let every = || config(json!({ "every": "30m", "activeHours": { "start": "00:00", "end": "00:00" } }));
    let gateway = lab.start(every()).await;
    let mut news = gateway.heart().watch();
    gateway.heart().tick().await;
    lab.pass(30 * MINUTE);
    gateway.heart().tick().await;
    assert_eq!(next(&mut news).await.1, "quiet-hours");
    gateway.stop().await;
    drop(gateway);
    lab.pass(10 * MINUTE);
    let gateway = lab.start(every()).await;
    assert_eq!(gateway.heart().tick().await, Some(lab.now() + 20 * MINUTE));
}
