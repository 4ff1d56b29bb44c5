//! How an account is doing: what its shards say, put into the one status that the host knows.
use super::{
    budget::{Budget, Limit},
    intents::Intents,
};
use crate::account::Connection;
use openclaw_plugin_api::{ChannelState, ChannelStatus, Inbound};
use serde_json::{Map, Value, json};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// How an account is doing.
#[derive(Debug, Default)]
pub(crate) struct Status(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    shards: Vec<Shard>,
    budget: Option<Arc<Budget>>,
    intents: Vec<&'static str>,
    /// What works less well than it could, while all else works.
    note: String,
    /// What the host was told last.
    told: Option<(ChannelState, String)>,
    /// When the last event came that goes to the host, milliseconds since 1970.
    last_event_ms: Option<u64>,
    /// The host can't take events now.
    blocked: bool,
    /// It was said that messages come without their text.
    told_empty: bool,
}

#[derive(Debug, Clone, Default)]
struct Shard {
    is_ready: bool,
    latency: Option<Duration>,
    problem: String,
}

impl Status {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new start with so many shards.
    pub(crate) fn begin(&self, shards: u64, budget: &Arc<Budget>, intents: Intents, note: String) {
        let mut state = self.lock();
        state.shards = vec![Shard::default(); usize::try_from(shards).unwrap_or(1)];
        state.budget = Some(budget.clone());
        state.intents = intents.names();
        state.note = note;
    }

    /// What Discord says of the logins that are left.
    pub(crate) fn update_budget(&self, limit: Limit) {
        if let Some(budget) = &self.lock().budget {
            budget.update(limit);
        }
    }

    /// An event came that goes to the host.
    pub(crate) fn event(&self) {
        self.lock().last_event_ms = Some(now_ms());
    }

    /// Whether the host can take events.
    pub(crate) fn set_blocked(&self, blocked: bool) {
        self.lock().blocked = blocked;
    }

    /// Is all well, as far as presence goes?
    pub(crate) fn is_blocked(&self) -> bool {
        self.lock().blocked
    }

    /// A message came without text or files, which is what a bot sees that may not read messages.
    pub(crate) fn note_empty(&self, connection: &Connection, event: &Inbound) {
        if event.chat.space_id.is_empty() || std::mem::replace(&mut self.lock().told_empty, true) {
            return;
        }
        tracing::warn!(
            account = connection.id,
            message = event.message_id,
            "a message came without text: if that happens with all that don't mention the bot, switch on the Message Content \
             Intent in the Developer Portal (Bot, Privileged Gateway Intents)"
        );
    }

    /// The time that a sign of life of a shard took.
    pub(crate) fn latency(&self, shard: u64, latency: Duration) {
        self.shard(shard, |shard| shard.latency = Some(latency));
    }

    fn shard(&self, shard: u64, change: impl FnOnce(&mut Shard)) {
        let index = usize::try_from(shard).unwrap_or(usize::MAX);
        if let Some(shard) = self.lock().shards.get_mut(index) {
            change(shard);
        }
    }

    fn overall(&self) -> (ChannelState, String) {
        let state = self.lock();
        if !state.shards.is_empty() && state.shards.iter().all(|shard| shard.is_ready) {
            return (ChannelState::Connected, state.note.clone());
        }
        let broken = state.shards.iter().find(|shard| !shard.problem.is_empty());
        match broken {
            Some(shard) => (ChannelState::Degraded, shard.problem.clone()),
            None => (ChannelState::Connecting, String::new()),
        }
    }

    fn details(&self, connection: &Connection) -> Map<String, Value> {
        let state = self.lock();
        let total = state.shards.len();
        let shards = state.shards.iter().enumerate().map(|(index, shard)| {
            let latency = shard
                .latency
                .map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX));
            json!({ "shard": format!("{index}/{total}"), "ready": shard.is_ready, "latencyMs": latency })
        });
        let budget = state.budget.as_ref().map(|budget| {
            let (remaining, total, reset) = budget.left();
            json!({ "remaining": remaining, "total": total, "resetsInSeconds": reset })
        });
        let details = json!({
            "shards": shards.collect::<Vec<_>>(),
            "sessionBudget": budget,
            "intents": state.intents,
            "guilds": connection.cache.guild_count(),
            "lastEventAt": state.last_event_ms,
        });
        match details {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}

/// The shard has its session: events come.
pub(crate) async fn ready(connection: &Connection, shard: u64) {
    connection.status.shard(shard, |shard| {
        shard.is_ready = true;
        shard.problem.clear();
    });
    report(connection).await;
}

/// The shard has lost its connection. An empty problem is no news.
pub(crate) async fn lost(connection: &Connection, shard: u64, problem: &str) {
    connection.status.shard(shard, |shard| {
        shard.is_ready = false;
        shard.latency = None;
        shard.problem = problem.to_owned();
    });
    if !problem.is_empty() {
        report(connection).await;
    }
}

/// Tells the host how the account is doing, if that is news.
async fn report(connection: &Connection) {
    let (state, problem) = connection.status.overall();
    tell(connection, state, &problem).await;
}

/// Tells the host a state, if that is news.
pub(crate) async fn tell(connection: &Connection, state: ChannelState, problem: &str) {
    let news = (state, problem.to_owned());
    {
        let mut board = connection.status.lock();
        if board.told.as_ref() == Some(&news) {
            return;
        }
        board.told = Some(news);
    }
    match state {
        ChannelState::Degraded => {
            tracing::warn!(
                account = connection.id,
                problem,
                "discord account degraded; trying again"
            );
        }
        ChannelState::Failed => {
            tracing::error!(account = connection.id, problem, "discord account failed");
        }
        _ => tracing::debug!(account = connection.id, state = ?state, "discord account"),
    }
    if let Err(error) = connection
        .host
        .status(&of(connection, state, problem.to_owned()))
        .await
    {
        tracing::debug!(%error, "the status could not be told");
    }
}

/// The status as it is now.
pub(crate) fn now(connection: &Connection) -> ChannelStatus {
    let told = connection.status.lock().told.clone();
    let (state, problem) = match told {
        Some((ChannelState::Failed, problem)) => (ChannelState::Failed, problem),
        _ => connection.status.overall(),
    };
    of(connection, state, problem)
}

/// A status with everything that there is to show.
pub(crate) fn of(connection: &Connection, state: ChannelState, problem: String) -> ChannelStatus {
    ChannelStatus {
        account_id: connection.id.clone(),
        state,
        identity: connection.me.get().map(|me| me.name.clone()).unwrap_or_default(),
        problem,
        details: connection.status.details(connection),
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
