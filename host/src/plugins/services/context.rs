//! The host as one instance of a plugin sees it: its permissions, its tasks, its limits, and whether it is still alive.
use super::{Core, Request, Services, serve};
use crate::{
    http::Egress,
    plugins::{
        logs,
        metrics::Metrics,
        offered::Offered,
        pool::{Owner, Pool, Task},
    },
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{
    ChannelState, ChannelStatus, Error, ErrorKind, Result,
    abi::{Call, Fault, HostServices, Level, LogRecord},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// Calls of one instance that may be served at once; more are refused.
const MAX_CALLS: usize = 512;
/// Tasks of one instance.
const MAX_TASKS: usize = 8192;
/// Log events in one second; the rest is dropped and counted.
const MAX_LOGS_PER_SECOND: u32 = 200;
/// Longest wait that a plugin can ask for; it may ask again.
const MAX_SLEEP: Duration = Duration::from_secs(60 * 60 * 24 * 30);

/// What an instance is given.
pub struct ContextOptions {
    /// Plugin id.
    pub plugin: String,
    /// Number of the instance.
    pub instance: u64,
    /// Variables that its manifest declares.
    pub secrets: Vec<String>,
    /// Where it may go.
    pub egress: Arc<Egress>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Tools that it offers while it runs.
    pub tools: Arc<Offered>,
    /// Where its tasks are polled.
    pub pool: Pool,
    /// On whose behalf.
    pub owner: Arc<Owner>,
}

/// The host as one instance sees it.
pub struct Context {
    /// Itself, for tasks that outlive a borrow.
    this: Weak<Self>,
    options: ContextOptions,
    services: Arc<Services>,
    closed: AtomicBool,
    calls: Arc<Semaphore>,
    tasks: Mutex<HashMap<u64, Task<()>>>,
    next_task: AtomicU64,
    logs: Mutex<LogWindow>,
}

/// Log events of the current second.
struct LogWindow {
    since: Instant,
    events: u32,
}

impl Context {
    /// For one instance.
    pub fn new(services: Arc<Services>, options: ContextOptions) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            options,
            services,
            closed: AtomicBool::new(false),
            calls: Arc::new(Semaphore::new(MAX_CALLS)),
            tasks: Mutex::default(),
            next_task: AtomicU64::new(0),
            logs: Mutex::new(LogWindow {
                since: Instant::now(),
                events: 0,
            }),
        })
    }

    /// Plugin id.
    pub fn plugin(&self) -> &str {
        &self.options.plugin
    }

    /// Number of the instance.
    pub fn instance(&self) -> u64 {
        self.options.instance
    }

    /// The instance is retired: its tasks end, and it is served no more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        drop(tasks);
    }

    /// Tasks that are running.
    pub fn tasks(&self) -> usize {
        lock(&self.tasks).len()
    }

    pub(super) fn services(&self) -> &Arc<Services> {
        &self.services
    }

    pub(super) fn egress(&self) -> &Arc<Egress> {
        &self.options.egress
    }

    pub(super) fn tools(&self) -> &Offered {
        &self.options.tools
    }

    pub(super) fn declares_secret(&self, variable: &str) -> bool {
        self.options.secrets.iter().any(|declared| declared == variable)
    }

    /// An account of a channel did not start. One whose plugin says nothing of it would look as if it had been stopped.
    pub fn account_failed(&self, channel: &str, account: &str, why: &Error) {
        let status = ChannelStatus {
            account_id: account.to_owned(),
            state: ChannelState::Failed,
            problem: why.message().to_owned(),
            ..ChannelStatus::default()
        };
        if let Ok(core) = self.core() {
            core.channel_status(self.plugin(), channel, status);
        }
    }

    pub(super) fn core(&self) -> Result<Arc<dyn Core>> {
        self.services
            .core
            .get()
            .and_then(std::sync::Weak::upgrade)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Closed,
                    "the gateway is not running yet, or not any more",
                )
            })
    }

    /// A plugin speaks only under its own name.
    pub(super) fn own_event<'e>(&self, event: &'e str) -> Result<&'e str> {
        let plugin = self.plugin();
        let prefix = event.split_once('.').map_or(event, |(prefix, _)| prefix);
        if prefix == plugin || prefix == plugin.replace('-', "") {
            return Ok(event);
        }
        let text = format!("plugin {plugin} may emit events named {plugin}.…, not {event}");
        Err(Error::new(ErrorKind::Refused, text))
    }

    fn admit(&self) -> Result<tokio::sync::OwnedSemaphorePermit> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::new(
                ErrorKind::Closed,
                "this instance of the plugin has been stopped",
            ));
        }
        self.calls.clone().try_acquire_owned().map_err(|_| {
            Error::new(
                ErrorKind::Overloaded,
                format_args!("more than {MAX_CALLS} calls of this plugin at once"),
            )
        })
    }
}

impl HostServices for Context {
    fn call(&self, call: Call<'_>) -> BoxFuture<'static, Result<Vec<u8>, Fault>> {
        self.options.metrics.host_calls.fetch_add(1, Ordering::Relaxed);
        let permit = match self.admit() {
            Ok(permit) => permit,
            Err(error) => return Box::pin(std::future::ready(Err(error.into_fault()))),
        };
        let request = Request {
            method: call.method.to_owned(),
            target: call.target.to_owned(),
            meta: call.meta.to_owned(),
            body: call.body,
            out: call.out,
            input: call.input,
        };
        // Sockets and timers belong to the gateway's runtime, so the work is done there, whoever polls the plugin.
        let Some(context) = self.this.upgrade() else {
            return Box::pin(std::future::ready(Err(Fault::new(
                "closed",
                "this instance has been stopped",
            ))));
        };
        let work = AbortOnDrop(self.services.runtime.spawn(async move {
            let _permit = permit;
            serve(context, request).await
        }));
        Box::pin(async move {
            match work.await {
                Ok(outcome) => outcome.map_err(fault),
                Err(error) => Err(Fault::new("internal", error)),
            }
        })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let context = self.this.clone();
        let id = self.next_task.fetch_add(1, Ordering::Relaxed);
        let mut tasks = lock(&self.tasks);
        if self.closed.load(Ordering::Relaxed) || tasks.len() >= MAX_TASKS {
            drop(tasks);
            tracing::error!(
                plugin = self.plugin(),
                limit = MAX_TASKS,
                "a task of this plugin was not started"
            );
            return;
        }
        let handle = self.options.pool.spawn(&self.options.owner, async move {
            task.await;
            if let Some(context) = context.upgrade() {
                let done = lock(&context.tasks).remove(&id);
                drop(done);
            }
        });
        tasks.insert(id, handle);
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let _context = self.services.runtime.enter();
        Box::pin(tokio::time::sleep(time.min(MAX_SLEEP)))
    }

    fn log_enabled(&self, level: Level, _target: &str) -> bool {
        logs::enabled(self.plugin(), level)
    }

    fn log(&self, record: &LogRecord<'_>) {
        // what nobody sees must not take the place of what somebody would
        if !logs::enabled(self.plugin(), record.level) {
            return;
        }
        let mut window = lock(&self.logs);
        if window.since.elapsed() > Duration::from_secs(1) {
            *window = LogWindow {
                since: Instant::now(),
                events: 0,
            };
        }
        window.events += 1;
        let allowed = window.events <= MAX_LOGS_PER_SECOND;
        drop(window);
        match allowed {
            true => logs::emit(self.plugin(), record),
            false => {
                self.options.metrics.logs_dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// A task of the runtime that ends when nobody waits for it any more.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for AbortOnDrop<T> {
    type Output = std::result::Result<T, tokio::task::JoinError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(cx)
    }
}

/// An error as the caller is told it. If it was another plugin that panicked, its code was not the caller's: who passed on
/// the word for that would be replaced for it.
fn fault(error: Error) -> Fault {
    if error.kind() == ErrorKind::Panic {
        let text = format!("another plugin panicked in this call: {error}");
        return Error::new(ErrorKind::Internal, text).into_fault();
    }
    error.into_fault()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("plugin", &self.plugin())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_another_plugin_is_not_the_callers_when_it_is_passed_on() {
        let kind = |kind| Error::from_fault(&fault(Error::new(kind, "index out of bounds"))).kind();
        assert_eq!(kind(ErrorKind::Panic), ErrorKind::Internal);
        assert_eq!(kind(ErrorKind::RateLimited), ErrorKind::RateLimited);
        let told = fault(Error::new(ErrorKind::Panic, "index out of bounds")).message;
        assert_eq!(
            told.as_str(),
            "another plugin panicked in this call: index out of bounds"
        );
    }
}
