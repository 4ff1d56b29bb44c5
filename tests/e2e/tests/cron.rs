//! Jobs that run at a time, in the real program: made by the command line, delivered to a chat, and neither lost nor done
//! twice by a gateway that is killed.
use openclaw_e2e::world::{ADA, PATIENCE, Running, World, soon, text_of};
use openclaw_fakes::openai::Turn;
use serde_json::Value;
use std::time::Duration;

/// The steps of the journal at which a run is cut off, and which time.
const CUTS: &[&str] = &[
    "cron.after",
    "cron.before:2",
    "cron.after:2",
    "accept.before",
    "accept.after",
    "begin.after",
    "append.after",
    "reply.before",
    "reply.after",
    "tried.after",
    "cron.before:3",
];

impl Lab {
    /// A gateway to whom somebody has written, so that there is a chat to deliver to.
    async fn new() -> Self {
        let world = World::new().await;
        world.telegram.dm(ADA, "hello");
        world.texts(1).await;
        Self { world }
    }

    /// A command to the gateway that listens there.
    async fn cron(&self, gateway: &Running, args: &[&str]) -> Value {
        let all = [&["cron"], args, &["--port", &gateway.port]].concat();
        self.world.home.json(&all).await
    }

    /// How many messages with these words were sent.
    fn sent(&self, words: &str) -> usize {
        let sent = self.world.telegram.bodies("sendMessage");
        sent.iter().filter(|body| text_of(body).contains(words)).count()
    }

    /// Waits until a job has ended so many runs; gives them.
    async fn ended(&self, gateway: &Running, id: &str, count: u64) -> Value {
        let looked = tokio::time::timeout(PATIENCE, async {
            loop {
                let runs = self.cron(gateway, &["runs", "--id", id]).await;
                if runs["total"].as_u64() >= Some(count) {
                    return runs;
                }
                // the program tells nobody but its clients; this asks it
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        looked
            .await
            .unwrap_or_else(|_| panic!("{count} runs have not ended:\n{}", gateway.log()))
    }
}

struct Lab {
    world: World,
}

#[tokio::test]
async fn a_job_of_the_command_line_runs_and_its_answer_is_delivered() {
    let lab = Lab::new().await;
    let gateway = &lab.world.gateway;
    let added = lab
        .cron(
            gateway,
            &[
                "add",
                "--name",
                "soon",
                "--at",
                "1s",
                "--message",
                "say mark-once",
                "--keep-after-run",
            ],
        )
        .await;
    let id = added["id"].as_str().expect("an id");
    assert_eq!(added["sessionTarget"], "isolated");
    lab.world.sent("mark-once").await;
    let runs = lab.ended(gateway, id, 1).await;
    let run = &runs["entries"][0];
    assert_eq!(
        (&run["status"], &run["deliveryStatus"]),
        (&"ok".into(), &"delivered".into()),
        "{run}"
    );
    assert!(
        run["sessionKey"]
            .as_str()
            .is_some_and(|key| key.contains(":cron:"))
    );
    let listed = lab.cron(gateway, &["list", "--all", "--json"]).await;
    assert_eq!(
        (&listed["total"], &listed["jobs"][0]["enabled"]),
        (&1.into(), &false.into())
    );
    lab.cron(
        gateway,
        &[
            "edit",
            id,
            "--every",
            "1h",
            "--message",
            "say mark-more",
            "--enable",
        ],
    )
    .await;
    let asked = lab.cron(gateway, &["run", id]).await;
    assert_eq!(asked["enqueued"], true, "{asked}");
    lab.world.sent("mark-more").await;
    lab.ended(gateway, id, 2).await;
    assert_eq!(lab.cron(gateway, &["rm", id]).await["removed"], true);
    let gone = lab
        .world
        .home
        .run(&["cron", "run", id, "--port", &gateway.port])
        .await;
    assert!(!gone.status.success() && String::from_utf8_lossy(&gone.stderr).contains("not found"));
    assert_eq!((lab.sent("mark-once"), lab.sent("mark-more")), (1, 1));
    lab.world.end().await;
}

#[tokio::test]
async fn a_run_is_neither_lost_nor_done_twice() {
    let mut lab = Lab::new().await;
    let added = lab
        .cron(
            &lab.world.gateway,
            &[
                "add",
                "--name",
                "cut",
                "--every",
                "30d",
                "--message",
                "say mark-cut",
            ],
        )
        .await;
    let id = added["id"].as_str().expect("an id").to_owned();
    lab.world.gateway.kill();
    for (number, cut) in CUTS.iter().enumerate() {
        let mut command = lab.world.home.command(&["gateway", "--port", "0"]);
        let mut dying = Running::ready(command.env("OPENCLAW_CRASH_AT", cut)).await;
        // it may not live to answer
        let port = dying.port.clone();
        lab.world.home.run(&["cron", "run", &id, "--port", &port]).await;
        soon("its end", dying.gone()).await;
        assert!(dying.was_killed(), "{cut}: {}", dying.log());
        let gateway = lab.world.home.start().await;
        let count = number as u64 + 1;
        let runs = lab.ended(&gateway, &id, count).await;
        assert_eq!(runs["entries"][0]["status"], "ok", "{cut}: {runs}");
        assert_eq!(runs["total"], count, "{cut}");
        assert_eq!(lab.sent("mark-cut"), number + 1, "{cut}: {}", gateway.log());
        let (code, log) = gateway.stop().await;
        assert_eq!(code, Some(0), "{log}");
    }
}

#[tokio::test]
async fn what_was_missed_is_done_once_at_the_next_start() {
    let mut lab = Lab::new().await;
    lab.world.gateway.kill();
    let mut command = lab.world.home.command(&["gateway", "--port", "0"]);
    let idle = Running::ready(command.env("OPENCLAW_SKIP_CRON", "1")).await;
    let status = lab.cron(&idle, &["status"]).await;
    assert_eq!(status["enabled"], false);
    let seconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let past = ((seconds - 5) * 1000).to_string();
    let args = [
        "add",
        "--name",
        "missed",
        "--at",
        &past,
        "--message",
        "say mark-missed",
    ];
    let id = lab.cron(&idle, &args).await["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    idle.stop().await;
    assert_eq!(lab.sent("mark-missed"), 0);
    let gateway = lab.world.home.start().await;
    lab.world.sent("mark-missed").await;
    lab.ended(&gateway, &id, 1).await;
    let listed = lab.cron(&gateway, &["list", "--all", "--json"]).await;
    assert_eq!(listed["total"], 0, "it is over and has gone");
    gateway.stop().await;
    let gateway = lab.world.home.start().await;
    assert_eq!(lab.cron(&gateway, &["status"]).await["nextWakeAtMs"], Value::Null);
    assert_eq!(lab.sent("mark-missed"), 1);
}

#[tokio::test]
async fn an_event_wakes_the_agent_and_is_heard_once() {
    let lab = Lab::new().await;
    let gateway = &lab.world.gateway;
    lab.world.model.script(Turn::text("mark-told"));
    let args = [
        "system",
        "event",
        "--mode",
        "now",
        "--text",
        "the mark-event happened",
        "--port",
        &gateway.port,
    ];
    let told = lab.world.home.run(&args).await;
    assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), "ok");
    let heard = lab.world.heard(2).await;
    assert!(
        heard.contains("System: [") && heard.contains("mark-event"),
        "{heard}"
    );
    lab.world.sent("mark-told").await;
    lab.world.telegram.dm(ADA, "and now?");
    let next = lab.world.heard(3).await;
    assert!(
        next.contains("and now?") && !next.contains("mark-event"),
        "{next}"
    );
    let last = lab
        .world
        .home
        .json(&["system", "heartbeat", "last", "--port", &gateway.port])
        .await;
    assert_eq!(last["status"], "sent", "{last}");
    lab.world.end().await;
}
