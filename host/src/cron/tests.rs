//! The jobs in a gateway without plugins: every question fails, so what is seen is what becomes of runs.
use super::{
    Cron, Job, Payload, Schedule, Status,
    job::tests::job,
    outcome::{Delivered, Outcome, Record},
};
use crate::{
    agent::live::{End, Source},
    app::{Gateway, Options},
    clock::Clock,
    config::{Config, Env, Paths},
    journal::Pending,
};
use openclaw_plugin_api::Inbound;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use tokio::sync::{broadcast, oneshot, watch};

pub(crate) const MINUTE: i64 = 60_000;

pub(crate) struct Lab {
    pub(crate) state: tempfile::TempDir,
    now: Arc<AtomicI64>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self {
            state: tempfile::tempdir().expect("a folder"),
            now: Arc::new(AtomicI64::new(1_000_000_000_000)),
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::Relaxed);
    }

    pub(crate) async fn start(&self, config: Value) -> Gateway {
        let now = self.now.clone();
        let options = Options {
            specs: Vec::new(),
            paths: Paths {
                config_file: self.state.path().join("openclaw.json"),
                state_dir: self.state.path().to_owned(),
                home: None,
                include_roots: Vec::new(),
            },
            program: "openclaw".into(),
            config: watch::channel(Arc::new(Config::from_value(config).expect("valid"))).1,
            steps: None,
            env: Env::default(),
            secrets: Box::new(|_| None),
            clock: Clock::from_fn(move || now.load(Ordering::Relaxed)),
        };
        Gateway::start(options).await.expect("it starts")
    }

    /// Keeps a conversation from any turn, so that what is asked in it waits.
    pub(crate) async fn occupy(gateway: &Gateway, key: &str) {
        let (desk, lanes, key) = (gateway.desk().clone(), gateway.lanes().clone(), key.to_owned());
        let (begun, busy) = oneshot::channel();
        tokio::spawn(async move {
            let work = desk.between::<()>(&lanes, &key, |_, _| {
                Box::pin(async move {
                    let _ = begun.send(());
                    std::future::pending::<()>().await;
                })
            });
            work.await
        });
        busy.await.expect("it is begun");
    }

    /// What is asked beside the words by all that waits.
    pub(crate) fn asked(gateway: &Gateway) -> Vec<Value> {
        let waiting = gateway.journal().pending(0, 9).expect("read").into_iter();
        let ask = |waiting: Pending| {
            let mut event: Inbound = serde_json::from_slice(&waiting.event).expect("an event");
            event.extra["ask"].take()
        };
        waiting.map(ask).collect()
    }

    fn every(&self, ms: i64) -> Job {
        job(Schedule::Every {
            every_ms: ms,
            anchor_ms: None,
        })
    }

    fn event(&self, text: &str) -> Job {
        Job {
            session_target: "main".into(),
            wake_mode: super::WakeMode::NextHeartbeat,
            payload: Payload::SystemEvent { text: text.into() },
            ..self.every(MINUTE)
        }
    }
}

/// The next time that a run ends.
async fn finished(news: &mut broadcast::Receiver<Value>) -> Value {
    loop {
        let heard = tokio::time::timeout(std::time::Duration::from_secs(30), news.recv()).await;
        let heard = heard.expect("it ends").expect("somebody tells");
        if heard["action"] == "finished" {
            return heard;
        }
    }
}

async fn tick(cron: &Arc<Cron>) -> Option<i64> {
    cron.tick().await.expect("the journal works")
}

#[tokio::test]
async fn an_answer_that_another_run_gave_is_not_said_to_be_delivered() {
    let lab = Lab::new();
    let gateway = lab.start(json!({})).await;
    let (cron, live) = (gateway.cron(), &gateway.desk().live);
    let (run, _) = live.open("r", "agent:main:main", "main", Source::Client);
    live.end("r", End::Merged);
    let record = Record::of(&lab.every(MINUTE), "r", lab.now());
    let delivered = cron.announced(&record, &Outcome::of(&run)).await;
    assert_eq!(delivered, Delivered::Unknown);
}

#[tokio::test]
async fn the_question_of_a_job_wants_a_turn_of_its_own() {
    let lab = Lab::new();
    let gateway = lab.start(json!({})).await;
    let job = gateway.cron().add(lab.every(MINUTE)).await.expect("added");
    Lab::occupy(&gateway, &job.session()).await;
    gateway.cron().begin(job, "run").await.expect("begun");
    let asked = Lab::asked(&gateway);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(
        (&asked[0]["runId"], &asked[0]["queueMode"]),
        (&json!("run"), &json!("followup"))
    );
}

#[tokio::test]
async fn a_job_runs_when_it_is_due_and_errors_put_it_off() {
    let lab = Lab::new();
    let gateway = lab.start(json!({})).await;
    let (cron, mut news) = (gateway.cron(), gateway.cron().watch());
    let added = cron.add(lab.every(MINUTE)).await.expect("added");
    assert_eq!(tick(cron).await, Some(lab.now() + MINUTE), "it is not due");
    lab.pass(MINUTE);
    tick(cron).await;
    let run = finished(&mut news).await;
    assert_eq!(
        (&run["status"], &run["jobId"]),
        (&json!("error"), &json!(added.id))
    );
    assert_eq!(run["job"]["state"]["consecutiveErrors"], 1);
    for errors in 2..=3 {
        lab.pass(5 * MINUTE);
        tick(cron).await;
        assert_eq!(
            finished(&mut news).await["job"]["state"]["consecutiveErrors"],
            errors
        );
    }
    let due = cron.get(&added.id).await.expect("there").due();
    assert_eq!(due, Some(lab.now() + 5 * MINUTE), "three in a row");
    let (runs, total) = cron.runs(Some(&added.id), 2, 0).await.expect("read");
    assert_eq!((runs.len(), total, runs[0].status), (2, 3, Some(Status::Error)));
}

#[tokio::test]
async fn what_was_missed_is_done_once_or_left_out() {
    for leave_out in [false, true] {
        let lab = Lab::new();
        let gateway = lab.start(json!({})).await;
        let id = gateway.cron().add(lab.event("x")).await.expect("added").id;
        gateway.stop().await;
        drop(gateway);
        lab.pass(10 * MINUTE + 1);
        let gateway = lab
            .start(json!({ "cron": { "skipMissedJobs": leave_out } }))
            .await;
        let next = tick(gateway.cron()).await;
        let ran = gateway.cron().get(&id).await.expect("there");
        let key = crate::route::main_key("main");
        if leave_out {
            assert_eq!(
                (ran.state.last_run_at_ms, next),
                (None, Some(lab.now() + MINUTE - 1))
            );
            continue;
        }
        // it was begun by the gateway itself or by the tick above, and ends by itself
        while gateway.cron().get(&id).await.expect("there").state.last_status != Some(Status::Ok) {
            tokio::task::yield_now().await;
        }
        let events = gateway.journal().claim_system_events(&key, "t").expect("read");
        assert_eq!(events.len(), 1, "once, not ten times");
    }
}

#[tokio::test]
async fn only_so_many_run_at_once_and_a_job_never_twice() {
    let lab = Lab::new();
    let gateway = lab.start(json!({ "cron": { "enabled": false } })).await;
    let cron = gateway.cron();
    let id = cron.add(lab.every(MINUTE)).await.expect("added").id;
    lab.pass(MINUTE);
    assert_eq!(tick(cron).await, None);
    let (runs, _) = cron.runs(None, 9, 0).await.expect("read");
    assert_eq!(runs, [], "it is off");
    let mut news = cron.watch();
    let asked = cron.ask(&id).await.expect("taken").expect("it does not run");
    assert!(asked.starts_with(&format!("manual:{id}:")));
    finished(&mut news).await;
    cron.remove(&id).await.expect("removed");
    assert!(matches!(cron.ask(&id).await, Err(super::CronError::NotFound(_))));
}

#[tokio::test]
async fn a_full_disk_at_the_end_of_a_run_keeps_no_other_from_running() {
    let lab = Lab::new();
    let gateway = lab.start(json!({ "cron": { "maxConcurrentRuns": 1 } })).await;
    let (cron, journal) = (gateway.cron(), gateway.journal());
    let first = cron.add(lab.event("one")).await.expect("added");
    let second = cron.add(lab.event("two")).await.expect("added").id;
    let mut news = cron.watch();
    // the end of the run waits for this
    let work = cron.lock().await;
    cron.begin(first.clone(), "run").await.expect("begun");
    journal.fill(true);
    // a wait for room passes when the test says so
    tokio::time::pause();
    drop(work);
    while journal.trouble().is_none() {
        tokio::task::yield_now().await;
    }
    journal.fill(false);
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    tokio::time::resume();
    assert_eq!(finished(&mut news).await["jobId"], first.id);
    let (runs, _) = cron.runs(Some(&first.id), 9, 0).await.expect("read");
    assert_eq!(runs.len(), 1, "its end is noted");
    assert_eq!(
        cron.get(&first.id).await.expect("there").state.running_at_ms,
        None
    );
    cron.ask(&second).await.expect("taken").expect("it does not run");
    assert_eq!(finished(&mut news).await["jobId"], second);
}

#[tokio::test]
async fn a_change_for_another_revision_is_refused() {
    let lab = Lab::new();
    let gateway = lab.start(json!({})).await;
    let cron = gateway.cron();
    let added = cron.add(lab.every(MINUTE)).await.expect("added");
    let rename = |job: &mut Job| {
        job.name = "new".into();
        Ok(())
    };
    let changed = cron
        .update(&added.id, Some(&added.revision()), rename)
        .await
        .expect("changed");
    let stale = cron.update(&added.id, Some(&added.revision()), rename).await;
    assert!(matches!(stale, Err(super::CronError::Stale(_))) && changed.name == "new");
    let bad = cron.update(&added.id, None, |job| {
        job.session_target = "main".into();
        Ok(())
    });
    assert!(matches!(bad.await, Err(super::CronError::Invalid(_))));
}
