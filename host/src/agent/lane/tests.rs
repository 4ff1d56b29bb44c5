//! Lanes with a worker that does what the test says, in paused time.
use super::*;
use crate::{
    agent::{
        client::Ask,
        commands,
        job::tests::{event, event_with, rows},
    },
    config::QueueDrop,
};

/// What happened, in order.
type Log = mpsc::Receiver<String>;

struct Scripted {
    mode: QueueMode,
    said: mpsc::Sender<String>,
    /// Turns that may end; each takes one.
    ends: Arc<tokio::sync::Semaphore>,
}

impl Worker for Scripted {
    fn turn(
        self: Arc<Self>,
        _key: String,
        jobs: Vec<Job>,
        mut stop: watch::Receiver<bool>,
        _steering: Arc<Steering>,
    ) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let _ = self.said.try_send(format!("turn {:?}", rows(&jobs)));
            let end = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => "stopped",
                place = self.ends.acquire() => {
                    place.expect("never closed").forget();
                    "ended"
                }
            };
            let _ = self.said.try_send(end.to_owned());
        })
    }

    fn discard(self: Arc<Self>, jobs: Vec<Job>, _why: &'static str) -> BoxFuture<'static, ()> {
        let _ = self.said.try_send(format!("discarded {:?}", rows(&jobs)));
        Box::pin(async {})
    }

    fn rules(self: Arc<Self>, _key: String) -> BoxFuture<'static, QueueRules> {
        let rules = QueueRules {
            mode: self.mode,
            cap: 20,
            drop: QueueDrop::Old,
            debounce: Duration::from_secs(1),
        };
        Box::pin(async move { rules })
    }
}

struct Scene {
    lanes: Arc<Lanes>,
    log: Log,
    ends: Arc<tokio::sync::Semaphore>,
}

impl Scene {
    fn new(mode: QueueMode) -> Self {
        let (said, log) = mpsc::channel(256);
        let ends = Arc::new(tokio::sync::Semaphore::new(0));
        let worker = Scripted {
            mode,
            said,
            ends: ends.clone(),
        };
        Self {
            lanes: Lanes::new(Arc::new(worker)),
            log,
            ends,
        }
    }

    async fn put(&self, job: Job) {
        self.lanes.put("k", Work::Job(Box::new(job))).await;
    }

    async fn says(&mut self, words: &str) {
        let said = tokio::time::timeout(Duration::from_secs(300), self.log.recv()).await;
        assert_eq!(said.ok().flatten().as_deref(), Some(words));
    }

    async fn says_nothing(&mut self) {
        let said = tokio::time::timeout(Duration::from_secs(300), self.log.recv()).await;
        assert!(said.is_err(), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_turn_at_a_time_and_what_waits_goes_together() {
    let mut scene = Scene::new(QueueMode::Collect);
    scene.put(event(1, "ada", "x")).await;
    scene.says("turn [[1]]").await;
    scene.put(event(2, "ada", "x")).await;
    scene.put(event(3, "ada", "x")).await;
    scene.says_nothing().await;
    scene.ends.add_permits(1);
    scene.says("ended").await;
    scene.says("turn [[2], [3]]").await;
}

#[tokio::test(start_paused = true)]
async fn what_did_not_join_the_turn_gets_one_of_its_own() {
    let mut scene = Scene::new(QueueMode::Steer);
    scene.put(event(1, "ada", "x")).await;
    scene.says("turn [[1]]").await;
    // the first would join, and the turn takes no notice of it; the second is of another chat
    scene.put(event(2, "ada", "x")).await;
    scene.put(event(3, "bob", "x")).await;
    scene.says_nothing().await;
    scene.ends.add_permits(3);
    for words in ["ended", "turn [[2]]", "ended", "turn [[3]]", "ended"] {
        scene.says(words).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_what_runs_and_drops_what_waits() {
    let mut scene = Scene::new(QueueMode::Steer);
    scene.put(event(1, "ada", "x")).await;
    scene.says("turn [[1]]").await;
    scene.put(event(2, "ada", "x")).await;
    scene.put(event(3, "bob", "x")).await;
    assert_eq!(
        scene.lanes.stop("k").await,
        2,
        "the turn, and what waits behind it"
    );
    scene.says("discarded [[3], [2]]").await;
    scene.says("stopped").await;
    assert_eq!(scene.lanes.stop("another").await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_gives_up_the_turn_for_the_new_message() {
    let mut scene = Scene::new(QueueMode::Interrupt);
    scene.put(event(1, "ada", "x")).await;
    scene.says("turn [[1]]").await;
    scene.put(event(2, "ada", "x")).await;
    scene.says("stopped").await;
    scene.says("turn [[2]]").await;
}

#[tokio::test(start_paused = true)]
async fn what_happens_between_turns_waits_for_the_first_and_holds_the_second() {
    let mut scene = Scene::new(QueueMode::Collect);
    scene.put(event(1, "ada", "x")).await;
    scene.says("turn [[1]]").await;
    let (go, gone) = oneshot::channel::<()>();
    let (said, mut between) = mpsc::channel(256);
    let work = async move {
        let _ = said.try_send("begun");
        let _ = gone.await;
    };
    scene.lanes.put("k", Work::Between(Box::pin(work))).await;
    scene.put(event(2, "ada", "x")).await;
    scene.says_nothing().await;
    assert!(between.try_recv().is_err(), "a turn runs");
    scene.ends.add_permits(1);
    scene.says("ended").await;
    assert_eq!(between.recv().await, Some("begun"));
    // the lane takes in while it runs: whoever brings something does not wait
    for row in 3..100 {
        scene.put(event(row, "bob", "x")).await;
    }
    scene.says("discarded [[2]]").await;
    let _ = go.send(());
    while let Some(said) = scene.log.recv().await {
        if said.starts_with("turn") {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_quick_sender_is_waited_for() {
    let mut scene = Scene::new(QueueMode::Followup);
    for row in 1..=2 {
        let quick = event_with(row, "ada", |job| job.debounce = Duration::from_secs(5));
        scene.put(quick).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    scene.says("turn [[1], [2]]").await;
}

#[tokio::test(start_paused = true)]
async fn the_end_breaks_off_and_settles_nothing() {
    let mut scene = Scene::new(QueueMode::Collect);
    scene.put(event(1, "ada", "x")).await;
    scene.says("turn [[1]]").await;
    scene.put(event(2, "ada", "x")).await;
    scene.lanes.end();
    scene.put(event(3, "ada", "x")).await;
    scene.says_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_goes_away_and_comes_back() {
    let mut scene = Scene::new(QueueMode::Collect);
    scene.ends.add_permits(2);
    for row in 1..=2 {
        scene.put(event(row, "ada", "x")).await;
        scene.says(&format!("turn [[{row}]]")).await;
        scene.says("ended").await;
        tokio::time::sleep(LINGER * 2).await;
        assert!(!scene.lanes.is_open("k"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_stays_for_what_is_about_to_come() {
    let mut scene = Scene::new(QueueMode::Collect);
    let lane = scene.lanes.lane("k");
    let promised = lane.reserve().await.expect("it is there");
    tokio::time::sleep(LINGER * 2).await;
    promised.send(Work::Job(Box::new(event(1, "ada", "x"))));
    scene.says("turn [[1]]").await;
}

fn begun(row: i64) -> Job {
    event_with(row, "ada", |job| job.turn = "event-1".into())
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_a_turn_past_those_who_have_to_wait() {
    let mut scene = Scene::new(QueueMode::Steer);
    // an earlier process began the first and had the second wait
    scene.put(begun(1)).await;
    scene.put(event(2, "ada", "x")).await;
    scene.says("turn [[1]]").await;
    scene.put(event(3, "ada", "x")).await;
    scene.says_nothing().await;
    scene.ends.add_permits(1);
    scene.says("ended").await;
    scene.says("turn [[2], [3]]").await;
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_or_does_not_want_to_join_holds_up_nobody_who_does() {
    let owner = |row| event_with(row, "ada", |job| job.from_owner = true);
    let later = |row| {
        let ask = Ask {
            queue_mode: Some(commands::QueueMode::Followup),
            ..Ask::default()
        };
        event_with(row, "ada", |job| {
            job.from_owner = true;
            job.ask = Some(Box::new(ask));
        })
    };
    let mut scene = Scene::new(QueueMode::Steer);
    let stranger = |row| event(row, "ada", "x");
    for other in [&stranger as &dyn Fn(i64) -> Job, &later] {
        scene.put(owner(1)).await;
        scene.says("turn [[1]]").await;
        for job in [other(2), owner(3), other(4)] {
            scene.put(job).await;
        }
        scene.lanes.stop("k").await;
        // first those who wait, then whoever was to join
        scene.says("discarded [[2], [4], [3]]").await;
        scene.says("stopped").await;
    }
    scene.put(owner(1)).await;
    scene.says("turn [[1]]").await;
    for job in [later(2), owner(3), later(4)] {
        scene.put(job).await;
    }
    scene.ends.add_permits(1);
    scene.says("ended").await;
    // it wants a turn of its own
    scene.says("turn [[2]]").await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_an_earlier_process_had_in_the_turn_neither_ends_it_nor_waits() {
    let mut scene = Scene::new(QueueMode::Interrupt);
    scene.put(begun(1)).await;
    scene.says("turn [[1]]").await;
    scene.put(begun(2)).await;
    scene.says_nothing().await;
    assert!(scene.lanes.is_open("k"));
    scene.lanes.stop("k").await;
    scene.says("discarded [[2]]").await;
}

#[tokio::test(start_paused = true)]
async fn another_chat_does_not_cut_short_the_wait_for_the_rest_of_a_turn() {
    let mut scene = Scene::new(QueueMode::Collect);
    let more = event_with(1, "ada", |job| {
        job.turn = "event-1".into();
        job.debounce = Duration::from_secs(5);
    });
    scene.put(more).await;
    scene.put(event(2, "bob", "x")).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    scene.put(begun(3)).await;
    scene.says("turn [[1], [3]]").await;
}
