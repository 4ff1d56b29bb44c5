//! The running gateway: journal, services, plugins and inbox, put together and taken apart in the right order.
mod accounts;
pub mod alone;
mod applied;
mod devices;
mod ground;
mod guard;
mod hub;
pub mod restart;
mod speech;
mod submit;
mod tools;
pub mod trial;

pub use accounts::{AccountView, Accounts};
pub use applied::Applied;

use crate::{
    agent::{
        Briefings, Desk, Enclosures, Inbox, Lanes, Listener, Models, Places, TurnOutcome,
        live::Live,
        subagents::Subagents,
        tools::{Near, Toolbox, goes_on},
    },
    approvals::Approvals,
    clock::Clock,
    config::{Config, Env, Paths},
    cron::{Cron, Webhook},
    deliver::Outbox,
    heartbeat::Heart,
    http::{self, Egress},
    journal::{Journal, JournalError, Steps},
    plugins::{
        plugin::Spec,
        pool::Pool,
        registry::{Registry, RequiredFailed},
        services::SecretSource,
        stage,
    },
    skills::Skills,
};
use ground::{Ground, Plan};
use hub::Hub;
use openclaw_plugin_api::{AgentRun, Result};
use restart::Restart;
use serde_json::Value;
use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{
    sync::{broadcast, watch},
    task::AbortHandle,
};

/// Threads that poll plugins.
const POLL_THREADS: usize = 2;
/// How long the outcome of what is being sent is waited for at the end.
const DRAIN: Duration = Duration::from_secs(10);
/// How long whoever asks something waits for what was left at the last end. New events come after it in any case.
const RESUME_FIRST: Duration = Duration::from_secs(2);
/// How often it is tried whether a journal in trouble can write again.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// The variable that says, with 1, that no job runs by itself.
const NO_CRON: &str = "OPENCLAW_SKIP_CRON";
/// How often the journal forgets what nobody needs any more, in probes.
const SWEEP_EVERY: u32 = 720;

/// What a gateway is made of.
pub struct Options {
    /// Plugins, on or off.
    pub specs: Vec<Spec>,
    /// Places of files; the state directory exists.
    pub paths: Paths,
    /// This program, to be started for isolated plugins.
    pub program: PathBuf,
    /// The configuration, now and whenever it changes.
    pub config: watch::Receiver<Arc<Config>>,
    /// Told of each step of the journal; for tests.
    pub steps: Option<Steps>,
    /// The environment.
    pub env: Env,
    /// Secrets of the environment.
    pub secrets: SecretSource,
    /// The time of day.
    pub clock: Clock,
}

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The outbound client can't be made.
    #[error("{0}")]
    Http(http::Error),
    /// Plugins that it may not start without.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Required(Vec<RequiredFailed>),
}

/// A running gateway.
pub struct Gateway {
    /// Its plugins.
    pub registry: Arc<Registry>,
    hub: Arc<Hub>,
    office: Office,
    cron: Arc<Cron>,
    heart: Arc<Heart>,
    tasks: Vec<AbortHandle>,
    journal: Journal,
    paths: Paths,
    pool: Pool,
    clock: Clock,
    applied: Applied,
    restart: Restart,
}

/// Where turns begin.
#[derive(Debug, Clone)]
struct Office {
    desk: Arc<Desk>,
    lanes: Arc<Lanes>,
    inbox: Arc<Inbox>,
}

// === impl Gateway ===

impl Gateway {
    /// Starts it. Returns when every plugin has started or failed.
    pub async fn start(mut options: Options) -> Result<Self, StartError> {
        let (paths, state) = (options.paths.clone(), options.paths.state_dir.clone());
        let applied = Applied::new(&state);
        let journal = Journal::open_with(&state.join("state.db"), options.steps)?;
        journal.sweep(options.clock.now_ms())?;
        guard::begin(&journal, &state, &mut options.specs, options.clock.now_ms())?;
        let running = options.specs.iter().filter(|spec| spec.reason.is_on());
        stage::sweep(&state, |id| running.clone().any(|spec| spec.manifest.id == id));
        let plan = Plan {
            specs: options.specs,
            state,
            program: options.program,
            journal: journal.clone(),
            secrets: options.secrets,
            clock: options.clock.clone(),
            threads: POLL_THREADS,
            absent: "the gateway is still starting; try again",
        };
        let (ground, failed) = Ground::lay(plan).await.map_err(StartError::Http)?;
        let Ground {
            registry,
            hub,
            http,
            pool,
        } = ground;
        if !failed.is_empty() {
            registry.stop().await;
            return Err(StartError::Required(failed));
        }
        let (webhook, no_cron) = (Webhook::new(http.clone()), options.env.var(NO_CRON) == Some("1"));
        let office = Office::open(
            &registry,
            &journal,
            options.clock.clone(),
            options.config,
            options.paths,
            options.env,
            http,
        );
        let heart = Heart::new(office.desk.clone(), office.inbox.clone());
        let cron = Cron::new(
            office.desk.clone(),
            office.inbox.clone(),
            heart.clone(),
            webhook,
            no_cron,
        );
        // before the inbox: whoever watches a run has to be there when it ends
        if let Err(error) = cron.recover().await {
            tracing::error!(target: "openclaw::cron", %error, "runs that were left can't be read");
        }
        Subagents::take_up(&office.desk, &office.inbox).await;
        goes_on::take_up(&office.desk, &office.inbox).await;
        office.desk.approvals.recover(&office.desk).await;
        let left = office.clone();
        let resumed = tokio::spawn(async move { left.resume().await });
        // what was left comes first, unless there is so much of it that whoever asks would have to wait
        let _ = tokio::time::timeout(RESUME_FIRST, resumed).await;
        tokio::spawn(tend(Arc::downgrade(&office.desk)));
        let _ = hub.heart.set(heart.clone());
        let _ = hub.office.set(office.clone());
        let tasks = vec![
            tokio::spawn(cron.clone().run()).abort_handle(),
            tokio::spawn(heart.clone().run()).abort_handle(),
        ];
        Ok(Self {
            cron,
            heart,
            tasks,
            registry,
            hub,
            office,
            journal,
            paths,
            pool,
            clock: options.clock,
            applied,
            restart: Restart::new(),
        })
    }

    /// Runs a turn for somebody who waits for its end.
    pub async fn run_agent(&self, run: AgentRun, events: Listener) -> Result<TurnOutcome> {
        self.office.run(run, events).await
    }

    /// Where turns are worked on.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.office.desk
    }

    /// What comes in on its way to an agent.
    pub fn inbox(&self) -> &Arc<Inbox> {
        &self.office.inbox
    }

    /// The lanes of conversations.
    pub fn lanes(&self) -> &Arc<Lanes> {
        &self.office.lanes
    }

    /// Jobs that run at a time.
    pub fn cron(&self) -> &Arc<Cron> {
        &self.cron
    }

    /// When agents look by themselves.
    pub fn heart(&self) -> &Arc<Heart> {
        &self.heart
    }

    /// Events of plugins, for connected clients.
    pub fn events(&self) -> broadcast::Receiver<(String, Value)> {
        self.hub.events.subscribe()
    }

    /// How the accounts of channels are doing.
    pub fn accounts(&self) -> &Accounts {
        &self.hub.accounts
    }

    /// Which configuration runs.
    pub fn applied(&self) -> &Applied {
        &self.applied
    }

    /// Places of files.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// What is kept.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The time of day, milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Threads that plugins have blocked and that have not come back.
    pub fn lost_threads(&self) -> u64 {
        self.pool.lost()
    }

    /// Stops it: plugins drain and end; what is unfinished is in the journal.
    pub async fn stop(&self) {
        // before the plugins: a turn whose model goes away would be told as failed
        self.tasks.iter().for_each(AbortHandle::abort);
        self.office.lanes.end();
        // nor what the platform has without a note of it: it would be sent once more
        if !self.office.desk.outbox.close(DRAIN).await {
            tracing::warn!(target: "openclaw::outbox", "a reply is still being sent; the next start sends it once more");
        }
        self.office.desk.keep_resting().await;
        self.registry.stop().await;
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

/// Looks after the journal as long as there is a desk.
async fn tend(desk: Weak<Desk>) {
    for round in 1_u32.. {
        tokio::time::sleep(PROBE_EVERY).await;
        let Some(desk) = desk.upgrade() else {
            return;
        };
        desk.keep_resting().await;
        let (troubled, now) = (desk.journal.trouble().is_some(), desk.clock.now_ms());
        if !troubled && !round.is_multiple_of(SWEEP_EVERY) {
            continue;
        }
        let tended = desk.journal.run_aside(move |j| {
            j.probe(now);
            if troubled { Ok(()) } else { j.sweep(now) }
        });
        if let Err(error) = tended.await {
            tracing::warn!(target: "openclaw::journal", %error, "not swept");
        }
    }
}

// === impl Office ===

impl Office {
    fn open(
        registry: &Arc<Registry>,
        journal: &Journal,
        clock: Clock,
        config: watch::Receiver<Arc<Config>>,
        paths: Paths,
        env: Env,
        http: http::Client,
    ) -> Self {
        let turns = config.borrow().agents().max_concurrent;
        let enclosures = Enclosures {
            http,
            // files of answers come from public addresses only
            egress: Arc::new(Egress::new("agent", ["*"], false).expect("the pattern is valid")),
            journal: journal.clone(),
            media: paths.state_dir.join("media"),
            clock: clock.clone(),
        };
        let skills = Skills::new(env.clone());
        let models = Models::new(
            registry.clone(),
            config.clone(),
            clock.clone(),
            paths.clone(),
            env,
            Desk::resting_before(journal, clock.now_ms()),
        );
        let desk = Arc::new(Desk {
            registry: registry.clone(),
            journal: journal.clone(),
            clock: clock.clone(),
            approvals: Arc::new(Approvals::new(&paths)),
            outbox: Outbox::new(journal.clone(), registry.clone(), clock.clone()),
            config,
            paths,
            asker: Arc::new(models),
            enclosures,
            briefings: Briefings::default(),
            skills,
            tools: Toolbox::new(registry.clone()),
            turns: Places::new(turns),
            live: Live::new(clock.clone()),
        });
        let lanes = Lanes::new(desk.clone());
        let inbox = Inbox::start(desk.clone(), lanes.clone());
        Near::open(&desk, &lanes, &inbox);
        Self { desk, lanes, inbox }
    }

    /// Takes up what an earlier process left: first what only has to be sent, then what has to be answered.
    async fn resume(&self) {
        match self.desk.outbox.resume().await {
            Ok(0) => {}
            Ok(chats) => {
                tracing::info!(target: "openclaw::outbox", chats, "sending what was left at the last end")
            }
            Err(error) => tracing::error!(target: "openclaw::outbox", %error, "what was left can't be read"),
        }
        match self.inbox.resume().await {
            Ok(0) => {}
            Ok(count) => {
                tracing::info!(target: "openclaw::inbox", count, "answering what was left at the last end")
            }
            Err(error) => tracing::error!(target: "openclaw::inbox", %error, "what was left can't be read"),
        }
    }

    async fn run(&self, run: AgentRun, events: Listener) -> Result<TurnOutcome> {
        self.desk.run(&self.lanes, run, events).await
    }
}
