//! The one method table, and the trait of whoever answers.
//!
//! Invariants: a method without a row does not exist; every row says who may call it; a request gets exactly one final response,
//! also if its handler panics.
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use super::{
    auth::{Principal, Role},
    connect::ClientInfo,
    failure::Failure,
    frame::Answer,
    idempotency::Ticket,
    outbox::Outbox,
    routes::Routes,
    schema::Schema,
    scope::Scope,
};

/// A row of the method table.
#[derive(Debug, Clone)]
pub struct Method {
    /// Name on the wire.
    pub name: Cow<'static, str>,
    /// Who may call it.
    pub access: Access,
    /// Does a request carry an `idempotencyKey`, so that a repeated one is answered without being done again?
    pub keyed: bool,
    /// Makes the schema of its parameters, if they are checked before the call.
    pub params: Option<fn() -> Value>,
}

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Operators who hold the scope.
    Operators(Scope),
    /// Nodes.
    Nodes,
    /// Both: operators who hold the scope, and nodes.
    Both(Scope),
}

/// A client that is let in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Id of the connection.
    pub connection: String,
    /// Who it is and what it may do.
    pub principal: Principal,
    /// What it says about itself.
    pub client: ClientInfo,
    /// What it says it understands.
    pub caps: Vec<String>,
    /// Protocol that is spoken with it.
    pub protocol: u32,
    /// Where it comes from.
    pub address: IpAddr,
    /// When it was let in, milliseconds since 1970.
    pub since_ms: i64,
}

/// Answers to the calls of clients.
pub trait Handler: Send + Sync + 'static {
    /// The methods, beside the built-in ones. Asked once, when the server is bound.
    fn methods(&self) -> Vec<Method>;

    /// The row of a method that comes and goes, such as a plugin's. Asked where no other row has the name.
    fn extra(&self, _method: &str) -> Option<Method> {
        None
    }

    /// All rows that are there now and may go.
    fn extras(&self) -> Vec<Method> {
        Vec::new()
    }

    /// The events that are broadcast, beside the built-in ones.
    fn events(&self) -> Vec<Cow<'static, str>> {
        Vec::new()
    }

    /// Optional parts of the protocol that are implemented.
    fn capabilities(&self) -> Vec<Cow<'static, str>> {
        Vec::new()
    }

    /// Who has routes on the gateway's port. Asked once, when the server is bound.
    fn routes(&self) -> Option<Arc<dyn Routes>> {
        None
    }

    /// The figures for whoever watches them, and what sort of text that is. None: nobody may have them.
    fn figures(&self) -> Option<BoxFuture<'_, (String, &'static str)>> {
        None
    }

    /// Whether messages flow.
    fn readiness(&self) -> Readiness;

    /// What `hello-ok` tells beside the gateway's own state. It may depend on the caller's scopes.
    fn snapshot(&self, caller: &Caller) -> Map<String, Value>;

    /// What `hello-ok` tells of limits beside the gateway's own.
    fn policy(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Answer to `health`, beside the gateway's own part.
    fn health<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Map<String, Value>>;

    /// Answer to `status`, beside the gateway's own part.
    fn status<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Map<String, Value>>;

    /// Does what a client asks. `method` is one of [`Handler::methods`] and permitted to the caller. The result is the
    /// final response; `respond` can send one before it. The call runs to its end even if the client goes.
    fn call<'a>(
        &'a self,
        method: &'a str,
        params: Value,
        caller: &'a Caller,
        respond: &'a mut Responder,
    ) -> BoxFuture<'a, Result<Value, Failure>>;
}

/// Whether messages flow, and if not, why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    /// What the start still waits for; `None` when the gateway has started.
    pub pending: Option<String>,
    /// Names of what doesn't work.
    pub failing: Vec<String>,
    /// More, for callers that have authenticated.
    pub details: Map<String, Value>,
}

/// The way back to the caller of one request.
#[derive(Debug)]
pub struct Responder {
    outbox: Arc<Outbox>,
    id: String,
    ticket: Option<Ticket>,
    answered: bool,
}

/// All rows.
#[derive(Debug)]
pub(crate) struct Table(BTreeMap<String, Arc<Row>>);

/// A row, and who answers.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) access: Access,
    pub(crate) keyed: bool,
    pub(crate) builtin: Option<Builtin>,
    make: Option<fn() -> Value>,
    schema: OnceLock<Schema>,
}

/// What the gateway answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builtin {
    Health,
    Status,
    Presence,
}

const BUILTINS: [(&str, Builtin); 3] = [
    ("health", Builtin::Health),
    ("status", Builtin::Status),
    ("system-presence", Builtin::Presence),
];

// === impl Method ===

impl Method {
    /// A row.
    pub fn new(name: impl Into<Cow<'static, str>>, scope: Scope) -> Self {
        Self {
            name: name.into(),
            access: Access::Operators(scope),
            keyed: false,
            params: None,
        }
    }

    /// A row that only nodes may call.
    pub fn for_nodes(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            access: Access::Nodes,
            ..Self::new(name, Scope::Admin)
        }
    }

    /// With parameters that are checked before the call, so that clients get the texts that they know.
    #[must_use]
    pub fn with<P: JsonSchema>(self) -> Self {
        Self {
            params: Some(super::schema::of::<P>),
            ..self
        }
    }

    /// A row whose requests carry an `idempotencyKey`.
    pub fn keyed(name: impl Into<Cow<'static, str>>, scope: Scope) -> Self {
        Self {
            keyed: true,
            ..Self::new(name, scope)
        }
    }
}

// === impl Responder ===

impl Responder {
    pub(crate) fn new(outbox: Arc<Outbox>, id: String, ticket: Option<Ticket>) -> Self {
        Self {
            outbox,
            id,
            ticket,
            answered: false,
        }
    }

    /// Sends a response before the final one, such as "accepted".
    pub fn interim(&mut self, payload: &Value) {
        let answer = Answer::ok(payload);
        self.outbox.send(answer.to(&self.id));
        if let Some(ticket) = &self.ticket {
            ticket.interim(answer);
        }
    }

    /// Sends the final response now: what follows it comes after it. What the call gives is sent to nobody then.
    pub fn answer(&mut self, payload: &Value) {
        let answer = Answer::ok(payload);
        self.outbox.send(answer.to(&self.id));
        self.answered(answer);
    }

    /// The same where what follows must not come in one read with it: OpenClaw's terminal UI handles all that it has read
    /// before it goes on with what waited for this answer, and takes a run that has ended by then for one that goes on.
    pub fn answer_alone(&mut self, payload: &Value) {
        let answer = Answer::ok(payload);
        self.outbox.send_alone(answer.to(&self.id));
        self.answered(answer);
    }

    fn answered(&mut self, answer: Answer) {
        self.answered = true;
        if let Some(ticket) = self.ticket.take() {
            ticket.finish(answer);
        }
    }

    /// Has the client gone?
    pub fn is_closed(&self) -> bool {
        self.outbox.is_closed()
    }

    pub(crate) fn finish(mut self, result: &Result<Value, Failure>) {
        if self.answered {
            return;
        }
        let answer = Answer::of(result);
        self.outbox.send(answer.to(&self.id));
        self.answered = true;
        let again = matches!(result, Err(failure) if failure.retryable);
        if let Some(ticket) = self.ticket.take().filter(|_| !again) {
            ticket.finish(answer);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if !self.answered {
            let failure =
                Failure::unavailable("the request was not finished: see the gateway's log, then retry");
            self.outbox.send(Answer::failed(&failure).to(&self.id));
        }
    }
}

// === impl Table ===

impl Table {
    /// The built-in rows and these. The error is a name that occurs twice.
    pub(crate) fn new(methods: Vec<Method>) -> Result<Self, String> {
        let builtin = |(name, builtin): (&str, Builtin)| {
            let access = match builtin {
                Builtin::Health => Access::Both(Scope::Read),
                Builtin::Status | Builtin::Presence => Access::Operators(Scope::Read),
            };
            let row = Row {
                builtin: Some(builtin),
                ..Row::new(access, false, None)
            };
            (name.to_owned(), Arc::new(row))
        };
        let mut rows: BTreeMap<String, Arc<Row>> = BUILTINS.into_iter().map(builtin).collect();
        for method in methods {
            if rows.contains_key(method.name.as_ref()) || method.name == "connect" {
                return Err(method.name.into_owned());
            }
            let row = Row::new(method.access, method.keyed, method.params);
            rows.insert(method.name.into_owned(), Arc::new(row));
        }
        Ok(Self(rows))
    }

    pub(crate) fn row(&self, method: &str) -> Option<Arc<Row>> {
        self.0.get(method).cloned()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

// === impl Row ===

impl Row {
    pub(crate) fn of(method: &Method) -> Self {
        Self::new(method.access, method.keyed, method.params)
    }

    fn new(access: Access, keyed: bool, make: Option<fn() -> Value>) -> Self {
        Self {
            access,
            keyed,
            builtin: None,
            make,
            schema: OnceLock::new(),
        }
    }

    /// May this one call it?
    pub(crate) fn admits(&self, principal: &Principal) -> Result<(), Failure> {
        let scope = match (self.access, principal.role()) {
            (Access::Operators(scope) | Access::Both(scope), Role::Operator) => scope,
            (Access::Nodes | Access::Both(_), Role::Node) => return Ok(()),
            (Access::Operators(_), Role::Node) | (Access::Nodes, Role::Operator) => {
                return Err(Failure::unauthorized_role(principal.role().name()));
            }
        };
        if principal.scopes().permit(scope) {
            Ok(())
        } else {
            Err(Failure::missing_scope(scope))
        }
    }

    /// Are the parameters as they should be?
    pub(crate) fn check(&self, params: &Value) -> Result<(), String> {
        let Some(make) = self.make else { return Ok(()) };
        self.schema.get_or_init(|| Schema::new(&make())).check(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_row() {
        let rows = |name: &'static str| vec![Method::new("a", Scope::Read), Method::new(name, Scope::Admin)];
        for taken in ["a", "health", "connect"] {
            assert_eq!(Table::new(rows(taken)).unwrap_err(), taken);
        }
        let table = Table::new(rows("b")).unwrap();
        assert_eq!(
            table.names().collect::<Vec<_>>(),
            ["a", "b", "health", "status", "system-presence"]
        );
        assert_eq!(
            table.row("b").map(|row| row.access),
            Some(Access::Operators(Scope::Admin))
        );
        assert!(table.row("B").is_none());
    }
}
