//! Work on disks happens on a thread of its own: a slow disk must not hold up whoever polls the plugin.
use crate::error::FileError;
use futures_channel::oneshot;
use openclaw_plugin_api::prelude::*;

/// Stack of such a thread, bytes.
const STACK: usize = 512 << 10;

/// Runs `work` on a thread. It is finished even if nobody waits for it any more: a file is never left half written.
pub async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T> {
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new()
        .name("oc-files-io".into())
        .stack_size(STACK)
        .spawn(move || tell.send(work()))?;
    match told.await {
        Ok(outcome) => outcome.map_err(FileError::into_error),
        Err(_) => Err(Error::new(
            ErrorKind::Internal,
            "the work on this file ended in a panic",
        )),
    }
}
