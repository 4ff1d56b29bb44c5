//! A client that is let in: its requests, until one of both sides closes.
//!
//! Requests run beside each other and beside the socket; a slow one delays no other. What runs ends on its own, also when
//! the client goes.
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

use super::{
    failure::Failure,
    frame::{Answer, BadFrame, Request},
    handshake::{self, Admitted},
    idempotency::{Claim, Ticket},
    limits,
    methods::{Builtin, Caller, Responder, Row},
    outbox::Outbox,
    server::Shared,
    wire::{End, Incoming, Wire},
};

/// One client.
struct Session {
    shared: Arc<Shared>,
    caller: Arc<Caller>,
    outbox: Arc<Outbox>,
    calls: Arc<Semaphore>,
}

/// Room for one call, here and in the whole gateway.
type Permits = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// Serves a client to its end.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    admitted: Admitted,
    wire: &mut Wire,
    outbox: Arc<Outbox>,
) -> End {
    let Admitted {
        request,
        caller,
        epoch,
    } = admitted;
    let caller = Arc::new(caller);
    wire.admit_large_messages();
    outbox.send(Answer::ok(&handshake::hello(&shared, &caller)).to(&request));
    shared.events.admit(epoch, caller.clone(), outbox.clone());
    shared.announce(&caller);
    let calls = Arc::new(Semaphore::new(limits::MAX_CALLS_PER_CLIENT));
    let session = Session {
        shared,
        caller,
        outbox,
        calls,
    };
    let end = session.listen(wire).await;
    session.outbox.close(1000, "");
    session.shared.events.remove(&session.caller.connection);
    session.shared.announce(&session.caller);
    end
}

// === impl Session ===

impl Session {
    async fn listen(&self, wire: &mut Wire) -> End {
        let mut pinged = false;
        loop {
            match time::timeout(limits::PING, wire.next(&self.outbox)).await {
                Ok(Ok(incoming)) => {
                    pinged = false;
                    if let Incoming::Message(message) = incoming {
                        self.take(&message);
                    }
                }
                Ok(Err(end)) => return end,
                Err(_) if pinged => return End::Theirs,
                Err(_) => {
                    pinged = true;
                    wire.ping();
                }
            }
        }
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
        match self.admit(&request) {
            Ok((row, permits)) => self.start(row, request, permits),
            Err(failure) => self.refuse(&request.id, &failure),
        }
    }

    fn admit(&self, request: &Request) -> Result<(Row, Permits), Failure> {
        if request.method == "connect" {
            return Err(Failure::invalid("connect is only valid as the first request"));
        }
        let row = self.shared.table.row(&request.method);
        let row = row.ok_or_else(|| Failure::unknown_method(&request.method))?;
        if !self.caller.principal.scopes().permit(row.scope) {
            return Err(Failure::missing_scope(row.scope));
        }
        let permits = (
            self.calls.clone().try_acquire_owned(),
            self.shared.calls.clone().try_acquire_owned(),
        );
        let (Ok(own), Ok(all)) = permits else {
            return Err(busy("too many requests run at once"));
        };
        Ok((row, (own, all)))
    }

    fn start(&self, row: Row, request: Request, permits: Permits) {
        let (shared, caller, outbox) = (self.shared.clone(), self.caller.clone(), self.outbox.clone());
        if !row.keyed {
            tokio::spawn(run(shared, caller, row, request, outbox, None, permits));
            return;
        }
        match self.claim(&request) {
            Err(failure) => self.refuse(&request.id, &failure),
            Ok(Claim::Full) => self.refuse(&request.id, &busy("too many keyed requests run at once")),
            Ok(Claim::Run(ticket)) => {
                tokio::spawn(run(shared, caller, row, request, outbox, Some(ticket), permits));
            }
            Ok(Claim::Join(progress)) => {
                tokio::spawn(async move {
                    join(progress, &request.id, &outbox).await;
                    drop(permits);
                });
            }
        }
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
}

async fn run(
    shared: Arc<Shared>,
    caller: Arc<Caller>,
    row: Row,
    request: Request,
    outbox: Arc<Outbox>,
    ticket: Option<Ticket>,
    permits: Permits,
) {
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

async fn answer(shared: &Shared, builtin: Builtin, params: &Value) -> Value {
    let started = time::Instant::now();
    match builtin {
        Builtin::Health => {
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
        Builtin::Status => {
            let more = shared.handler.status(params).await;
            let mut status = serde_json::Map::new();
            status.insert("runtimeVersion".into(), json!(shared.version));
            status.extend(more);
            status.insert("pid".into(), json!(std::process::id()));
            Value::Object(status)
        }
        Builtin::Presence => shared.presence(),
    }
}

/// Passes on the answer of the request that came first with this key.
async fn join(
    mut progress: tokio::sync::watch::Receiver<super::idempotency::Progress>,
    id: &str,
    outbox: &Outbox,
) {
    if let Ok(seen) = progress
        .wait_for(|seen| seen.interim.is_some() || seen.outcome.is_some())
        .await
    {
        let first = seen.interim.clone().filter(|_| seen.outcome.is_none());
        drop(seen);
        if let Some(interim) = first {
            outbox.send(interim.to(id));
        }
    }
    let outcome = match progress.wait_for(|seen| seen.outcome.is_some()).await {
        Ok(seen) => seen.outcome.clone(),
        Err(_) => None,
    };
    let answer = outcome.unwrap_or_else(|| Answer::failed(&busy("the first request with this key failed")));
    outbox.send(answer.to(id));
}

fn busy(message: &str) -> Failure {
    Failure::unavailable(format!("{message}: retry in a moment"))
        .retry_after(time::Duration::from_millis(500))
}
