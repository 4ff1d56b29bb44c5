//! Questions to the operator: may this command run? Answered by the operator's rules where one decides, else by a person.
//!
//! A question is in the journal before anybody sees it, and has one end: the first answer of somebody who may give it, or
//! its deadline, or the end of whoever asked. What was open when the gateway ended is denied at the next start. Who may
//! answer is for the callers of [`Approvals::resolve`] to know: the gateway's scopes, or [`may_answer`] in chats.
mod asking;
mod card;
mod chat;
mod file;
mod kept;
mod matching;
mod people;
mod policy;
mod post;
mod record;
#[cfg(test)]
mod tests;
mod ticket;

pub use chat::{Wanted, answer, wanted};
pub use file::{EVERY_AGENT, FileError, Rules, Snapshot, Store};
pub use matching::{is_carrier, lasting};
pub use people::{ExecApprovals, may_answer};
pub use policy::{Judged, Policy, Surroundings, configured};
pub use record::{Decision, Ending, Outcome, Posted, Question, Record};
pub use ticket::{AskError, ResolveError, Terms, Ticket};

use crate::{agent::Desk, config::Paths, gateway::random::uuid};
use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Mutex as Turn, broadcast, watch};

/// How long somebody has to answer.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// The longest that a client of the gateway may ask for.
pub const LONGEST: Duration = Duration::from_secs(30 * 60);
/// Questions that are open at once; one more is refused.
const MAX_OPEN: usize = 64;
/// News that a slow listener may fall behind by.
const NEWS: usize = 64;
/// Shortest beginning of an id that stands for it.
const SHORTEST_ID: usize = 8;

/// Whether a client is connected that can show a question, besides the connection with this id.
type Clients = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What is asked and was asked.
pub struct Approvals {
    store: Store,
    state: Mutex<State>,
    /// One answer at a time, so that the first one counts.
    deciding: Turn<()>,
    /// One change at a time, so that the journal has the last one.
    writing: Turn<()>,
    news: broadcast::Sender<(&'static str, Value)>,
    clients: Mutex<Option<Clients>>,
}

#[derive(Default)]
struct State {
    open: HashMap<String, Open>,
    past: VecDeque<Record>,
}

struct Open {
    record: Record,
    told: watch::Sender<Option<Outcome>>,
}

// === impl Approvals ===

impl Approvals {
    /// With the rules in the state directory, and nothing asked.
    pub fn new(paths: &Paths) -> Self {
        Self {
            store: Store::new(paths),
            state: Mutex::default(),
            deciding: Turn::default(),
            writing: Turn::default(),
            news: broadcast::channel(NEWS).0,
            clients: Mutex::default(),
        }
    }

    /// The operator's rules.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Who can show questions beside chats.
    pub fn shown_by(&self, clients: impl Fn(&str) -> bool + Send + Sync + 'static) {
        *self.clients.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(clients));
    }

    /// Is there a client that can show a question, besides the connection with this id?
    fn is_seen(&self, asker: &str) -> bool {
        let clients = self
            .clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        clients.is_some_and(|clients| clients(asker))
    }

    /// Events for clients, by name.
    pub fn watch(&self) -> broadcast::Receiver<(&'static str, Value)> {
        self.news.subscribe()
    }

    /// What is open, oldest first.
    pub fn pending(&self) -> Vec<Record> {
        let mut open: Vec<_> = self
            .state()
            .open
            .values()
            .map(|open| open.record.clone())
            .collect();
        open.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        open
    }

    /// What has ended and is remembered, the newest end first.
    pub fn past(&self) -> Vec<Record> {
        let mut past: Vec<_> = self.state().past.iter().cloned().collect();
        let end = |record: &Record| record.outcome.as_ref().map_or(0, |outcome| outcome.at_ms);
        past.sort_by(|a, b| (end(b), &b.id).cmp(&(end(a), &a.id)));
        past
    }

    /// The question with this id, or with an id that begins so, if there is but one.
    pub fn find(&self, id: &str) -> Option<Record> {
        let state = self.state();
        if let Some(open) = state.open.get(id) {
            return Some(open.record.clone());
        }
        let all = || {
            let open = state.open.values().map(|open| &open.record);
            open.chain(state.past.iter())
        };
        if let Some(known) = all().find(|record| record.id == id) {
            return Some(known.clone());
        }
        let mut alike = all().filter(|record| id.len() >= SHORTEST_ID && record.id.starts_with(id));
        alike.next().filter(|_| alike.next().is_none()).cloned()
    }

    /// The end of an open question, when it comes; or that it has come.
    pub fn follow(&self, id: &str) -> Option<Ticket> {
        if let Some(open) = self.state().open.get(id) {
            return Some(Ticket::new(open.record.clone(), open.told.subscribe()));
        }
        let record = self.find(id)?;
        let end = watch::channel(record.outcome.clone()).1;
        Some(Ticket::new(record, end))
    }

    /// Asks. It is on the disk before anybody sees it. If there is nobody who could, it has ended when this returns.
    pub async fn ask(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        question: Question,
        terms: Terms,
    ) -> Result<Ticket, AskError> {
        let now = desk.clock.now_ms();
        let patience = terms.patience.unwrap_or(PATIENCE).min(LONGEST);
        let mut record = Record {
            id: terms.id.unwrap_or_else(uuid),
            question,
            created_ms: now,
            expires_ms: now.saturating_add(i64::try_from(patience.as_millis()).unwrap_or(i64::MAX)),
            outcome: None,
            posts: Vec::new(),
        };
        let places = post::places(desk, &record.question);
        if places.is_empty() && !self.is_seen(&terms.asker) {
            let outcome = Outcome {
                ending: Ending::Unreachable,
                by: String::new(),
                at_ms: now,
            };
            record.outcome = Some(outcome.clone());
            tracing::warn!(
                target: "openclaw::approvals", id = record.id, agent = record.question.agent_id,
                "nobody could be asked: no client that shows approvals is connected and no chat is set for them"
            );
            self.keep(desk, record.clone()).await;
            let end = watch::channel(Some(outcome)).1;
            return Ok(Ticket::new(record, end));
        }
        let end = self.open(&record)?;
        self.keep(desk, record.clone()).await;
        tracing::info!(
            target: "openclaw::approvals", id = record.id, agent = record.question.agent_id,
            session = record.question.session_key, "somebody is asked whether a command may run"
        );
        let _ = self.news.send(("exec.approval.requested", record.view()));
        tell_run(desk, &record, true);
        if !places.is_empty() {
            record.posts = post::post(desk, &record, &places).await;
            self.shown(desk, &record).await;
        }
        tokio::spawn(expire(
            self.clone(),
            desk.clone(),
            record.id.clone(),
            patience,
            end.clone(),
        ));
        Ok(Ticket::new(record, end))
    }

    /// Somebody who may has answered.
    pub async fn resolve(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        id: &str,
        decision: Decision,
        by: &str,
    ) -> Result<Record, ResolveError> {
        let _turn = self.deciding.lock().await;
        let record = self
            .find(id)
            .ok_or_else(|| ResolveError::Unknown(id.to_owned()))?;
        if record.outcome.is_some() {
            return Err(ResolveError::Decided(Box::new(record)));
        }
        if !record.question.allowed().contains(&decision) {
            let id = record.id;
            return Err(ResolveError::NotOffered { id, decision });
        }
        if decision == Decision::AllowAlways {
            self.make_rules(&record.question).await?;
        }
        let outcome = Outcome {
            ending: Ending::Answered(decision),
            by: by.to_owned(),
            at_ms: desk.clock.now_ms(),
        };
        let ended = self.end(desk, &record.id, outcome).await;
        ended.ok_or_else(|| match self.find(id) {
            // its deadline came first
            Some(record) => ResolveError::Decided(Box::new(record)),
            None => ResolveError::Unknown(id.to_owned()),
        })
    }

    fn open(&self, record: &Record) -> Result<watch::Receiver<Option<Outcome>>, AskError> {
        let mut state = self.state();
        let taken = state.open.contains_key(&record.id) || state.past.iter().any(|past| past.id == record.id);
        if taken {
            return Err(AskError::Taken(record.id.clone()));
        }
        if state.open.len() >= MAX_OPEN {
            return Err(AskError::Full);
        }
        let (told, end) = watch::channel(None);
        let record = record.clone();
        state.open.insert(record.id.clone(), Open { record, told });
        Ok(end)
    }

    /// Ends a question, if it is still open.
    async fn end(self: &Arc<Self>, desk: &Arc<Desk>, id: &str, outcome: Outcome) -> Option<Record> {
        let _writing = self.writing.lock().await;
        let Open { mut record, told } = self.state().open.remove(id)?;
        tracing::info!(
            target: "openclaw::approvals", id, agent = record.question.agent_id, by = outcome.by,
            outcome = outcome.sentence(), "an approval has ended"
        );
        record.outcome = Some(outcome.clone());
        self.keep(desk, record.clone()).await;
        // nobody listening is fine
        let _ = told.send(Some(outcome));
        let _ = self.news.send(("exec.approval.resolved", record.resolved_view()));
        tell_run(desk, &record, false);
        let (desk, ended) = (desk.clone(), record.clone());
        tokio::spawn(async move { post::amend(&desk, &ended).await });
        Some(record)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Approvals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Approvals")
            .field("open", &self.state().open.len())
            .finish_non_exhaustive()
    }
}

/// Ends a question that nobody answers.
async fn expire(
    approvals: Arc<Approvals>,
    desk: Arc<Desk>,
    id: String,
    patience: Duration,
    mut end: watch::Receiver<Option<Outcome>>,
) {
    let answered = end.wait_for(Option::is_some);
    if tokio::time::timeout(patience, answered).await.is_ok() {
        return;
    }
    let outcome = Outcome {
        ending: Ending::Expired,
        by: String::new(),
        at_ms: desk.clock.now_ms(),
    };
    approvals.end(&desk, &id, outcome).await;
}

/// Whoever watches the run sees that it waits.
fn tell_run(desk: &Desk, record: &Record, waits: bool) {
    let question = &record.question;
    if question.session_key.is_empty() {
        return;
    }
    let run = desk
        .live
        .active(Some(&question.session_key))
        .into_iter()
        .find(|run| run.began_ms().is_some());
    if let Some(run) = run {
        run.approval(waits, &record.id, &question.call_id);
    }
}
