//! What a test works with: the plugin's file, a way to make instances, a seed, and a place for remarks.
use crate::{
    Case, Lab,
    fake::{self, FakeHost, Mode},
    generate,
    journal::Journal,
    outcome::{Stop, Verdict},
    plausible,
    rng::{self, Rng},
    run::THREAD_PREFIX,
    subject::Subject,
};
use openclaw_plugin_api::{Manifest, abi::Fault};
use serde_json::{Value, json};
use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

/// How long opening, creating and destroying may take; the gateway's own deadline for it.
const BLOCKING_DEADLINE: Duration = Duration::from_secs(10);
/// Remarks that are kept of one test.
const MAX_REMARKS: usize = 20;

/// What a test works with.
pub(crate) struct Bench {
    lab: Arc<dyn Lab>,
    library: PathBuf,
    seed: u64,
    test: String,
    manifest: Result<Manifest, String>,
    config: Option<Value>,
    journal: Arc<Journal>,
    pool: Handle,
    remarks: Mutex<Remarks>,
}

/// What a test has to say besides its verdict.
#[derive(Debug, Default, Clone)]
pub(crate) struct Remarks {
    pub(crate) warnings: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Bench {
    pub(crate) fn new(lab: Arc<dyn Lab>, case: &Case, journal: Arc<Journal>, pool: Handle) -> Self {
        journal.doing("reading the manifest");
        let manifest = lab.manifest(&case.library);
        Self {
            lab,
            library: case.library.clone(),
            seed: case.seed,
            test: case.test.clone(),
            manifest,
            config: case.config.clone(),
            journal,
            pool,
            remarks: Mutex::default(),
        }
    }

    /// From here on the test does this.
    pub(crate) fn doing(&self, what: impl fmt::Display) {
        self.journal.doing(what);
    }

    /// The rule is kept, but somebody should look at this.
    pub(crate) fn warn(&self, what: impl fmt::Display) {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        let what = what.to_string();
        if remarks.warnings.len() < MAX_REMARKS && !remarks.warnings.contains(&what) {
            remarks.warnings.push(what);
        }
    }

    /// Something that was measured.
    pub(crate) fn note(&self, what: impl fmt::Display) {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        if remarks.notes.len() < MAX_REMARKS {
            remarks.notes.push(what.to_string());
        }
    }

    pub(crate) fn remarks(&self) -> Remarks {
        self.remarks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Where code of the plugin is polled. Never the thread of the test: its timers have to go on.
    pub(crate) fn pool(&self) -> &Handle {
        &self.pool
    }

    /// Randomness of this test alone.
    pub(crate) fn rng(&self) -> Rng {
        Rng::new(self.seed ^ rng::hash(&self.test))
    }

    /// The manifest, read before the test began.
    pub(crate) fn manifest(&self) -> Verdict<&Manifest> {
        self.manifest
            .as_ref()
            .map_err(|why| Stop::skipped(format_args!("the manifest can't be read: {why}")))
    }

    /// Why the manifest can't be read, if so.
    pub(crate) fn manifest_error(&self) -> Option<&str> {
        self.manifest.as_ref().err().map(String::as_str)
    }

    /// Reads the manifest once more.
    pub(crate) fn read_manifest(&self) -> Result<Manifest, String> {
        self.lab.manifest(&self.library)
    }

    /// The configuration that instances get: the one that was given, else the smallest that the schema allows.
    pub(crate) fn config(&self) -> Verdict<Value> {
        if let Some(config) = &self.config {
            return Ok(config.clone());
        }
        let schema = self.manifest()?.config_schema.as_ref();
        let smallest = schema.and_then(|schema| generate::smallest(schema, &mut self.rng()));
        Ok(smallest.unwrap_or_else(|| json!({})))
    }

    /// Opens the library and gives the manifest as the library tells it.
    pub(crate) async fn open(&self) -> Verdict<Result<String, String>> {
        self.doing("opening the library");
        let (lab, library) = (self.lab.clone(), self.library.clone());
        blocking("opening the library", move || lab.open(&library)).await
    }

    /// The first instance of a test. That it can be made is a test of its own, so here it skips.
    pub(crate) async fn first(&self) -> Verdict<Subject> {
        self.first_in(Mode::Normal).await
    }

    /// As [`Bench::first`], with a host that behaves like this.
    pub(crate) async fn first_in(&self, mode: Mode) -> Verdict<Subject> {
        self.manifest()?;
        self.doing("creating an instance");
        match self.create(&self.config()?, mode).await {
            Ok(Ok(subject)) => Ok(subject),
            Ok(Err(fault)) => Err(cannot_begin(&fault.to_string())),
            Err(Stop::Failed(why) | Stop::Skipped(why)) => Err(cannot_begin(&why)),
        }
    }

    /// As [`Bench::first`], started with its services and an account of each channel.
    pub(crate) async fn started(&self) -> Verdict<Subject> {
        let subject = self.first().await?;
        self.start(&subject).await?;
        Ok(subject)
    }

    /// Starts everything that an instance has. What refuses to start is not judged here.
    pub(crate) async fn start(&self, subject: &Subject) -> Verdict {
        subject.start().await?;
        for channel in subject.of("channel/1") {
            subject
                .call(&plausible::start_channel(
                    &channel,
                    self.account_config(&channel)?,
                ))
                .await?;
        }
        Ok(())
    }

    /// The configuration of an account: the smallest that the channel's schema allows.
    pub(crate) fn account_config(&self, channel: &str) -> Verdict<Value> {
        let schema = self.manifest()?.channel_schemas.get(channel);
        let smallest = schema.and_then(|schema| generate::smallest(schema, &mut self.rng()));
        Ok(smallest.unwrap_or_else(|| json!({})))
    }

    /// Another instance, which has to be possible where a first one was.
    pub(crate) async fn another(&self) -> Verdict<Subject> {
        self.doing("creating another instance");
        let fault = match self.create(&self.config()?, Mode::Normal).await? {
            Ok(subject) => return Ok(subject),
            Err(fault) => fault,
        };
        Err(Stop::failed(format_args!(
            "the first instance could be made, another one could not: {fault}"
        )))
    }

    /// Makes an instance with any configuration.
    pub(crate) async fn create(&self, config: &Value, mode: Mode) -> Verdict<Result<Subject, Fault>> {
        let host = FakeHost::new(mode, self.pool.clone());
        let (lab, library, config) = (self.lab.clone(), self.library.clone(), config.clone());
        let handle = host.handle();
        let environment = fake::environment();
        let created = blocking("creating an instance", move || {
            lab.create(&library, handle, &config, &environment)
        })
        .await?;
        Ok(created.map(|(plugin, registered)| {
            Subject::new(plugin, registered, host, self.journal.clone(), self.pool.clone())
        }))
    }
}

fn cannot_begin(why: &str) -> Stop {
    Stop::skipped(format_args!("no instance can be made to test with: {why}"))
}

/// Runs code of the plugin on a thread of its own, which is given up when it takes too long.
pub(crate) async fn blocking<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Verdict<T> {
    let (done, outcome) = oneshot::channel();
    let thread = thread::Builder::new()
        .name(format!("{THREAD_PREFIX}blocking"))
        // Nobody waits any more if this fails.
        .spawn(move || drop(done.send(work())))
        .map_err(|e| Stop::failed(format_args!("{what}: no thread can be started: {e}")))?;
    match timeout(BLOCKING_DEADLINE, outcome).await {
        Ok(Ok(value)) => {
            // It has nothing left to do; joined, so that it is not counted among the plugin's threads.
            let _ = thread.join();
            Ok(value)
        }
        Ok(Err(_)) => Err(Stop::failed(format_args!(
            "{what} panicked, and nothing on the plugin's side caught it"
        ))),
        Err(_) => {
            let seconds = BLOCKING_DEADLINE.as_secs();
            Err(Stop::failed(format_args!("{what} took longer than {seconds} s")))
        }
    }
}
