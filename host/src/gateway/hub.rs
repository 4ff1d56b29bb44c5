//! All connected clients, and the events that go to them.
//!
//! Invariants: an event reaches only clients whose scopes permit it, and one that no rule names reaches nobody; after
//! [`Events::close_all`] or [`Events::seal`] nobody is taken in who was let in by the old secrets.
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    frame,
    methods::Caller,
    outbox::{Event, Outbox},
    scope::Scope,
};

/// Sends events to the clients of a gateway. Clones are the same.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Hub>>);

#[derive(Default)]
struct Hub {
    clients: HashMap<String, Client>,
    epoch: u64,
    sealed: bool,
    presence: u64,
    health: u64,
    last_health: Option<Value>,
}

struct Client {
    caller: Arc<Caller>,
    outbox: Arc<Outbox>,
}

/// What all clients know the state by.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) versions: Value,
    pub(crate) health: Value,
}

/// The gateway stops or starts again.
pub(crate) const RESTART: (u16, &str) = (1012, "service restart");

/// The secrets are others now.
const AUTH_CHANGED: (u16, &str) = (4001, "authentication changed");

/// Who sees an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    All,
    Holders(Scope),
    Nobody,
}

/// Rules for whole names.
const EXACT: &[(&str, Audience)] = &[
    ("health", Audience::All),
    ("heartbeat", Audience::All),
    ("shutdown", Audience::All),
    ("tick", Audience::All),
    ("gateway.suspension", Audience::All),
    ("update.available", Audience::All),
    ("agent", Audience::Holders(Scope::Read)),
    ("chat", Audience::Holders(Scope::Read)),
    ("presence", Audience::Holders(Scope::Read)),
    ("cron", Audience::Holders(Scope::Read)),
    ("task", Audience::Holders(Scope::Read)),
    ("sessions.changed", Audience::Holders(Scope::Read)),
    ("config.changed", Audience::Holders(Scope::Read)),
    ("skills.changed", Audience::Holders(Scope::Read)),
    ("plugins.changed", Audience::Holders(Scope::Read)),
    ("node.presence", Audience::Holders(Scope::Read)),
    ("node.hostStats", Audience::Holders(Scope::Read)),
    ("talk.event", Audience::Holders(Scope::Read)),
    ("users.prefs.changed", Audience::Holders(Scope::Read)),
    ("portal.changed", Audience::Holders(Scope::Read)),
    ("session.approval", Audience::Holders(Scope::Approvals)),
    ("update.run.changed", Audience::Holders(Scope::Admin)),
    ("plugins.install.progress", Audience::Holders(Scope::Admin)),
];

/// Rules for beginnings of names, after the whole ones.
const PREFIXES: &[(&str, Audience)] = &[
    ("chat.", Audience::Holders(Scope::Read)),
    ("task.", Audience::Holders(Scope::Read)),
    ("session.", Audience::Holders(Scope::Read)),
    ("voicewake.", Audience::Holders(Scope::Read)),
    ("board.", Audience::Holders(Scope::Read)),
    ("exec.approval.", Audience::Holders(Scope::Approvals)),
    ("plugin.approval.", Audience::Holders(Scope::Approvals)),
    ("openclaw.approval.", Audience::Holders(Scope::Approvals)),
    ("question.", Audience::Holders(Scope::Questions)),
    ("device.pair.", Audience::Holders(Scope::Pairing)),
    ("node.pair.", Audience::Holders(Scope::Pairing)),
    ("terminal.", Audience::Holders(Scope::Admin)),
    ("plugin.", Audience::Holders(Scope::Write)),
];

// === impl Events ===

impl Events {
    /// Sends an event to everybody who may see it.
    pub fn broadcast(&self, name: &str, payload: &Value) {
        self.broadcast_to(name, payload, |_| true);
    }

    /// Sends an event to everybody who may see it and for whom `wanted` holds: who subscribed, who understands it.
    pub fn broadcast_to(&self, name: &str, payload: &Value, wanted: impl Fn(&Caller) -> bool) {
        let mut hub = self.hub();
        match name {
            "health" => {
                hub.health += 1;
                hub.last_health = Some(payload.clone());
            }
            "presence" => hub.presence += 1,
            _ => {}
        }
        hub.send(name, payload, wanted);
    }

    /// Sends an event of a plugin, under its own name, to everybody who may write. One that has the name of an event of
    /// the gateway reaches nobody.
    pub fn broadcast_of_plugin(&self, name: &str, payload: &Value) {
        if Audience::of(name) == Audience::Nobody && name.contains('.') {
            self.hub()
                .send_to(Audience::Holders(Scope::Write), name, payload, |_| true);
        }
    }

    /// How many clients are connected.
    pub fn clients(&self) -> usize {
        self.hub().clients.len()
    }

    /// What [`Events::admit`] has to be given: it changes when everybody is sent away.
    pub(crate) fn epoch(&self) -> u64 {
        self.hub().epoch
    }

    /// Takes a client in, or closes it if everybody was sent away since `epoch`.
    pub(crate) fn admit(&self, epoch: u64, caller: Arc<Caller>, outbox: Arc<Outbox>) {
        let mut hub = self.hub();
        if hub.sealed {
            outbox.close(RESTART.0, RESTART.1);
        } else if hub.epoch != epoch {
            outbox.close(AUTH_CHANGED.0, AUTH_CHANGED.1);
        } else {
            hub.clients
                .insert(caller.connection.clone(), Client { caller, outbox });
        }
    }

    pub(crate) fn remove(&self, connection: &str) {
        self.hub().clients.remove(connection);
    }

    /// Sends an event to one connection, without a place among its events. Says whether it is there.
    pub(crate) fn notify(&self, connection: &str, name: &str, payload: &Value) -> bool {
        let hub = self.hub();
        let Some(client) = hub.clients.get(connection) else {
            return false;
        };
        client
            .outbox
            .send(frame::event(name, &payload.to_string(), None, None));
        !client.outbox.is_closed()
    }

    /// Sends some away who lost a right. Whoever is being let in at this moment has to come again.
    pub(crate) fn dismiss(&self, reason: &str, concerned: impl Fn(&Caller) -> bool) {
        let mut hub = self.hub();
        hub.epoch += 1;
        hub.clients.retain(|_, client| {
            let goes = concerned(&client.caller);
            if goes {
                client.outbox.close(AUTH_CHANGED.0, reason);
            }
            !goes
        });
    }

    /// Lets clients in from now on.
    pub(crate) fn open(&self) {
        self.hub().sealed = false;
    }

    /// Sends everybody away, because the secrets are others now.
    pub(crate) fn close_all(&self) {
        self.hub().close_all(AUTH_CHANGED);
    }

    /// Sends everybody away with a last event, and lets nobody in.
    pub(crate) fn seal(&self, last: &str, payload: &Value) {
        let mut hub = self.hub();
        hub.sealed = true;
        hub.send(last, payload, |_| true);
        hub.close_all(RESTART);
    }

    pub(crate) fn state(&self) -> State {
        let hub = self.hub();
        let health = hub.last_health.clone().unwrap_or_else(|| json!({}));
        State {
            versions: hub.versions(),
            health,
        }
    }

    /// Is it known how the gateway is?
    pub(crate) fn has_health(&self) -> bool {
        self.hub().last_health.is_some()
    }

    /// Keeps the answer to `health` for the next `hello-ok`.
    pub(crate) fn keep_health(&self, health: &Value) {
        self.hub().last_health = Some(health.clone());
    }

    pub(crate) fn callers(&self) -> Vec<Arc<Caller>> {
        self.hub()
            .clients
            .values()
            .map(|client| client.caller.clone())
            .collect()
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Events({} clients)", self.clients())
    }
}

// === impl Hub ===

impl Hub {
    fn close_all(&mut self, (code, reason): (u16, &str)) {
        self.epoch += 1;
        for (_, client) in self.clients.drain() {
            client.outbox.close(code, reason);
        }
    }

    fn send(&self, name: &str, payload: &Value, wanted: impl Fn(&Caller) -> bool) {
        self.send_to(Audience::of(name), name, payload, wanted);
    }

    fn send_to(&self, audience: Audience, name: &str, payload: &Value, wanted: impl Fn(&Caller) -> bool) {
        if self.clients.is_empty() {
            return;
        }
        let versions = matches!(name, "health" | "presence").then(|| self.versions().to_string());
        let payload = payload.to_string();
        let event = Event {
            name,
            payload: &payload,
            state_version: versions.as_deref(),
            // a plugin that says too much must not cost a client its connection
            droppable: matches!(name, "tick" | "health" | "presence" | "heartbeat")
                || Audience::of(name) == Audience::Nobody,
        };
        for client in self.clients.values() {
            if audience.includes(&client.caller) && wanted(&client.caller) {
                client.outbox.send_event(event);
            }
        }
    }

    fn versions(&self) -> Value {
        json!({"presence": self.presence, "health": self.health})
    }
}

// === impl Audience ===

impl Audience {
    fn of(name: &str) -> Self {
        let exact = EXACT.iter().find(|(known, _)| *known == name);
        let rule = exact.or_else(|| PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix)));
        rule.map_or(Audience::Nobody, |(_, audience)| *audience)
    }

    fn includes(self, caller: &Caller) -> bool {
        match self {
            Audience::All => true,
            Audience::Holders(scope) => caller.principal.scopes().permit(scope),
            Audience::Nobody => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_win_and_unknown_ones_reach_nobody() {
        let table = [
            ("tick", Audience::All),
            ("session.message", Audience::Holders(Scope::Read)),
            ("session.approval", Audience::Holders(Scope::Approvals)),
            ("plugin.approval.requested", Audience::Holders(Scope::Approvals)),
            ("plugin.weather.changed", Audience::Holders(Scope::Write)),
            ("device.pair.requested", Audience::Holders(Scope::Pairing)),
            ("terminal.data", Audience::Holders(Scope::Admin)),
            ("secrets.changed", Audience::Nobody),
            ("ticks", Audience::Nobody),
        ];
        for (name, audience) in table {
            assert_eq!(Audience::of(name), audience, "{name}");
        }
    }
}
