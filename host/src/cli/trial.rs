//! Plugins started by themselves, for a command that tries something out.
use super::{Failure, onboard::prompt::stopped};
use crate::app::trial::{Trial, TrialOptions};

/// Starts them, has something done with them and ends them. Whoever stops it here leaves nothing behind: the folder ends
/// with what is dropped.
pub(super) fn run<T>(options: TrialOptions, work: impl AsyncFnOnce(&Trial) -> T) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|e| Failure::io("start the runtime", e))?;
    runtime.block_on(async {
        tokio::select! {
            outcome = tried(options, work) => outcome,
            _ = tokio::signal::ctrl_c() => Err(stopped()),
        }
    })
}

async fn tried<T>(options: TrialOptions, work: impl AsyncFnOnce(&Trial) -> T) -> Result<T, Failure> {
    let trial = Trial::start(options).await.map_err(Failure::new)?;
    let outcome = work(&trial).await;
    trial.stop().await;
    Ok(outcome)
}
