//! From the open socket to a client that is let in: challenge, `connect`, and the decision.
//!
//! The order is: shape, protocol, role, origin, locality if there is no secret, limiter, device, secret. Nothing but
//! `connect` is answered before.
//!
//! Invariant: it ends within [`limits::HANDSHAKE_DEADLINE`] and the limiter's delay, whatever the client sends.
use serde_json::json;
use tokio::time::{self, Instant};

use super::{
    auth::{self, Admission, Issued, ProxyClaim, Role, Way},
    connect::Connect,
    denial, device,
    failure::Failure,
    frame::{self, Answer, BadFrame, Request},
    limiter::Client,
    limits,
    methods::Caller,
    outbox::{Close, Outbox},
    random,
    server::Shared,
    wire::{End, Incoming, Wire},
};
use crate::{
    http::server::{Peer, Sites},
    journal::Surface,
};

/// What is known of a socket before the client says anything.
#[derive(Debug)]
pub(crate) struct Entrance {
    pub(crate) peer: Peer,
    pub(crate) origin: Option<String>,
    pub(crate) host: String,
    pub(crate) proxy: ProxyClaim,
    /// When it came, in the hub's counting: what a proxy says of it may be taken back before it asks to be let in.
    pub(crate) epoch: u64,
}

/// A client that is let in.
pub(crate) struct Admitted {
    /// Id of the `connect` request.
    pub(crate) request: String,
    pub(crate) caller: Caller,
    /// What it can do, if it is a node.
    pub(crate) offered: Surface,
    /// The token that its device gets.
    pub(crate) issued: Option<Issued>,
    /// When it was let in, in the hub's counting.
    pub(crate) epoch: u64,
}

/// Why a client is not let in.
enum Refusal {
    /// Without a word.
    Silent(Close),
    /// With a response.
    Answered {
        request: String,
        failure: Failure,
        code: u16,
    },
}

// === impl Entrance ===

impl Entrance {
    /// Is it a program on this machine, as far as can be seen? It gets no right by that; a gateway without a secret
    /// refuses everybody else.
    fn is_local(&self) -> bool {
        self.peer.is_local() && Sites::is_loopback(&self.host)
    }
}

/// Lets a client in or sends it away.
pub(crate) async fn shake(
    shared: &Shared,
    entrance: &Entrance,
    wire: &mut Wire,
    outbox: &Outbox,
) -> Result<Admitted, End> {
    let nonce = random::uuid();
    let challenge = json!({"nonce": nonce, "ts": shared.clock.now_ms(), "capabilities": []});
    outbox.send(frame::event(
        "connect.challenge",
        &challenge.to_string(),
        None,
        None,
    ));
    let message = match time::timeout(limits::HANDSHAKE_DEADLINE, first_message(wire, outbox)).await {
        Ok(message) => message?,
        Err(_) => {
            return Err(End::Ours(Close {
                code: 1000,
                reason: String::new(),
            }));
        }
    };
    match decide(shared, entrance, &nonce, &message).await {
        Ok(admitted) => Ok(admitted),
        Err(Refusal::Silent(close)) => Err(End::Ours(close)),
        Err(Refusal::Answered {
            request,
            failure,
            code,
        }) => {
            outbox.send(Answer::failed(&failure).to(&request));
            outbox.close(code, farewell(failure));
            let sent = async { while wire.next(outbox).await.is_ok() {} };
            let _ = time::timeout(limits::CLOSE_DEADLINE, sent).await;
            // the outbox still holds the close, whether the response was taken or not
            Err(wire.next(outbox).await.err().unwrap_or(End::Theirs))
        }
    }
}

/// The reason of the close: the message, and the request that an owner can approve.
fn farewell(failure: Failure) -> String {
    let details = failure.details.as_deref();
    match details.and_then(|details| details["requestId"].as_str()) {
        Some(request) => format!("{} (requestId: {request})", failure.message),
        None => failure.message,
    }
}

async fn first_message(wire: &mut Wire, outbox: &Outbox) -> Result<bytes::Bytes, End> {
    loop {
        if let Incoming::Message(message) = wire.next(outbox).await? {
            return Ok(message);
        }
    }
}

async fn decide(
    shared: &Shared,
    entrance: &Entrance,
    nonce: &str,
    message: &[u8],
) -> Result<Admitted, Refusal> {
    let request = first_request(message)?;
    let refuse = |failure| Refusal::Answered {
        request: request.id.clone(),
        failure,
        code: 1008,
    };
    let connect = Connect::parse(request.params.clone()).map_err(refuse)?;
    let protocol = connect.negotiate().map_err(|failure| Refusal::Answered {
        request: request.id.clone(),
        failure,
        code: 1002,
    })?;
    let role = Role::parse(&connect).map_err(refuse)?;
    check_origin(shared, entrance, &connect).map_err(refuse)?;
    let verifier = shared.verifier();
    if verifier.is_open() && !entrance.is_local() {
        return Err(refuse(denial::no_secret_configured()));
    }
    let client = Client::new(&entrance.peer, entrance.origin.is_some());
    if let Err(after) = shared.limiter.check(client, Instant::now()) {
        return Err(refuse(denial::rate_limited(after)));
    }
    let device = device::verify(&connect, role.name(), nonce, shared.clock.now_ms()).map_err(refuse)?;
    let rules = shared.rules.get();
    let way = Way {
        local: entrance.is_local(),
        browser: entrance.origin.is_some(),
        proxy: &entrance.proxy,
        auto_approve: rules.policy.auto_approve_local,
        pages_without_device: rules.policy.pages_without_device,
    };
    match auth::admit(&verifier, &shared.devices, &connect, role, device, &way).await {
        Ok(Admission { principal, issued }) => {
            shared.limiter.succeeded(client);
            let offered = Surface {
                caps: connect.caps.clone(),
                commands: connect.commands,
            };
            let caller = Caller {
                connection: random::uuid(),
                principal,
                client: connect.client,
                caps: connect.caps,
                protocol,
                address: entrance.peer.address(),
                since_ms: shared.clock.now_ms(),
            };
            Ok(Admitted {
                request: request.id,
                caller,
                offered,
                issued,
                epoch: entrance.epoch,
            })
        }
        Err(denied) => {
            if denied.guessed {
                let client_id = connect.client.id.as_str();
                tracing::warn!(client = client_id, address = %entrance.peer.address(), "a client offered a wrong secret");
                time::sleep(shared.limiter.failed(client, Instant::now())).await;
            }
            Err(refuse(denied.failure))
        }
    }
}

fn first_request(message: &[u8]) -> Result<Request, Refusal> {
    let silent = |code, reason: &str| {
        Refusal::Silent(Close {
            code,
            reason: reason.to_owned(),
        })
    };
    let request = Request::parse(message).map_err(|bad| match bad {
        BadFrame::NotJson => silent(1000, ""),
        BadFrame::Invalid { .. } => silent(1008, "invalid request frame"),
    })?;
    if request.method == "connect" {
        return Ok(request);
    }
    let failure = Failure::invalid("invalid handshake: first request must be connect");
    Err(Refusal::Answered {
        request: request.id,
        failure,
        code: 1008,
    })
}

fn check_origin(shared: &Shared, entrance: &Entrance, connect: &Connect) -> Result<(), Failure> {
    let reason = match &entrance.origin {
        Some(origin) if shared.rules.get().sites.origin_allowed(origin, &entrance.host) => return Ok(()),
        Some(_) => "origin not allowed",
        None if connect.client.is_page() => "origin missing or invalid",
        None => return Ok(()),
    };
    let message = "origin not allowed (open the page from the gateway itself, or add its origin to \
                   gateway.controlUi.allowedOrigins)";
    let details = json!({"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": reason});
    Err(Failure::invalid(message).with_details(details))
}
