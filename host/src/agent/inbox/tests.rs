//! What comes in and what was left, with a gateway that has no plugins.
use super::*;
use crate::{
    agent::{client::Ask, job::tests::event_with, lane::Work, live::Source},
    app::Gateway,
    cron::tests::Lab,
};
use openclaw_plugin_api::AgentRun;
use serde_json::{Value, json};

/// An inbox of its own that an earlier process has left these in, and what it gives to the sorter.
struct Scene {
    gateway: Gateway,
    inbox: Arc<Inbox>,
    taken: mpsc::Receiver<Taken>,
    _lab: Lab,
}

impl Scene {
    async fn new() -> Self {
        Self::with(json!({})).await
    }

    async fn with(config: Value) -> Self {
        let lab = Lab::new();
        let gateway = lab.start(config).await;
        let (sorted, taken) = mpsc::channel(PLACES);
        let desk = gateway.desk().clone();
        let gate = Sorter::new(desk.clone(), gateway.lanes().clone()).gate();
        Self {
            inbox: Arc::new(Inbox::to(desk, gate, sorted)),
            gateway,
            taken,
            _lab: lab,
        }
    }

    /// Brings what is left on its way, as each process does at its start. Says how much that was.
    async fn next_process(&self) -> usize {
        let (desk, lanes) = (self.gateway.desk().clone(), self.gateway.lanes().clone());
        let (sorted, taken) = mpsc::channel(PLACES);
        let sorter = Sorter::new(desk.clone(), lanes);
        let left = Inbox::to(desk, sorter.gate(), sorted).resume().await;
        sorter.sort(taken).await;
        left.expect("read")
    }

    /// Rows that were given to the sorter, in order.
    fn given(&mut self) -> Vec<i64> {
        std::iter::from_fn(|| self.taken.try_recv().ok())
            .map(|taken| taken.row)
            .collect()
    }
}

fn event(id: &str) -> Inbound {
    Inbound {
        event_id: id.to_owned(),
        ..Inbound::default()
    }
}

async fn left(scene: &Scene, id: &str) -> i64 {
    let body = serde_json::to_vec(&event(id)).expect("it is written");
    match scene.gateway.journal().accept(CLIENTS, "", id, &body, 1) {
        Ok(Accepted::New(row)) => row,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_comes_in_before_what_was_left_is_taken_up_comes_after_it_and_once() {
    let mut scene = Scene::new().await;
    let (waits, begun) = (left(&scene, "waits").await, left(&scene, "begun").await);
    scene.gateway.journal().begin(&[begun], "event-2").expect("begun");
    // as the news of a tool's work that went down with the last process
    scene
        .inbox
        .accept(CLIENTS, event("new"))
        .await
        .expect("it is taken");
    assert_eq!(scene.given(), [0_i64; 0], "it is in the journal");
    assert_eq!(scene.inbox.resume().await.expect("read"), 3);
    scene
        .inbox
        .accept(CLIENTS, event("newer"))
        .await
        .expect("it is taken");
    assert_eq!(scene.given(), [begun, waits, waits + 2, waits + 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_while_what_was_left_is_taken_up_is_given_once_and_in_order() {
    const LEFT: usize = 300;
    const NEW: usize = 100;
    let mut scene = Scene::new().await;
    let mut all = Vec::new();
    for n in 0..LEFT {
        all.push(left(&scene, &format!("left-{n}")).await);
    }
    let inbox = scene.inbox.clone();
    let (begun, go) = tokio::sync::oneshot::channel();
    let news = tokio::spawn(async move {
        let mut begun = Some(begun);
        for n in 0..NEW {
            inbox
                .accept(CLIENTS, event(&format!("new-{n}")))
                .await
                .expect("it is taken");
            let _ = begun.take().map(|begun| begun.send(()));
        }
    });
    go.await.expect("the first is taken");
    scene.inbox.resume().await.expect("read");
    news.await.expect("all are taken");
    let last = all[LEFT - 1];
    all.extend(last + 1..=last + i64::try_from(NEW).expect("few"));
    assert_eq!(scene.given(), all);
}

#[tokio::test]
async fn a_run_whose_message_was_written_goes_on_though_its_sender_hears_of_trouble() {
    let scene = Scene::new().await;
    let live = &scene.gateway.desk().live;
    left(&scene, "written").await;
    let runs = ["written", "lost"].map(|id| live.open(id, "agent:main:main", "main", Source::Client).0);
    // nothing more is taken
    let all = u32::try_from(PLACES).expect("few");
    let _places = scene.inbox.places.clone().acquire_many_owned(all).await;
    for run in &runs {
        scene.inbox.ask(event(&run.id)).await.expect_err("it is full");
    }
    assert!(runs[0].how().is_none(), "the lane answers it");
    assert!(matches!(runs[1].how(), Some(End::Aborted)));
}

#[tokio::test]
async fn a_repeat_of_what_was_answered_meanwhile_is_no_run_that_goes_on() {
    let scene = Scene::new().await;
    let (live, journal) = (&scene.gateway.desk().live, scene.gateway.journal());
    let row = left(&scene, "answered").await;
    left(&scene, "open").await;
    journal.settle(&[row], &Settled::Done, 2).expect("settled");
    let runs = ["answered", "open"].map(|id| live.open(id, "agent:main:main", "main", Source::Client).0);
    for (run, goes_on) in runs.iter().zip([false, true]) {
        let asked = scene.inbox.ask(event(&run.id)).await;
        assert_eq!(asked.expect("it is known"), goes_on, "{}", run.id);
    }
    assert!(matches!(runs[0].how(), Some(End::Aborted)), "nobody would end it");
    assert!(runs[1].how().is_none(), "its turn does");
}

#[tokio::test]
async fn who_waits_for_a_run_waits_on_if_it_was_written_and_only_then() {
    let scene = Scene::new().await;
    left(&scene, "written").await;
    // nothing more is taken
    let all = u32::try_from(PLACES).expect("few");
    let _places = scene.inbox.places.clone().acquire_many_owned(all).await;
    let ask = |id: &str| Ask {
        run_id: id.into(),
        session_key: "agent:main:main".into(),
        agent_id: "main".into(),
        ..Ask::default()
    };
    let desk = scene.gateway.desk();
    let begun = ask("written").begin(desk, &scene.inbox, "x".into()).await;
    assert!(begun.expect("the lane answers it").how().is_none());
    let lost = ask("lost").begin(desk, &scene.inbox, "x".into()).await;
    assert!(lost.is_err() && desk.live.find("lost").is_none());
}

#[tokio::test]
async fn what_was_dealt_with_gets_no_turn() {
    let scene = Scene::new().await;
    let row = left(&scene, "done").await;
    let (gateway, key) = (&scene.gateway, "agent:main:done");
    let journal = gateway.journal();
    journal.settle(&[row], &Settled::Done, 2).expect("settled");
    let job = Box::new(event_with(row, "ada", |_| {}));
    gateway.lanes().put(key, Work::Job(job)).await;
    // a lane does one thing after the other; that nobody can answer here does not matter
    let after = AgentRun {
        session_key: key.into(),
        idempotency_key: "after".into(),
        text: "x".into(),
        ..AgentRun::default()
    };
    let _ = gateway.run_agent(after, mpsc::channel(8).0).await;
    let session = journal.find_session(key).expect("read").expect("there is one");
    let turn = journal.turn(&session.session_id, &format!("event-{row}"));
    assert!(turn.expect("read").is_empty(), "no model is asked again");
    assert!(
        journal.open_lanes(10).expect("read").is_empty(),
        "nothing is said"
    );
}

#[tokio::test]
async fn what_is_said_beside_an_answer_is_said_once_though_its_message_is_read_again() {
    let pigeon = json!({ "dmPolicy": "open", "allowFrom": ["*"] });
    let scene = Scene::with(json!({ "channels": { "pigeon": pigeon } })).await;
    // no process lives until the message has its turn
    let busy = Work::Between(Box::pin(std::future::pending()));
    scene
        .gateway
        .lanes()
        .put(&crate::route::main_key("main"), busy)
        .await;
    let mut asks = event("asks");
    asks.chat.id = "ada".into();
    asks.sender.id = "ada".into();
    asks.text = "/whoami and hello".into();
    let (journal, body) = (scene.gateway.journal(), serde_json::to_vec(&asks));
    let body = body.expect("it is written");
    journal.accept("pigeon", "", "asks", &body, 1).expect("taken");
    for process in 1..=3 {
        assert_eq!(scene.next_process().await, 1, "process {process}");
        let counts = journal.outbox_counts().expect("read");
        let said = counts.pending + counts.failed + counts.unknown;
        assert_eq!(said, 1, "process {process}: {counts:?}");
    }
}

#[tokio::test]
async fn what_somebody_passes_on_carries_no_command_out() {
    let pigeon = json!({ "dmPolicy": "open", "allowFrom": ["*"] });
    let scene = Scene::with(json!({ "channels": { "pigeon": pigeon } })).await;
    let busy = Work::Between(Box::pin(std::future::pending()));
    scene
        .gateway
        .lanes()
        .put(&crate::route::main_key("main"), busy)
        .await;
    let journal = scene.gateway.journal();
    for (id, text) in [("whole", "/whoami"), ("inline", "hello /whoami")] {
        let mut passed = event(id);
        passed.chat.id = "ada".into();
        passed.sender.id = "ada".into();
        passed.text = text.into();
        passed.extra.insert("forwardedFrom".into(), json!("Eve"));
        let body = serde_json::to_vec(&passed).expect("it is written");
        journal.accept("pigeon", "", id, &body, 1).expect("taken");
    }
    assert_eq!(scene.next_process().await, 2);
    let counts = journal.outbox_counts().expect("read");
    assert_eq!(counts.pending + counts.failed + counts.unknown, 0, "{counts:?}");
}
