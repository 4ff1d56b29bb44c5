//! Whose faults count, and what becomes of a plugin for them.
use super::*;
use crate::plugins::{fake, services::Request};
use openclaw_plugin_api::{Account, Error, ErrorKind, Manifest, Result};
use std::sync::atomic::Ordering;

/// A plugin whose instances are put in its supervisor's hands; none can be made from its file.
struct Fixture {
    _folder: tempfile::TempDir,
    supervisor: Supervisor,
    inbox: mpsc::Receiver<Event>,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (events, inbox) = mpsc::channel(EVENTS);
        let plugin = Plugin::new(spec(true), events);
        Self {
            supervisor: Supervisor::new(plugin, fake::workshop(folder.path())),
            _folder: folder,
            inbox,
        }
    }

    async fn serve(&mut self, number: u64) -> Arc<Generation> {
        let generation = fake::generation(&self.supervisor.workshop, number, |_| Ok(Vec::new()));
        let spec = self.supervisor.plugin.spec();
        let served = self
            .supervisor
            .serve(generation.clone(), &spec, Instant::now())
            .await;
        served.expect("it starts");
        generation
    }

    /// Instance 2 in the place of instance 1, as a reload puts it there.
    async fn replaced(&mut self) -> (Arc<Generation>, Arc<Generation>) {
        let old = self.serve(1).await;
        let spec = self.supervisor.plugin.spec();
        self.supervisor.take_down(&spec).await;
        (old, self.serve(2).await)
    }

    /// The supervisor does what it was told of.
    async fn settle(&mut self) {
        while let Ok(Event::Fault { instance, fault }) = self.inbox.try_recv() {
            self.supervisor.on_fault(instance, fault).await;
        }
    }

    fn runs(&self, number: u64) -> bool {
        let plugin = &self.supervisor.plugin;
        let takes_calls = |current: Arc<Generation>| current.number == number && current.admit().is_ok();
        plugin.state() == State::Running && plugin.current().is_some_and(takes_calls)
    }

    fn is_set_aside(&self) -> bool {
        matches!(self.supervisor.plugin.state(), State::Quarantined { .. })
    }
}

fn spec(on: bool) -> Spec {
    let manifest = Manifest {
        id: "fake".into(),
        ..Manifest::default()
    };
    fake::spec(manifest, on)
}

#[tokio::test]
async fn what_an_instance_does_after_it_was_replaced_is_not_held_against_the_new_one() {
    let mut f = Fixture::new();
    let (old, new) = f.replaced().await;
    for fault in [Fault::Panic, Fault::Timeout] {
        (0..MAX_FAULTS).for_each(|_| f.supervisor.plugin.fault(old.number, fault));
        f.settle().await;
        assert!(f.runs(2), "{fault:?}");
    }
    let restarts = &f.supervisor.plugin.metrics.restarts;
    assert_eq!(restarts.load(Ordering::Relaxed), 0);
    f.supervisor.plugin.fault(new.number, Fault::Panic);
    f.settle().await;
    assert_eq!(
        f.supervisor.plugin.metrics.restarts.load(Ordering::Relaxed),
        1,
        "its own are"
    );
    assert!(new.admit().is_err() && f.is_set_aside(), "there is no file");
}

#[tokio::test]
async fn a_thread_that_hangs_is_the_fault_of_the_instance_that_blocks_it() {
    let mut f = Fixture::new();
    f.replaced().await;
    let plugin = f.supervisor.plugin.clone();
    (owner(&plugin, 1).on_stuck)();
    f.settle().await;
    assert!(f.runs(2));
    (owner(&plugin, 2).on_stuck)();
    f.settle().await;
    assert!(f.is_set_aside());
    // one that never came to serve
    f.serve(3).await;
    (owner(&plugin, 4).on_stuck)();
    f.settle().await;
    assert!(f.runs(3));
}

#[tokio::test]
async fn an_instance_that_panicked_goes_also_if_the_word_of_it_found_no_place() {
    let mut f = Fixture::new();
    let panicked = f.serve(2).await;
    let plugin = f.supervisor.plugin.clone();
    (0..EVENTS).for_each(|_| plugin.fault(1, Fault::Panic));
    // as a call does that ends in a panic
    plugin.current.write().expect("whole").take();
    plugin.fault(panicked.number, Fault::Panic);
    f.settle().await;
    assert_eq!(plugin.metrics.restarts.load(Ordering::Relaxed), 1);
    assert!(panicked.admit().is_err() && f.is_set_aside(), "there is no file");
}

#[tokio::test]
async fn an_instance_that_panicked_goes_also_if_a_reload_is_faster_than_the_word_of_it() {
    let mut f = Fixture::new();
    let old = f.serve(1).await;
    f.supervisor.plugin.current.write().expect("whole").take();
    let spec = f.supervisor.plugin.spec();
    f.supervisor.take_down(&spec).await;
    f.serve(2).await;
    assert!(old.admit().is_err(), "it was destroyed");
    f.supervisor.plugin.fault(old.number, Fault::Panic);
    f.settle().await;
    assert!(f.runs(2));
}

#[tokio::test]
async fn a_reload_that_fails_leaves_an_instance_that_panicked_to_the_word_of_it() {
    let mut f = Fixture::new();
    f.serve(1).await;
    f.supervisor.plugin.current.write().expect("whole").take();
    let failed = f.supervisor.reload(None).await.expect_err("there is no file");
    assert!(failed.contains("the running one stays"), "{failed}");
    assert_eq!(f.supervisor.plugin.state(), State::Running);
    f.supervisor.plugin.fault(1, Fault::Panic);
    f.settle().await;
    assert!(f.is_set_aside(), "it is tried again later");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_switched_off_while_it_is_set_aside_stays_off() {
    let mut f = Fixture::new();
    f.serve(1).await;
    let plugin = f.supervisor.plugin.clone();
    f.supervisor.on_fault(1, Fault::Stuck).await;
    assert!(f.is_set_aside());
    let (started, _) = oneshot::channel();
    tokio::spawn(f.supervisor.run(false, f.inbox, started));
    let (done, outcome) = oneshot::channel();
    let spec = Some(Box::new(spec(false)));
    let reload = Event::Reload { spec, done };
    assert!(plugin.events.send(reload).await.is_ok());
    assert_eq!(outcome.await, Ok(Ok(())));
    assert_eq!(plugin.state(), State::Off);
    let mut changes = plugin.changes.subscribe();
    let changed = tokio::time::timeout(Duration::from_secs(3600), changes.changed()).await;
    assert!(changed.is_err(), "{:?}", plugin.state());
}

/// What a channel says to an account that is to start: one of them may.
fn one_may(request: Request) -> Result<Vec<u8>> {
    let account: Account = serde_json::from_slice(&request.body).expect("an account");
    match account.id.as_str() {
        "good" => Ok(Vec::new()),
        "panics" => Err(Error::new(ErrorKind::Panic, "it panicked")),
        id => Err(Error::new(ErrorKind::Config, format_args!("{id} has no token"))),
    }
}

/// How a plugin with these accounts starts.
async fn starts(accounts: &[&str]) -> Result<(), String> {
    let f = Fixture::new();
    let generation = fake::generation(&f.supervisor.workshop, 1, one_may);
    let mut settings = spec(true).settings;
    let account = |id: &&str| Account {
        id: (*id).to_owned(),
        config: serde_json::json!({}),
    };
    let all = accounts.iter().map(|id| ("chat".to_owned(), account(id)));
    settings.accounts = all.collect();
    let started = generation.start("fake", &settings).await;
    started.map_err(|error| error.to_string())
}

#[tokio::test]
async fn an_account_that_can_not_start_keeps_no_other_from_it() {
    starts(&[]).await.expect("a plugin without accounts");
    starts(&["bad", "good"]).await.expect("one account is enough");
    let none = starts(&["bad", "worse"]).await.expect_err("no account");
    assert!(none.contains("bad has no token"), "{none}");
    starts(&["panics", "good"])
        .await
        .expect_err("an instance that is gone");
}

#[tokio::test]
async fn a_reload_that_fails_ends_the_waiting_of_what_was_set_aside() {
    let mut f = Fixture::new();
    f.supervisor.set_aside("it panicked");
    f.supervisor.reload(None).await.expect_err("there is no file");
    assert!(f.supervisor.retry_at.is_none());
    assert!(matches!(f.supervisor.plugin.state(), State::Failed { .. }));
}
