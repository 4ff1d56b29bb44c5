//! Time, tasks, and the two things that a plugin may wait for: a new configuration and the end.
use crate::{Error, ErrorKind, Host, Result, abi::Catch, logs, runtime::Driver};
use futures_channel::oneshot;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    future::{Future, poll_fn},
    mem,
    pin::pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Waits that are kept at once: more than the tasks and calls that a host lets one instance have (8,192 and 256).
const MAX_WAITERS: usize = 16 << 10;

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
    watching: Watching,
    seen: u64,
}

/// Somebody follows changes for as long as this lives.
struct Watching(Host);

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
    watches: usize,
    waiting: BTreeMap<u64, Waker>,
    last_place: u64,
}

/// One wait, whose place is its own until it is over. A place can't be known by its waker: across the boundary each poll
/// brings another one, also of the same task.
struct Waiter<'a> {
    signals: &'a Signals,
    place: Option<u64>,
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
        let signals = &self.inner.signals;
        signals.wait(|state| state.shutting_down.then_some(())).await;
    }

    /// Follows changes of the plugin's configuration, for as long as the [`Watch`] is kept. A plugin that does is not
    /// restarted for one.
    pub fn config_changes(&self) -> Watch {
        self.inner.signals.with(|state| state.watches += 1);
        Watch {
            watching: Watching(self.clone()),
            seen: 0,
        }
    }

    pub(crate) fn begin_shutdown(&self) {
        self.inner.signals.wake(|state| state.shutting_down = true);
    }

    /// Takes a new configuration. Unsupported, which makes the host restart the instance, if nobody follows changes.
    pub(crate) fn config_changed(&self, config: Value) -> Result<()> {
        if self.inner.signals.with(|state| state.watches) == 0 {
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
        let waiting = self.with(|state| {
            change(state);
            mem::take(&mut state.waiting)
        });
        waiting.into_values().for_each(Waker::wake);
    }

    /// What `ready` finds, once it does.
    async fn wait<T>(&self, mut ready: impl FnMut(&State) -> Option<T>) -> T {
        let mut waiter = Waiter {
            signals: self,
            place: None,
        };
        poll_fn(|cx| waiter.poll(cx, &mut ready)).await
    }
}

// === impl Waiter ===

impl Waiter<'_> {
    fn poll<T>(&mut self, cx: &Context<'_>, ready: &mut impl FnMut(&State) -> Option<T>) -> Poll<T> {
        let (signals, mut place) = (self.signals, self.place);
        let (mut former, mut oldest) = (None, None);
        let poll = signals.with(|state| {
            if let Some(value) = ready(state) {
                return Poll::Ready(value);
            }
            let at = *place.get_or_insert_with(|| state.new_place());
            if state.waiting.len() >= MAX_WAITERS && !state.waiting.contains_key(&at) {
                // It asks again, so a bound costs a poll and loses nobody.
                oldest = state.waiting.pop_first();
            }
            former = state.waiting.insert(at, cx.waker().clone());
            Poll::Pending
        });
        self.place = place;
        // Not under the lock: with a waker its task may go, and with that what waits in it.
        drop(former);
        oldest.into_iter().for_each(|(_, waker)| waker.wake());
        poll
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        // As above: it is dropped when the lock is free.
        let waker = self.signals.with(|state| state.waiting.remove(&place));
        drop(waker);
    }
}

// === impl State ===

impl State {
    fn new_place(&mut self) -> u64 {
        self.last_place += 1;
        self.last_place
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
        let (signals, seen) = (&self.watching.0.inner.signals, self.seen);
        let newer = |state: &State| {
            (state.version > seen).then(|| (state.version, state.config.clone().unwrap_or_default()))
        };
        let (version, config) = signals.wait(newer).await;
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

// === impl Watching ===

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.inner.signals.with(|state| state.watches -= 1);
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::TestHost;
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
    };

    /// How often it was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_wait_that_is_asked_often_has_one_place_and_wakes_nobody_before_its_time() {
        let host = TestHost::new().host();
        let mut waiting = Box::pin(host.shutdown());
        // another one for each poll, as across the boundary
        let wakers: Vec<Arc<Woken>> = (0..MAX_WAITERS + 8).map(|_| Arc::default()).collect();
        for woken in &wakers {
            let waker = Waker::from(woken.clone());
            assert!(
                waiting
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        let woken = || -> usize { wakers.iter().map(|woken| woken.0.load(Ordering::Relaxed)).sum() };
        let kept = || host.inner.signals.with(|state| state.waiting.len());
        assert_eq!((woken(), kept()), (0, 1));
        host.begin_shutdown();
        assert_eq!((woken(), kept()), (1, 0), "the last one");
        waiting.await;
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_leaves_nothing() {
        let host = TestHost::new().host();
        let mut waiting = Box::pin(host.shutdown());
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        drop(waiting);
        assert_eq!(host.inner.signals.with(|state| state.waiting.len()), 0);
    }

    #[tokio::test]
    async fn a_change_that_nobody_follows_any_more_is_not_taken() -> Result<()> {
        let host = TestHost::new().host();
        host.config_changed(Value::Null).expect_err("nobody has asked");
        let (mut one, other) = (host.config_changes(), host.config_changes());
        drop(other);
        host.config_changed(Value::from(7))?;
        assert_eq!(one.changed::<u8>().await?, 7);
        drop(one);
        let error = host.config_changed(Value::from(8)).expect_err("nobody is left");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        Ok(())
    }
}
