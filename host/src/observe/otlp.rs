//! Spans on their way to a collector, by OTLP over HTTP with JSON and the host's one client.
//!
//! Invariants: nobody waits for it. What finds no place in the queue is counted and gone; a collector that does not answer
//! is tried a few times and then left alone with what comes next.
use super::{
    spans::{Span, request},
    stability::Stability,
};
use crate::{
    clock::Clock,
    http::{Body, Client, Egress, Origin, Request},
};
use openclaw_plugin_api::Secret;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::{
        mpsc::{Receiver, Sender, channel},
        oneshot,
    },
    time::{Instant, sleep, timeout_at},
};

/// Spans that wait.
const QUEUE: usize = 2_048;
/// Spans of one request.
const BATCH: usize = 256;
/// How long a collector may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How often it is asked to take the same spans.
const TRIES: u32 = 3;
/// The pause before the second try; it grows.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of its answer; nobody reads them.
const ANSWER: u64 = 64 * 1024;
/// How it is called where the gateway tells how it does.
const NAME: &str = "otlp-http";

/// Where spans go and how.
pub struct Destination {
    /// The address.
    pub url: String,
    /// Headers of each request.
    pub headers: Vec<(String, Secret)>,
    /// The name of the service.
    pub service: String,
    /// How long spans wait for each other.
    pub flush: Duration,
}

/// Takes spans.
#[derive(Debug, Clone)]
pub struct Exporter {
    queue: Sender<Item>,
    counts: Arc<Counts>,
}

/// What became of spans.
#[derive(Debug, Default)]
pub struct Counts {
    /// The collector has them.
    pub sent: AtomicU64,
    /// Nobody has them.
    pub lost: AtomicU64,
}

#[derive(Debug)]
enum Item {
    Span(Box<Span>),
    /// What came before goes at once; then this is told.
    Flush(oneshot::Sender<()>),
}

struct Courier {
    destination: Destination,
    http: Client,
    egress: Arc<Egress>,
    counts: Arc<Counts>,
    stability: Arc<Stability>,
    clock: Clock,
    failing: bool,
}

// === impl Exporter ===

impl Exporter {
    /// Begins to send.
    pub fn start(destination: Destination, http: Client, stability: Arc<Stability>, clock: Clock) -> Self {
        let (queue, spans) = channel(QUEUE);
        let counts = Arc::<Counts>::default();
        // the operator chose the address, which is mostly on this machine
        let egress = Arc::new(Egress::new("telemetry", ["*"], true).expect("the pattern is valid"));
        stability.exporter(clock.now_ms(), NAME, "traces", "started", None);
        let courier = Courier {
            destination,
            http,
            egress,
            counts: counts.clone(),
            stability,
            clock,
            failing: false,
        };
        tokio::spawn(courier.serve(spans));
        Self { queue, counts }
    }

    /// Takes one, if there is a place.
    pub fn take(&self, span: Span) {
        if self.queue.try_send(Item::Span(Box::new(span))).is_err() {
            self.counts.lost.fetch_add(1, Relaxed);
        }
    }

    /// Waits until what was taken so far is at the collector, or was given up.
    pub async fn flush(&self) {
        let (done, told) = oneshot::channel();
        if self.queue.send(Item::Flush(done)).await.is_ok() {
            let _ = told.await;
        }
    }

    /// What became of them.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

// === impl Courier ===

impl Courier {
    async fn serve(mut self, mut items: Receiver<Item>) {
        while let Some(first) = items.recv().await {
            let (mut batch, mut asked, mut next) = (Vec::new(), None, Some(first));
            let end = Instant::now() + self.destination.flush;
            while let Some(item) = next.take() {
                match item {
                    Item::Span(span) => batch.push(*span),
                    Item::Flush(done) => asked = Some(done),
                }
                if batch.len() < BATCH && asked.is_none() {
                    next = timeout_at(end, items.recv()).await.ok().flatten();
                }
            }
            if !batch.is_empty() {
                self.deliver(&batch).await;
            }
            // who asked may have gone
            asked.map(|done| done.send(()));
        }
    }

    async fn deliver(&mut self, batch: &[Span]) {
        let body = request(&self.destination.service, batch).to_string();
        let mut pause = PAUSE;
        for number in 1..=TRIES {
            match self.post(body.clone()).await {
                Ok(()) => {
                    self.counts.sent.fetch_add(batch.len() as u64, Relaxed);
                    if std::mem::take(&mut self.failing) {
                        self.tell("recovered", None);
                        tracing::info!(target: "openclaw::telemetry", "the collector takes traces again");
                    }
                    return;
                }
                Err(Refused { again: true, .. }) if number < TRIES => {
                    sleep(pause).await;
                    pause *= 2;
                }
                Err(refused) => {
                    self.counts.lost.fetch_add(batch.len() as u64, Relaxed);
                    self.failed(&refused);
                    return;
                }
            }
        }
    }

    fn failed(&mut self, refused: &Refused) {
        self.tell("failure", Some(refused.reason));
        // once, not with every batch
        if !std::mem::replace(&mut self.failing, true) {
            let why = &refused.why;
            tracing::warn!(target: "openclaw::telemetry", "traces are not taken: {why}; see diagnostics.otel");
        }
    }

    fn tell(&self, outcome: &str, reason: Option<&str>) {
        self.stability
            .exporter(self.clock.now_ms(), NAME, "traces", outcome, reason);
    }

    async fn post(&self, body: String) -> Result<(), Refused> {
        let mut request = Request::new("POST", &self.destination.url, Origin::Trusted);
        request.headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
        let own = self.destination.headers.iter();
        request
            .headers
            .extend(own.map(|(name, value)| (name.clone(), value.expose().as_bytes().to_vec())));
        request.body = Body::Bytes(body.into_bytes().into());
        request.total = Some(LIMIT);
        request.deadline = LIMIT;
        request.redirects = 0;
        request.max_response_bytes = ANSWER;
        let sent = self.http.send(&self.egress, request).await;
        let status = sent
            .map_err(|error| Refused {
                why: format!("the collector was not reached: {error}"),
                reason: "unreachable",
                again: true,
            })?
            .status();
        match status {
            200..300 => Ok(()),
            status => Err(Refused {
                why: format!("the collector answered with status {status}"),
                reason: "status",
                again: matches!(status, 408 | 429 | 502..=504),
            }),
        }
    }
}

struct Refused {
    why: String,
    reason: &'static str,
    again: bool,
}
