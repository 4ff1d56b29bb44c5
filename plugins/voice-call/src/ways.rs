//! How what comes from outside gets in: the plugin's own listener, and the tunnel that leads to it.
//!
//! Invariant: whoever has to know the public address (`reach`, `stream`) learns of each change, also that there is none.
use crate::{
    phone::Phone,
    settings::Settings,
    stream::Streams,
    tunnel::{self, Tunnel},
};
use futures_util::future::{Either, select};
use openclaw_plugin_api::{Host, Listener};
use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use url::Url;

/// Port of the listener, if only its address is named.
const PORT: u16 = 3334;
/// Wait before a port that was taken is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// How the ways in are. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ways {
    tunnel: tunnel::Status,
    has_tunnel: bool,
    listener: Arc<Mutex<Option<String>>>,
}

// === impl Ways ===

impl Ways {
    /// The ways that the configuration wants.
    pub(crate) fn new(settings: &Settings) -> (Self, Option<Arc<dyn Tunnel>>) {
        let tunnel = tunnel::wanted(settings);
        let ways = Self {
            has_tunnel: tunnel.is_some(),
            ..Self::default()
        };
        (ways, tunnel)
    }

    /// What is wrong with them.
    pub(crate) fn problem(&self) -> Option<String> {
        let listener = self
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let tunnel = self.tunnel.problem().filter(|_| self.has_tunnel);
        listener.or_else(|| tunnel.map(|problem| format!("the tunnel is down: {problem}")))
    }

    fn note(&self, problem: Option<String>) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

/// Where the operator wants a listener, or where a tunnel needs one.
fn bind(settings: &Settings, for_tunnel: bool) -> Option<String> {
    let serve = &settings.config.serve;
    if serve.port.is_none() && serve.bind.is_none() {
        return for_tunnel.then(|| "127.0.0.1:0".to_owned());
    }
    let address = serve.bind.as_deref().unwrap_or("127.0.0.1");
    let port = serve.port.unwrap_or(PORT);
    Some(match address.contains(':') && !address.starts_with('[') {
        true => format!("[{address}]:{port}"),
        false => format!("{address}:{port}"),
    })
}

/// Opens the ways in, and keeps them open.
pub(crate) async fn keep_open(
    host: Host,
    phone: Arc<Phone>,
    streams: Streams,
    tunnel: Option<Arc<dyn Tunnel>>,
) {
    let Some(bind) = bind(&phone.settings, tunnel.is_some()) else {
        return;
    };
    let ways = phone.ways.clone();
    loop {
        match host.listen(&bind).await {
            Ok(mut listener) => {
                ways.note(None);
                let address = listener.address().to_owned();
                tracing::info!(
                    address,
                    path = phone.reach.path(),
                    "voice-call: Webhook server listening"
                );
                let leading = lead(&host, &phone, &streams, tunnel.clone(), &address);
                match select(pin!(leading), pin!(ended(&mut listener))).await {
                    Either::Right((None, _)) | Either::Left(_) => return,
                    Either::Right((Some(problem), _)) => ways.note(Some(problem)),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "voice-call: the listener for webhooks can't be opened; it is tried again");
                ways.note(Some(error.message().to_owned()));
            }
        }
        host.sleep(AGAIN).await;
    }
}

/// Why the listener ended; `None`: the gateway stops.
async fn ended(listener: &mut Listener) -> Option<String> {
    let ended = listener.ended().await;
    ended.err().map(|error| error.message().to_owned())
}

/// Leads a tunnel to the listener, if there is one.
async fn lead(
    host: &Host,
    phone: &Arc<Phone>,
    streams: &Streams,
    tunnel: Option<Arc<dyn Tunnel>>,
    address: &str,
) {
    let Some(tunnel) = tunnel else {
        return std::future::pending().await;
    };
    // a listener for everybody is reached on this machine
    let address = address
        .replace("0.0.0.0:", "127.0.0.1:")
        .replace("[::]:", "[::1]:");
    let (reach, streams, calls) = (phone.reach.clone(), streams.clone(), phone.calls.clone());
    let last = Mutex::new(None);
    let changed = move |url: Option<&Url>| {
        reach.tunnelled(url);
        streams.reached_by(url);
        let Some(webhook) = url.and_then(|_| reach.webhook()) else {
            return;
        };
        calls.reached_by(&webhook);
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(&webhook) {
            tracing::warn!(
                url = webhook,
                "voice-call: the public address is new: paste it as the number's Voice webhook (POST) in your carrier's \
                 console, and with ?type=status as its Status Callback"
            );
            *last = Some(webhook);
        }
    };
    tunnel::keep(host, tunnel, &address, phone.ways.tunnel.clone(), changed).await;
}
