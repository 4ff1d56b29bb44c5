//! Ways in from outside for a gateway without a public address.
//!
//! A [`Tunnel`] leads from a public address to an address of this machine until it breaks; [`keep`] opens it again, ever
//! more slowly, and tells what the address is now. What kinds there are is known here and nowhere else.
//!
//! Invariant: while a tunnel is down nobody believes that it leads here.
mod ngrok;
mod tailscale;

pub(crate) use tailscale::address as tailscale_address;

use crate::{
    clock,
    config::{TailscaleMode, TunnelKind},
    settings::Settings,
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{Error, Host};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use url::Url;

/// The longest wait between two tries is at most this; it begins with a second.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// A tunnel that held for so long begins anew with short waits.
const STABLE: Duration = Duration::from_secs(60);

/// Leads from outside to this machine.
pub(crate) trait Tunnel: Send + Sync + 'static {
    /// What people call it.
    fn name(&self) -> &'static str;

    /// Leads to `local` (`127.0.0.1:3334`) until it breaks, and says why it did. `up` is told the address from which it
    /// leads here. Dropping the future closes it.
    fn run(&self, local: &str, up: Up) -> BoxFuture<'static, Error>;
}

/// Is told a tunnel's address, without a path.
pub(crate) type Up = Box<dyn Fn(Url) + Send + Sync>;

/// How a tunnel is. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Status(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    url: Option<Url>,
    problem: Option<String>,
    /// The last address that was told.
    told: Option<Url>,
}

/// The tunnel that the configuration wants; none where a public address is named.
pub(crate) fn wanted(settings: &Settings) -> Option<Arc<dyn Tunnel>> {
    let config = &settings.config;
    if settings.public_url.is_some() {
        return None;
    }
    let stream = config.stream_path().into_owned();
    let webhook = config.webhook_path().into_owned();
    let paths = vec![
        (config.tunnel_path().into_owned(), webhook),
        (stream.clone(), stream),
    ];
    let by_tailscale = |public| -> Arc<dyn Tunnel> {
        let port = config.tailscale.port.unwrap_or(443);
        Arc::new(tailscale::Tailscale::new(public, port, paths.clone()))
    };
    match (config.tunnel.provider, config.tailscale.mode) {
        (TunnelKind::Ngrok, _) => {
            let token = settings.ngrok_token.clone()?;
            let own = &config.tunnel;
            let tunnel = ngrok::Ngrok::new(token, settings.ngrok_domain.clone());
            let (service, authorities) = (own.ngrok_connect_url.as_deref(), own.ngrok_connect_cas.as_deref());
            Some(Arc::new(tunnel.at(service, authorities)))
        }
        (TunnelKind::TailscaleServe, _) | (TunnelKind::None, TailscaleMode::Serve) => {
            Some(by_tailscale(false))
        }
        (TunnelKind::TailscaleFunnel, _) | (TunnelKind::None, TailscaleMode::Funnel) => {
            Some(by_tailscale(true))
        }
        (TunnelKind::None, TailscaleMode::Off) => None,
    }
}

/// Keeps a tunnel open for ever. `changed` is told each time the address changes, also to none.
pub(crate) async fn keep(
    host: &Host,
    tunnel: Arc<dyn Tunnel>,
    local: &str,
    status: Status,
    changed: impl Fn(Option<&Url>) + Send + Sync + 'static,
) {
    let (name, changed) = (tunnel.name(), Arc::new(changed));
    let mut tries = 0;
    loop {
        let begin = Instant::now();
        let (up_status, up_changed) = (status.clone(), changed.clone());
        let up = Box::new(move |url: Url| {
            up_status.up(name, &url);
            up_changed(Some(&url));
        });
        let error = tunnel.run(local, up).await;
        changed(None);
        if begin.elapsed() >= STABLE && status.is_up() {
            tries = 0;
        }
        status.down(name, &error);
        host.sleep(wait(tries, clock::random())).await;
        tries += 1;
    }
}

/// Anything up to a bound that doubles: who fell together does not come back together.
fn wait(tries: u32, chance: [u8; 16]) -> Duration {
    let most = MAX_WAIT.min(Duration::from_secs(1 << tries.min(6)));
    let part =
        f64::from(u32::from_le_bytes([chance[0], chance[1], chance[2], chance[3]])) / f64::from(u32::MAX);
    // never at once: a tunnel that fails at once would turn in a circle
    most.mul_f64(part).max(Duration::from_millis(100))
}

// === impl Status ===

impl Status {
    /// The address now, without a path.
    #[cfg(test)]
    pub(crate) fn url(&self) -> Option<Url> {
        self.inner(|inner| inner.url.clone())
    }

    /// Why it is down; `None`: it is up.
    pub(crate) fn problem(&self) -> Option<String> {
        self.inner(|inner| match &inner.url {
            Some(_) => None,
            None => Some(
                inner
                    .problem
                    .clone()
                    .unwrap_or_else(|| "it is being opened".to_owned()),
            ),
        })
    }

    fn is_up(&self) -> bool {
        self.inner(|inner| inner.url.is_some())
    }

    fn up(&self, name: &str, url: &Url) {
        let news = self.inner(|inner| {
            (inner.url, inner.problem) = (Some(url.clone()), None);
            inner.told.replace(url.clone()).as_ref() != Some(url)
        });
        if news {
            tracing::info!(tunnel = name, url = url.as_str(), "voice-call: tunnel active");
        } else {
            tracing::info!(
                tunnel = name,
                "voice-call: the tunnel is back under the same address"
            );
        }
    }

    fn down(&self, name: &str, error: &Error) {
        let first = self.inner(|inner| {
            let was_up = inner.url.take().is_some();
            let before = inner.problem.replace(error.message().to_owned());
            was_up || before.is_none()
        });
        if first {
            tracing::warn!(tunnel = name, %error, "voice-call: the tunnel is down; it is opened again");
        } else {
            tracing::debug!(tunnel = name, %error, "voice-call: the tunnel is still down");
        }
    }

    fn inner<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Status").field(&self.problem()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::{ErrorKind, testing::TestHost};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Comes up at every second try, each time under another name, and breaks at once.
    struct Shaky(AtomicU32);

    impl Tunnel for Shaky {
        fn name(&self) -> &'static str {
            "shaky"
        }

        fn run(&self, local: &str, up: Up) -> BoxFuture<'static, Error> {
            assert_eq!(local, "127.0.0.1:1");
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                if n % 2 == 1 {
                    up(Url::parse(&format!("https://t{n}.example/")).unwrap());
                }
                Error::new(ErrorKind::Network, "it broke")
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_that_breaks_is_opened_again_and_everybody_is_told() {
        let host = TestHost::new().host();
        let (sender, mut told) = tokio::sync::mpsc::channel(64);
        let status = Status::default();
        assert!(status.problem().is_some());
        let kept = status.clone();
        tokio::spawn(async move {
            let changed = move |url: Option<&Url>| sender.try_send(url.map(Url::to_string)).unwrap();
            keep(
                &host,
                Arc::new(Shaky(AtomicU32::new(0))),
                "127.0.0.1:1",
                kept,
                changed,
            )
            .await;
        });
        let mut next = async || told.recv().await.unwrap();
        assert_eq!(next().await, None);
        assert_eq!(next().await.as_deref(), Some("https://t1.example/"));
        assert_eq!(next().await, None);
        assert_eq!(status.problem().as_deref(), Some("it broke"));
        assert_eq!(status.url(), None);
        assert_eq!(next().await, None);
        assert_eq!(next().await.as_deref(), Some("https://t3.example/"));
    }

    #[test]
    fn waits_grow_differ_and_end() {
        let (low, high) = ([0; 16], [255; 16]);
        for (tries, most) in [(0, 1), (1, 2), (5, 32), (6, 60), (u32::MAX, 60)] {
            assert_eq!(wait(tries, high).as_secs(), most, "{tries}");
            assert_eq!(wait(tries, low), Duration::from_millis(100));
        }
    }
}
