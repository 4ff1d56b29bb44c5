//! A client that is let in: its requests, until one of both sides closes.
//!
//! Requests run beside each other and beside the socket; a slow one delays no other. What runs ends on its own, also when
//! the client goes.
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time,
};

use super::{
    failure::{Code, Failure},
    frame::{Answer, BadFrame, Request},
    handshake::Admitted,
    hello,
    idempotency::{Claim, Progress, Ticket},
    limits,
    methods::{Builtin, Caller, Responder, Row},
    outbox::Outbox,
    presence,
    server::Shared,
    wire::{End, Incoming, Wire},
};

/// One client; clones are the same.
#[derive(Clone)]
struct Session {
    shared: Arc<Shared>,
    caller: Arc<Caller>,
    outbox: Arc<Outbox>,
    calls: Arc<Semaphore>,
    /// Calls of methods that are not for its role.
    strays: Arc<AtomicU32>,
}

/// A request that is let through.
struct Work {
    row: Arc<Row>,
    request: Request,
    ticket: Option<Ticket>,
    permits: Permits,
}

/// Room for one call, here and in the whole gateway.
type Permits = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// Serves a client to its end.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    admitted: Box<Admitted>,
    wire: &mut Wire,
    outbox: Arc<Outbox>,
) -> End {
    // what is awaited but for a moment is boxed: ten thousand idle clients have no room for it
    let Admitted {
        request,
        caller,
        offered,
        issued,
        epoch,
    } = *admitted;
    let caller = Arc::new(caller);
    wire.admit_large_messages();
    if !shared.events.has_health() {
        // the first client is told how the gateway is, as all others are; but it is let in in any case
        let _ = Box::pin(time::timeout(
            limits::HEALTH_DEADLINE,
            health(&shared, &json!({})),
        ))
        .await;
    }
    outbox.send(Answer::ok(&hello::hello(&shared, &caller, issued.as_ref())).to(&request));
    drop(issued);
    shared.events.admit(epoch, caller.clone(), outbox.clone());
    Box::pin(shared.nodes.came(&caller, offered)).await;
    presence::announce(&shared, &caller);
    let calls = Arc::new(Semaphore::new(limits::MAX_CALLS_PER_CLIENT));
    let session = Session {
        shared,
        caller,
        outbox,
        calls,
        strays: Arc::default(),
    };
    let end = session.listen(wire).await;
    // first, so that nothing is told any more to whoever sees the end of the connection
    session.shared.events.remove(&session.caller.connection);
    session.outbox.close(1000, "");
    Box::pin(session.shared.nodes.went(&session.caller)).await;
    presence::announce(&session.shared, &session.caller);
    end
}

// === impl Session ===

impl Session {
    async fn listen(&self, wire: &mut Wire) -> End {
        let mut pinged = false;
        loop {
            match time::timeout(limits::PING, wire.next(&self.outbox)).await {
                Ok(Err(end)) => return end,
                // a client that does not read has not seen it yet
                _ if self.outbox.is_closed() => return Box::pin(self.see_off(wire)).await,
                Ok(Ok(incoming)) => {
                    pinged = false;
                    if let Incoming::Message(message) = incoming {
                        self.take(&message);
                    }
                }
                Err(_) if pinged => return End::Theirs,
                Err(_) => {
                    pinged = true;
                    wire.ping();
                }
            }
        }
    }

    /// Gives a client that is sent away a moment to take what waits for it. Nothing that it asks for is done any more.
    async fn see_off(&self, wire: &mut Wire) -> End {
        let rest = async {
            loop {
                if let Err(end) = wire.next(&self.outbox).await {
                    return end;
                }
            }
        };
        time::timeout(limits::CLOSE_DEADLINE, rest)
            .await
            .unwrap_or(End::Theirs)
    }

    fn take(&self, message: &[u8]) {
        match Request::parse(message) {
            Ok(request) => self.dispatch(request),
            Err(BadFrame::NotJson) => {}
            Err(BadFrame::Invalid { id, problems }) => {
                self.refuse(
                    &id,
                    &Failure::invalid(format!("invalid request frame: {problems}")),
                );
            }
        }
    }

    fn dispatch(&self, request: Request) {
        let row = match self.row(&request) {
            Ok(row) => row,
            Err(failure) => return self.refuse(&request.id, &failure),
        };
        match self.permits() {
            Ok(permits) => self.start(row, request, permits),
            Err(failure) => self.refuse(&request.id, &failure),
        }
    }

    /// The row of a request that this client may call with these parameters.
    fn row(&self, request: &Request) -> Result<Arc<Row>, Failure> {
        if request.method == "connect" {
            return Err(Failure::invalid("connect is only valid as the first request"));
        }
        let extra = || {
            let row = self.shared.handler.extra(&request.method);
            row.map(|row| Arc::new(Row::of(&row)))
        };
        let row = self.shared.table.row(&request.method).or_else(extra);
        let row = row.ok_or_else(|| Failure::unknown_method(&request.method))?;
        if let Err(failure) = row.admits(&self.caller.principal) {
            let strayed = failure.code == Code::InvalidRequest;
            if strayed && self.strays.fetch_add(1, Ordering::Relaxed) >= limits::MAX_STRAYS {
                self.outbox
                    .close(1008, "too many calls that are not for this role");
            }
            return Err(failure);
        }
        let checked = row.check(&request.params);
        checked.map_err(|problems| Failure::params(&request.method, problems))?;
        Ok(row)
    }

    fn permits(&self) -> Result<Permits, Failure> {
        let own = self.calls.clone().try_acquire_owned();
        let all = self.shared.calls.clone().try_acquire_owned();
        match (own, all) {
            (Ok(own), Ok(all)) => Ok((own, all)),
            _ => Err(busy("too many requests run at once")),
        }
    }

    fn start(&self, row: Arc<Row>, request: Request, permits: Permits) {
        let ticket = if row.keyed {
            match self.claim(&request) {
                Ok(Claim::Run(ticket)) => Some(ticket),
                Ok(Claim::Join(progress)) => {
                    tokio::spawn(self.clone().join(progress, request.id, permits));
                    return;
                }
                Ok(Claim::Full) => {
                    return self.refuse(&request.id, &busy("too many keyed requests run at once"));
                }
                Err(failure) => return self.refuse(&request.id, &failure),
            }
        } else {
            None
        };
        tokio::spawn(self.clone().run(Work {
            row,
            request,
            ticket,
            permits,
        }));
    }

    fn claim(&self, request: &Request) -> Result<Claim, Failure> {
        let wrong = |problem: &str| Failure::params(&request.method, problem);
        let key = match request.params.get("idempotencyKey") {
            None => return Err(wrong("must have required property 'idempotencyKey'")),
            Some(Value::String(key)) => key,
            Some(_) => return Err(wrong("at /idempotencyKey: must be string")),
        };
        if key.is_empty() || key.len() > limits::MAX_IDEMPOTENCY_KEY {
            let max = limits::MAX_IDEMPOTENCY_KEY;
            return Err(wrong(&format!(
                "at /idempotencyKey: must have 1 to {max} characters"
            )));
        }
        Ok(self
            .shared
            .answers
            .claim(self.caller.principal.subject(), &request.method, key))
    }

    fn refuse(&self, id: &str, failure: &Failure) {
        self.outbox.send(Answer::failed(failure).to(id));
    }

    async fn run(self, work: Work) {
        let Self {
            shared,
            caller,
            outbox,
            ..
        } = self;
        let Work {
            row,
            request,
            ticket,
            permits,
        } = work;
        let Request { id, method, params } = request;
        let mut responder = Responder::new(outbox, id, ticket);
        let started = time::Instant::now();
        let result = match row.builtin {
            Some(builtin) => Ok(answer(&shared, builtin, &params).await),
            None => {
                shared
                    .handler
                    .call(&method, params, &caller, &mut responder)
                    .await
            }
        };
        let ms = started.elapsed().as_millis();
        match &result {
            Ok(_) => tracing::debug!(method, ms, "answered"),
            Err(failure) => tracing::info!(method, ms, code = failure.code.name(), "answered with an error"),
        }
        responder.finish(&result);
        drop(permits);
    }

    /// Passes on the answer of the request that came first with this key.
    async fn join(self, mut progress: watch::Receiver<Progress>, id: String, permits: Permits) {
        let known = progress
            .wait_for(|seen| seen.interim.is_some() || seen.outcome.is_some())
            .await;
        let known = known.map_or_else(|_| Progress::default(), |seen| seen.clone());
        if let (Some(interim), None) = (known.interim, known.outcome) {
            self.outbox.send(interim.to(&id));
        }
        let outcome = progress.wait_for(|seen| seen.outcome.is_some()).await;
        let outcome = outcome.ok().and_then(|seen| seen.outcome.clone());
        let failed = || Answer::failed(&busy("the first request with this key failed"));
        self.outbox.send(outcome.unwrap_or_else(failed).to(&id));
        drop(permits);
    }
}

async fn answer(shared: &Shared, builtin: Builtin, params: &Value) -> Value {
    match builtin {
        Builtin::Health => health(shared, params).await,
        Builtin::Status => {
            let more = shared.handler.status(params).await;
            let mut status = serde_json::Map::new();
            status.insert("runtimeVersion".into(), json!(shared.version));
            status.extend(more);
            status.insert("pid".into(), json!(std::process::id()));
            Value::Object(status)
        }
        Builtin::Presence => presence::entries(shared),
    }
}

/// How the gateway is, also for whoever connects next.
pub(super) async fn health(shared: &Shared, params: &Value) -> Value {
    let started = time::Instant::now();
    let more = shared.handler.health(params).await;
    let mut health = serde_json::Map::new();
    health.insert("ok".into(), json!(true));
    health.insert("ts".into(), json!(shared.clock.now_ms()));
    health.insert("durationMs".into(), json!(started.elapsed().as_millis()));
    health.extend(more);
    let health = Value::Object(health);
    shared.events.keep_health(&health);
    health
}

fn busy(message: &str) -> Failure {
    Failure::unavailable(format!("{message}: retry in a moment"))
        .retry_after(time::Duration::from_millis(500))
}
