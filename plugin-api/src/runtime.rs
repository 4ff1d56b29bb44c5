//! Where a plugin's futures run: on the host's executor, or on a tokio runtime of the plugin's own.
use crate::{Declaration, Result};

/// Where a plugin's futures run.
#[derive(Clone)]
pub(crate) enum Driver {
    /// Polled by the host. No thread, no reactor: sockets and timers are the host's.
    Host,
    /// Spawned on one thread of the plugin's own. Never polled from a host thread inside the runtime's context, which
    /// makes streams several times slower.
    #[cfg(feature = "tokio")]
    Own(own::Runtime),
}

impl Driver {
    pub(crate) fn for_plugin(declaration: &Declaration) -> Result<Self> {
        #[cfg(feature = "tokio")]
        if declaration.wants_own_runtime() {
            return Ok(Self::Own(own::Runtime::start(declaration.id())?));
        }
        let _ = declaration;
        Ok(Self::Host)
    }

    /// Runs synchronous code of the author where `tokio::spawn` and its like work, if they do at all.
    pub(crate) fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        match self {
            Self::Host => f(),
            #[cfg(feature = "tokio")]
            Self::Own(runtime) => runtime.enter(f),
        }
    }

    pub(crate) fn shut_down(&self) {
        #[cfg(feature = "tokio")]
        if let Self::Own(runtime) = self {
            runtime.shut_down();
        }
    }
}

#[cfg(feature = "tokio")]
mod own {
    use crate::Result;
    use std::{
        future::Future,
        pin::Pin,
        sync::{Arc, Mutex, PoisonError},
        task::{Context, Poll},
    };
    use tokio::{
        runtime::{Builder, Handle},
        sync::oneshot,
        task::{JoinError, JoinHandle},
    };

    /// Stack of the runtime's thread. Bytes.
    const STACK: usize = 2 << 20;

    /// One thread with a current-thread scheduler, named after the plugin.
    #[derive(Clone)]
    pub(crate) struct Runtime {
        handle: Handle,
        stop: Arc<Mutex<Option<oneshot::Sender<()>>>>,
    }

    /// A spawned task that is aborted when nobody waits for it any more.
    pub(crate) struct Task<T>(JoinHandle<T>);

    impl Runtime {
        pub(crate) fn start(id: &str) -> Result<Self> {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let (stop, stopped) = oneshot::channel::<()>();
            let name: String = format!("oc-{id}").chars().take(15).collect();
            std::thread::Builder::new()
                .name(name)
                .stack_size(STACK)
                .spawn(move || {
                    let _ = runtime.block_on(stopped);
                    // Tasks are dropped here; blocking ones get a moment and are then left behind.
                    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
                })?;
            Ok(Self {
                handle,
                stop: Arc::new(Mutex::new(Some(stop))),
            })
        }

        pub(crate) fn spawn<F>(&self, future: F) -> Task<F::Output>
        where
            F: Future + Send + 'static,
            F::Output: Send + 'static,
        {
            Task(self.handle.spawn(future))
        }

        pub(crate) fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
            let _guard = self.handle.enter();
            f()
        }

        /// Ends the thread. Doesn't wait for it: the caller may be on it.
        pub(crate) fn shut_down(&self) {
            self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    impl<T> Future for Task<T> {
        type Output = Result<T, JoinError>;

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            Pin::new(&mut self.0).poll(cx)
        }
    }

    impl<T> Drop for Task<T> {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
}
