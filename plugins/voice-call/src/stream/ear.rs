//! What a caller says, from frames to words. Sound that an engine does not take in time is lost, not held: what it hears
//! has to be now.
use super::engines::Engine;
use futures_channel::mpsc;
use futures_util::{
    StreamExt,
    future::{Either, select},
};
use openclaw_plugin_api::{Host, Result, Transcript};
use std::{pin::pin, time::Duration};

/// Frames that wait for the engine: two seconds.
pub(super) const MAX_FRAMES: usize = 100;
/// Time for the last words after the sound has ended.
const LAST_WORDS: Duration = Duration::from_secs(6);

/// Listens until the sound ends. `heard` is told each time something was understood.
pub(super) async fn listen(
    host: &Host,
    engine: &Engine,
    mut sound: mpsc::Receiver<Vec<u8>>,
    mut heard: impl FnMut(Transcript),
) -> Result<()> {
    let (mut feed, mut listening) = engine.listen(host)?;
    let feeding = async move {
        while let Some(frame) = sound.next().await {
            if !feed.send(Ok(frame)).await {
                return;
            }
        }
    };
    let mut hearing = pin!(async {
        while let Some(transcript) = listening.next().await? {
            heard(transcript);
        }
        Ok(())
    });
    match select(pin!(feeding), hearing.as_mut()).await {
        Either::Right((outcome, _)) => outcome,
        Either::Left(_) => host.timeout(LAST_WORDS, hearing).await.unwrap_or(Ok(())),
    }
}
