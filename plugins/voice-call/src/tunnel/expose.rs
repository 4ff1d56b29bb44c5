//! One mapping of Tailscale's, made or taken back by hand: `openclaw voicecall expose`.
//!
//! Nobody looks after it afterwards; a tunnel of the configuration is the better way.
use super::tailscale::Tailscale;
use crate::config::TailscaleMode;
use futures_channel::oneshot;
use openclaw_plugin_api::{Error, ErrorKind, Result};
use url::Url;

/// What is to be mapped.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exposure {
    pub(crate) mode: TailscaleMode,
    /// Path on the tailnet's name.
    pub(crate) path: String,
    /// Port on the tailnet's name.
    pub(crate) port: u16,
    /// `http://127.0.0.1:3334/voice/webhook`
    pub(crate) target: String,
}

/// Makes the mapping, or takes it back; gives the public address.
pub(crate) async fn expose(wanted: Exposure) -> Result<Option<Url>> {
    let (done, outcome) = oneshot::channel();
    let spawned = std::thread::Builder::new()
        .name("oc-tailscale".into())
        .spawn(move || {
            // nobody waits any more
            let _ = done.send(map(&wanted));
        });
    spawned?;
    let gone = || Error::new(ErrorKind::Internal, "the thread for tailscale ended");
    outcome.await.map_err(|_| gone())?
}

fn map(wanted: &Exposure) -> Result<Option<Url>> {
    let line = |public| Tailscale::new(public, wanted.port, vec![wanted.path.clone()]);
    match wanted.mode {
        TailscaleMode::Off => {
            line(true).unmap();
            line(false).unmap();
            Ok(None)
        }
        mode => line(mode == TailscaleMode::Funnel).map(&wanted.target).map(Some),
    }
}
