//! Time, tasks, and the two things that a plugin may wait for: a new configuration and the end.
use crate::{Error, ErrorKind, Host, Result, abi::Catch, logs, runtime::Driver};
use futures_channel::oneshot;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Waiters that one signal keeps; each is a task of the same plugin.
const MAX_WAITERS: usize = 1024;

/// A task that runs until it ends, is aborted, or its plugin instance goes.
#[derive(Debug)]
pub struct TaskHandle {
    abort: Option<oneshot::Sender<()>>,
}

/// Ticks at equal distances; see [`Host::interval`].
#[derive(Debug)]
pub struct Interval {
    host: Host,
    period: Duration,
}

/// A value that changes; see [`Host::config_changes`].
pub struct Watch {
    host: Host,
    seen: u64,
}

/// What wakes waiting tasks.
#[derive(Default)]
pub(super) struct Signals {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    shutting_down: bool,
    config: Option<Value>,
    version: u64,
    watched: bool,
    wakers: Vec<Waker>,
}

// === impl Host ===

impl Host {
    /// Runs a task in the background. It is dropped with the plugin instance; a panic in it is logged and ends it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        let (abort, aborted) = oneshot::channel();
        let task = logs::of(self, async move {
            let mut task = pin!(Catch::new(task));
            let mut aborted = pin!(aborted);
            poll_fn(|cx| match task.as_mut().poll(cx) {
                Poll::Ready(Err(text)) => {
                    tracing::error!(panic = text, "a task of this plugin panicked");
                    Poll::Ready(())
                }
                Poll::Ready(Ok(())) => Poll::Ready(()),
                // A handle that was dropped without aborting leaves the task alone.
                Poll::Pending => match aborted.as_mut().poll(cx) {
                    Poll::Ready(Ok(())) => Poll::Ready(()),
                    Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
                },
            })
            .await;
        });
        match &self.inner.driver {
            Driver::Host => self.inner.handle.spawn(task),
            #[cfg(feature = "tokio")]
            Driver::Own(runtime) => {
                let task = runtime.spawn(task);
                self.inner.handle.spawn(async move {
                    let _ = task.await;
                });
            }
        }
        TaskHandle { abort: Some(abort) }
    }

    /// Waits.
    pub async fn sleep(&self, time: Duration) {
        self.inner.handle.sleep(time).await;
    }

    /// Waits for `work`, but no longer than `limit`.
    pub async fn timeout<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T> {
        let mut work = pin!(work);
        let mut limit_reached = pin!(self.inner.handle.sleep(limit));
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending => limit_reached.as_mut().poll(cx).map(|()| {
                Err(Error::new(
                    ErrorKind::Timeout,
                    format_args!("no answer within {limit:?}"),
                ))
            }),
        })
        .await
    }

    /// Ticks every `period`, for the first time after one.
    pub fn interval(&self, period: Duration) -> Interval {
        Interval {
            host: self.clone(),
            period,
        }
    }

    /// Resolves when the plugin is asked to stop.
    pub async fn shutdown(&self) {
        poll_fn(|cx| {
            self.inner
                .signals
                .poll(cx, |state| state.shutting_down.then_some(()))
        })
        .await;
    }

    /// Follows changes of the plugin's configuration. A plugin that does is not restarted for one.
    pub fn config_changes(&self) -> Watch {
        self.inner.signals.with(|state| state.watched = true);
        Watch {
            host: self.clone(),
            seen: 0,
        }
    }

    pub(crate) fn begin_shutdown(&self) {
        self.inner.signals.wake(|state| state.shutting_down = true);
    }

    /// Takes a new configuration. Unsupported, which makes the host restart the instance, if nobody follows changes.
    pub(crate) fn config_changed(&self, config: Value) -> Result<()> {
        if !self.inner.signals.with(|state| state.watched) {
            return Err(Error::unsupported(
                "this plugin doesn't follow changes of its configuration",
            ));
        }
        self.inner.signals.wake(|state| {
            state.config = Some(config);
            state.version += 1;
        });
        Ok(())
    }
}

// === impl Signals ===

impl Signals {
    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wake(&self, change: impl FnOnce(&mut State)) {
        let wakers = self.with(|state| {
            change(state);
            std::mem::take(&mut state.wakers)
        });
        wakers.into_iter().for_each(Waker::wake);
    }

    fn poll<T>(&self, cx: &Context<'_>, ready: impl FnOnce(&mut State) -> Option<T>) -> Poll<T> {
        self.with(|state| match ready(state) {
            Some(value) => Poll::Ready(value),
            None => {
                if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                    if state.wakers.len() >= MAX_WAITERS {
                        // Waking the oldest makes it ask again, so a bound costs a poll and loses nobody.
                        state.wakers.remove(0).wake();
                    }
                    state.wakers.push(cx.waker().clone());
                }
                Poll::Pending
            }
        })
    }
}

// === impl TaskHandle ===

impl TaskHandle {
    /// Ends the task at its next await.
    pub fn abort(mut self) {
        if let Some(abort) = self.abort.take() {
            let _ = abort.send(());
        }
    }
}

// === impl Interval ===

impl Interval {
    /// Waits for the next tick.
    pub async fn tick(&mut self) {
        self.host.sleep(self.period).await;
    }
}

// === impl Watch ===

impl Watch {
    /// Waits for the next configuration.
    pub async fn changed<T: DeserializeOwned>(&mut self) -> Result<T> {
        let host = self.host.clone();
        let (version, config) = poll_fn(|cx| {
            let seen = self.seen;
            host.inner.signals.poll(cx, |state| {
                (state.version > seen).then(|| (state.version, state.config.clone().unwrap_or_default()))
            })
        })
        .await;
        self.seen = version;
        serde_json::from_value(config).map_err(|e| {
            Error::new(
                ErrorKind::Config,
                format_args!("the new configuration of this plugin is wrong: {e}"),
            )
        })
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
