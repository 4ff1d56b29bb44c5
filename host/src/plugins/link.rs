//! Where an instance lives, behind one interface: in this process or in a child, it is called the same way.
use super::{
    pool::{Owner, Pool},
    services::Request,
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{
    Error, ErrorKind, Result,
    abi::{Call, PluginHandle},
};
use std::sync::{Arc, Mutex, PoisonError};

/// What the system says of a child.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Usage {
    /// Process id.
    pub pid: u32,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// CPU time so far, milliseconds.
    pub cpu_ms: u64,
}

/// An instance, wherever it is. What is not said of one is true of those in this process.
pub trait Link: Send + Sync + 'static {
    /// Calls it. Dropping the future cancels the call.
    fn call(&self, request: Request) -> BoxFuture<'static, Result<Vec<u8>>>;
    /// Destroys it. What it destroys may hang, so nobody waits for longer than the link thinks right.
    fn close(&self) -> BoxFuture<'static, ()>;
    /// Resolves with the reason if it ends by itself. In this process it never does.
    fn ended(&self) -> BoxFuture<'static, String> {
        Box::pin(std::future::pending())
    }
    /// Has it ended by itself? Then no call can reach it any more.
    fn has_ended(&self) -> bool {
        false
    }
    /// Does it answer at all? Asked after a deadline has passed. A stuck thread of this process is noticed by the pool.
    fn alive(&self) -> BoxFuture<'static, bool> {
        Box::pin(std::future::ready(true))
    }
    /// What the system says of it, if it has a process of its own.
    fn usage(&self) -> Option<Usage> {
        None
    }
}

/// An instance in this process, polled on the plugins' threads.
pub struct Local {
    handle: Mutex<Option<Arc<PluginHandle>>>,
    pool: Pool,
    owner: Arc<Owner>,
}

impl Local {
    /// Takes an instance.
    pub fn new(handle: PluginHandle, pool: Pool, owner: Arc<Owner>) -> Self {
        Self {
            handle: Mutex::new(Some(Arc::new(handle))),
            pool,
            owner,
        }
    }

    fn handle(&self) -> Option<Arc<PluginHandle>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Link for Local {
    fn call(&self, request: Request) -> BoxFuture<'static, Result<Vec<u8>>> {
        let Some(handle) = self.handle() else {
            return Box::pin(std::future::ready(Err(gone())));
        };
        let task = self.pool.spawn(&self.owner, async move {
            let Request {
                method,
                target,
                meta,
                body,
                out,
                input,
            } = request;
            handle
                .call(Call {
                    method: &method,
                    target: &target,
                    meta: &meta,
                    body,
                    out,
                    input,
                })
                .await
        });
        Box::pin(async move {
            match task.await {
                Some(outcome) => outcome.map_err(|fault| Error::from_fault(&fault)),
                None => Err(gone()),
            }
        })
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let task = self.pool.run(&self.owner, move || drop(handle));
        Box::pin(async move {
            task.await;
        })
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Closed, "this instance of the plugin is gone")
}
