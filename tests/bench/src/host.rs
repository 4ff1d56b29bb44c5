//! The least host that a plugin can live with: it serves nothing.
use openclaw_plugin_api::abi::{Call, Fault, HostServices, Level, LogRecord};
use std::{pin::Pin, time::Duration};

/// Serves nothing.
pub struct NoHost;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl HostServices for NoHost {
    fn call(&self, call: Call<'_>) -> Boxed<Result<Vec<u8>, Fault>> {
        let fault = Fault::new("unknown_method", call.method);
        Box::pin(async move { Err(fault) })
    }
    fn spawn(&self, _: Boxed<()>) {}
    fn sleep(&self, _: Duration) -> Boxed<()> {
        Box::pin(std::future::pending())
    }
    fn log_enabled(&self, _: Level, _: &str) -> bool {
        false
    }
    fn log(&self, _: &LogRecord<'_>) {}
}
