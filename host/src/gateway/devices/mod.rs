//! The devices that the owner let in: what each may be, the tokens that prove it, and those that ask.
//!
//! Invariants: a device holds only what was granted to it here; a caller grants at most what it holds itself; whoever
//! loses a token or its place is sent away at once; a token is told once and kept as a hash.
mod rights;
mod view;

pub(super) use view::merge;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openclaw_plugin_api::Secret;
use serde_json::json;
use std::{fmt, sync::Arc};

use super::{
    auth::{Role, digest},
    connect::Connect,
    denial,
    device::VerifiedDevice,
    failure::Failure,
    hub::Events,
    random,
    scope::{Scope, Scopes},
};
use crate::{
    clock::Clock,
    journal::{Device, DeviceFacts, DeviceRequest, DeviceRole, Journal, JournalError},
};

/// Bytes of a device's token.
const TOKEN_BYTES: usize = 32;
/// Longest text of a client's that is kept, bytes.
const MAX_FACT: usize = 128;

/// The devices. Clones are the same.
#[derive(Clone)]
pub struct Devices(Arc<Inner>);

struct Inner {
    journal: Journal,
    events: Events,
    clock: Clock,
}

/// A device that has proved its key and comes with the gateway's own secret.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) device: &'a VerifiedDevice,
    pub(crate) connect: &'a Connect,
    pub(crate) role: Role,
    /// It gets what it asks for without a question.
    pub(crate) silent: bool,
    pub(crate) local: bool,
    /// It gets a token for the next time.
    pub(crate) with_token: bool,
}

/// What it holds.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) token: Option<Secret>,
    pub(crate) at_ms: i64,
}

/// Whose token it is.
#[derive(Debug)]
pub(crate) struct TokenHolder {
    pub(crate) device: String,
    pub(crate) role: Role,
    pub(crate) scopes: Scopes,
}

/// Why a device has to be let in (again).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// It is not known.
    Unknown,
    /// It is known as something else.
    Role,
    /// It asks for more.
    Scopes,
    /// It says to be another machine.
    Facts,
}

// === impl Devices ===

impl Devices {
    /// The devices of this journal. `events` tells those who look after them.
    pub fn new(journal: Journal, events: Events, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            journal,
            events,
            clock,
        }))
    }

    /// What a device holds that came with the gateway's secret. What it lacks it gets silently, or it has to wait.
    pub(crate) async fn claim(&self, claim: &Claim<'_>) -> Result<Claimed, Failure> {
        let id = claim.device.id().to_owned();
        let known = self.device(&id).await?;
        let asked = asked(claim.connect, claim.role);
        if let Some(lack) = lack(known.as_ref(), claim.connect, claim.role, &asked, claim.local) {
            let request = self.request(claim.connect, claim.role, &asked, known.as_ref());
            if !claim.silent {
                return Err(self.ask(request, lack).await);
            }
            self.admit(request, "silent").await?;
        }
        let now_ms = self.0.clock.now_ms();
        let (token, role) = (claim.with_token.then(new_token), claim.role.name());
        let hash = token.as_ref().map(|token| digest(token.expose()));
        let journal = &self.0.journal;
        let noted = journal.run(move |j| {
            j.device_seen(&id, "connect", now_ms)?;
            if let Some(hash) = hash {
                j.device_token_add(&id, role, &hash, now_ms)?;
            }
            j.device(&id)
        });
        let device = noted.await.map_err(|error| failed(&error))?;
        let role = device.as_ref().and_then(|device| role_of(device, claim.role));
        Ok(Claimed {
            scopes: role.map(held).unwrap_or_default().permitted(),
            token,
            at_ms: now_ms,
        })
    }

    /// Whose token this is.
    pub(crate) async fn holder(&self, token: &str) -> Option<TokenHolder> {
        let hash = digest(token);
        let found = self.0.journal.run(move |j| {
            let Some((device, role)) = j.device_of_token(&hash)? else {
                return Ok(None);
            };
            Ok(j.device(&device)?.map(|device| (device, role)))
        });
        let (device, role) = found.await.ok()??;
        let role = if role == Role::Node.name() {
            Role::Node
        } else {
            Role::Operator
        };
        let scopes = held(role_of(&device, role)?);
        Some(TokenHolder {
            device: device.id,
            role,
            scopes,
        })
    }

    /// Has this device a token for this role?
    pub(crate) async fn has_token(&self, device: &str, role: Role) -> bool {
        let device = self.device(device).await.ok().flatten();
        let role = device.as_ref().and_then(|device| role_of(device, role));
        role.is_some_and(|role| role.revoked_ms.is_none())
    }

    /// Notes that a device came back by its own token, unless it says to be another machine.
    pub(crate) async fn returns(
        &self,
        id: &str,
        connect: &Connect,
        role: Role,
        local: bool,
    ) -> Result<(), Failure> {
        let known = self.device(id).await?;
        let lack = lack(known.as_ref(), connect, role, &[], local);
        if let Some(lack @ Lack::Facts) = lack {
            let asked = asked(connect, role);
            return Err(self
                .ask(self.request(connect, role, &asked, known.as_ref()), lack)
                .await);
        }
        let (id, now_ms) = (id.to_owned(), self.0.clock.now_ms());
        let seen = self.0.journal.run(move |j| j.device_seen(&id, "connect", now_ms));
        seen.await.map_err(|error| failed(&error))
    }

    async fn device(&self, id: &str) -> Result<Option<Device>, Failure> {
        let id = id.to_owned();
        let found = self.0.journal.run(move |j| j.device(&id)).await;
        found.map_err(|error| failed(&error))
    }

    fn request(
        &self,
        connect: &Connect,
        role: Role,
        asked: &[Scope],
        known: Option<&Device>,
    ) -> DeviceRequest {
        let device = connect.device.clone().unwrap_or_default();
        DeviceRequest {
            id: random::uuid(),
            device: device.id,
            public_key: device.public_key,
            facts: facts(connect),
            role: role.name().to_owned(),
            scopes: asked.iter().map(|scope| scope.name().to_owned()).collect(),
            repair: known.is_some(),
            created_ms: self.0.clock.now_ms(),
        }
    }

    /// Notes that a device asks, tells who can decide, and makes the answer to the device.
    async fn ask(&self, request: DeviceRequest, lack: Lack) -> Failure {
        let noted = self.0.journal.run(move |j| j.device_request(&request)).await;
        match noted {
            Ok(request) => {
                tracing::info!(target: "openclaw::devices", device = request.device, role = request.role, "a device asks to be let in: openclaw devices approve {}", request.id);
                self.0
                    .events
                    .broadcast("device.pair.requested", &view::request(&request));
                denial::pairing_required(lack, &request)
            }
            Err(error) => failed(&error),
        }
    }

    /// Lets a device in; what it holds already it keeps.
    async fn admit(&self, request: DeviceRequest, via: &'static str) -> Result<Device, Failure> {
        let now_ms = self.0.clock.now_ms();
        let admitted = self.0.journal.run(move |j| {
            let known = j.device(&request.device)?;
            let before = known.iter().flat_map(|device| &device.roles);
            let before = before.filter(|role| role.role == request.role);
            let mut scopes: Vec<String> = before.flat_map(|role| role.scopes.clone()).collect();
            for scope in &request.scopes {
                if !scopes.contains(scope) {
                    scopes.push(scope.clone());
                }
            }
            let request = DeviceRequest { scopes, ..request };
            let room = j.device_admit(&request, via, now_ms)?;
            Ok(j.device(&request.device)?.filter(|_| room))
        });
        let device = admitted.await.map_err(|error| failed(&error))?;
        let full = || {
            Failure::unavailable("too many devices are paired: remove some with `openclaw devices remove`")
        };
        let device = device.ok_or_else(full)?;
        tracing::info!(target: "openclaw::devices", device = device.id, via, "a device is let in");
        self.changed(&device.id);
        Ok(device)
    }

    fn changed(&self, device: &str) {
        let payload = json!({"deviceId": device, "ts": self.0.clock.now_ms()});
        self.0.events.broadcast("device.pair.changed", &payload);
    }
}

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Devices")
    }
}

/// What it lacks of what it asks for.
fn lack(known: Option<&Device>, connect: &Connect, role: Role, asked: &[Scope], local: bool) -> Option<Lack> {
    let Some(device) = known else {
        return Some(Lack::Unknown);
    };
    let Some(granted) = role_of(device, role) else {
        return Some(Lack::Role);
    };
    let held = held(granted);
    if asked.iter().any(|scope| !held.permit(*scope)) {
        return Some(Lack::Scopes);
    }
    let (old, new) = (&device.facts, facts(connect));
    let same = |old: &str, new: &str| old.trim().eq_ignore_ascii_case(new.trim());
    let family = |facts: &DeviceFacts| facts.device_family.clone().unwrap_or_default();
    let other = !same(&old.platform, &new.platform) || !same(&family(old), &family(&new));
    (other && !local).then_some(Lack::Facts)
}

fn asked(connect: &Connect, role: Role) -> Vec<Scope> {
    let all: &[Scope] = if role == Role::Operator { &Scope::ALL } else { &[] };
    let names = connect.scopes.iter().map(String::as_str);
    Scopes::granted(names, all).as_slice().to_vec()
}

fn role_of(device: &Device, role: Role) -> Option<&DeviceRole> {
    device.roles.iter().find(|granted| granted.role == role.name())
}

fn held(role: &DeviceRole) -> Scopes {
    Scopes::granted(role.scopes.iter().map(String::as_str), &Scope::ALL)
}

/// What a client says about itself, cut to size.
pub(super) fn facts(connect: &Connect) -> DeviceFacts {
    let cut = |text: &str| text[..text.floor_char_boundary(MAX_FACT)].to_owned();
    let client = &connect.client;
    DeviceFacts {
        display_name: client.display_name.as_deref().map(cut),
        platform: cut(&client.platform),
        device_family: client.device_family.as_deref().map(cut),
        client_id: cut(&client.id),
        client_mode: cut(&client.mode),
        version: Some(cut(&client.version)),
    }
}

fn new_token() -> Secret {
    let mut bytes = [0_u8; TOKEN_BYTES];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    Secret::new(URL_SAFE_NO_PAD.encode(bytes))
}

pub(super) fn failed(error: &JournalError) -> Failure {
    Failure::unavailable(error.to_string())
}

// === impl Lack ===

impl Lack {
    /// Its name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Lack::Unknown => "not-paired",
            Lack::Role => "role-upgrade",
            Lack::Scopes => "scope-upgrade",
            Lack::Facts => "metadata-upgrade",
        }
    }
}
