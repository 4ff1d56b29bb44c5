//! The runtime that servers are spoken to on: one thread, started with the first server and ended with the plugin.
//!
//! The protocol's crate needs a reactor of tokio's. A gateway without servers has neither the thread nor the reactor.
use openclaw_plugin_api::prelude::*;
use std::sync::{Mutex, PoisonError};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

/// Bytes of the thread's stack; answers nest as deep as JSON may.
const STACK: usize = 2 << 20;

/// The runtime, once it is needed.
#[derive(Debug, Default)]
pub struct Engine {
    runtime: Mutex<Option<Runtime>>,
}

/// Work that ends when nobody waits for it any more.
struct Task<T>(JoinHandle<T>);

// === impl Engine ===

impl Engine {
    fn handle(&self) -> Result<Handle> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*runtime {
            return Ok(runtime.handle().clone());
        }
        let new = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(1)
            .thread_name("oc-mcp")
            .thread_stack_size(STACK)
            .enable_all()
            .build()?;
        Ok(runtime.insert(new).handle().clone())
    }

    /// Runs the work there, and drops it with the future.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let mut task = Task(self.handle()?.spawn(work));
        match (&mut task.0).await {
            Ok(outcome) => outcome,
            Err(error) if error.is_panic() => Err(Error::new(ErrorKind::Internal, "the call panicked")),
            Err(_) => Err(Error::new(ErrorKind::Closed, "the plugin is being stopped")),
        }
    }

    /// Starts work that goes on by itself.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        drop(self.handle()?.spawn(work));
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let runtime = self.runtime.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = runtime.take() {
            // drops every task, and with them the processes; whoever drops the plugin does not wait for it
            runtime.shutdown_background();
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
