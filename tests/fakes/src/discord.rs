//! Discord on loopback: its REST interface (`/api/v10/…`), its gateway (`ws://…/`), and the files of messages.
//!
//! Invariant: what Discord would refuse is refused here (bodies against its own description, limits, identifies beyond
//! the budget, a second answer to an interaction), and what a bot would not be told without an intent it is not told.
mod form;
mod gateway;
mod guilds;
mod interactions;
mod limits;
mod login;
mod messages;
mod model;
mod people;
mod rest;
mod script;
mod sessions;
mod spec;
mod threads;

pub use people::Person;
pub use script::{Fault, Moment, Trouble};
pub use sessions::{Identify, Resume};

use limits::Limits;
use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use tokio::{sync::Notify, task::JoinHandle};

/// Calls that are kept for a test to look at; older ones are forgotten.
const MAX_KEPT: usize = 100_000;

/// A fake. Clones look at the same one; its port closes with the last of them.
#[derive(Debug, Clone)]
pub struct Discord {
    shared: Arc<Shared>,
    /// Kept for its end.
    _server: Option<Arc<Server>>,
}

/// A bot. The first is made with the fake; see [`Discord::add_bot`] for more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    /// What it logs in with.
    pub token: String,
    /// Its user, and its application too.
    pub id: u64,
    /// Its user's name.
    pub name: String,
}

/// One REST call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Method and path without the version, with `*` for ids, tokens and emojis: `POST /channels/*/messages`.
    pub key: String,
    /// The path as it came, without the version.
    pub path: String,
    /// What stands behind `?`, decoded.
    pub query: Vec<(String, String)>,
    /// The body; of a form what stands in `payload_json`.
    pub body: Value,
    /// The files of a form: field, name, content.
    pub files: Vec<(String, String, Vec<u8>)>,
    /// The bot that calls; none where no token is needed.
    pub bot: Option<u64>,
    /// `X-Audit-Log-Reason`, decoded.
    pub reason: String,
    /// What was answered; 0 while nothing was.
    pub status: u16,
    /// When its head had been read.
    pub at: Instant,
}

#[derive(Debug)]
struct Server(JoinHandle<()>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// A call arrived or was answered, or a connection changed.
    changed: Notify,
    /// Where files and the gateway are, once it is known.
    address: Mutex<Option<SocketAddr>>,
}

/// All there is. Objects are kept as they are sent.
#[derive(Debug, Default)]
struct State {
    bots: Vec<BotState>,
    users: HashMap<u64, Value>,
    guilds: Vec<GuildState>,
    channels: HashMap<u64, Value>,
    messages: HashMap<u64, VecDeque<Value>>,
    files: HashMap<String, Vec<u8>>,
    /// Who reacted to a message, in the order of emojis and people.
    reactions: HashMap<u64, Vec<(Value, Vec<u64>)>>,
    nonces: HashMap<(u64, u64, String), u64>,
    interactions: HashMap<u64, interactions::Open>,
    sessions: Vec<sessions::Session>,
    calls: VecDeque<Call>,
    script: script::Script,
    limits: Limits,
    complaints: Vec<String>,
    identifies: Vec<Identify>,
    resumes: Vec<Resume>,
    connects: usize,
    last_id: u64,
    settings: login::Settings,
    /// Dispatches that wait for [`Discord::release`].
    held: Option<Vec<sessions::Dispatch>>,
}

#[derive(Debug)]
struct BotState {
    bot: Bot,
    /// Privileged intents that its owner has not enabled.
    forbidden: u64,
    shards: u64,
    starts: u64,
    commands: Vec<Value>,
    last_identify: Option<tokio::time::Instant>,
}

#[derive(Debug)]
struct GuildState {
    id: u64,
    guild: Value,
    members: Vec<Value>,
}

// === impl Discord ===

impl Discord {
    /// Starts in a session's budget.
    pub const STARTS: u64 = 1_000;

    /// One on a free port, with one bot in no guild.
    pub async fn start() -> std::io::Result<Self> {
        let shared = Shared {
            state: Mutex::default(),
            changed: Notify::new(),
            address: Mutex::default(),
        };
        let fake = Self {
            shared: Arc::new(shared),
            _server: None,
        };
        fake.add_bot("fakebot");
        let (address, task) = rest::serve(fake.clone()).await?;
        *fake.shared.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
        Ok(Self {
            _server: Some(Arc::new(Server(task))),
            ..fake
        })
    }

    /// `http://127.0.0.1:<port>/api/v10`, where Discord has `https://discord.com/api/v10`.
    pub fn base(&self) -> String {
        format!("{}/api/v10", self.root())
    }

    /// `http://127.0.0.1:<port>`
    ///
    /// # Panics
    /// If it was not started.
    pub fn root(&self) -> String {
        let address = *self.shared.address.lock().unwrap_or_else(PoisonError::into_inner);
        format!("http://{}", address.expect("a fake that was started"))
    }

    /// The gateway's address, as `/gateway/bot` tells it.
    pub fn gateway(&self) -> String {
        self.root().replacen("http", "ws", 1)
    }

    /// The first bot.
    pub fn bot(&self) -> Bot {
        self.state().bots[0].bot.clone()
    }

    /// Another bot, member of all guilds that there are.
    pub fn add_bot(&self, name: &str) -> Bot {
        let mut state = self.state();
        let id = state.new_id();
        // the first part of a real token is its bot's id too
        let token = format!(
            "{}.Gfake0.{name}-secret_of-the-fake-{:06}",
            model::base64(id),
            id % 1_000_000
        );
        let bot = Bot {
            token,
            id,
            name: name.to_owned(),
        };
        state.users.insert(id, model::bot_user(id, name));
        state.bots.push(BotState {
            bot: bot.clone(),
            forbidden: 0,
            shards: 1,
            starts: Self::STARTS,
            commands: Vec::new(),
            last_identify: None,
        });
        for place in 0..state.guilds.len() {
            state.enrol(place, &bot);
        }
        bot
    }

    /// The calls with a key so far; see [`Call::key`].
    pub fn calls(&self, key: &str) -> Vec<Call> {
        let state = self.state();
        state
            .calls
            .iter()
            .filter(|call| call.key == key)
            .cloned()
            .collect()
    }

    /// All calls so far.
    pub fn all_calls(&self) -> Vec<Call> {
        self.state().calls.iter().cloned().collect()
    }

    /// All calls so far in a few words: key and status.
    pub fn keys(&self) -> Vec<String> {
        let state = self.state();
        let calls = state.calls.iter();
        calls
            .map(|call| format!("{} {}", call.key, call.status))
            .collect()
    }

    /// When the last call with a key came.
    pub fn last_call(&self, key: &str) -> Option<Instant> {
        let state = self.state();
        let found = state.calls.iter().rev().find(|call| call.key == key)?;
        Some(found.at)
    }

    /// How many messages bots have written that still stand.
    pub fn said(&self) -> usize {
        let state = self.state();
        let all = state.messages.values().flatten();
        all.filter(|message| message["author"]["bot"] == true).count()
    }

    /// The bodies of the calls with a key so far.
    pub fn bodies(&self, key: &str) -> Vec<Value> {
        self.calls(key).into_iter().map(|call| call.body).collect()
    }

    /// Waits until a key was called so often; gives all bodies.
    pub async fn called(&self, key: &str, times: usize) -> Vec<Value> {
        self.until(|fake| Some(fake.bodies(key)).filter(|bodies| bodies.len() >= times))
            .await
    }

    /// Waits until something is there: looked for now and after each change.
    pub async fn until<T>(&self, look: impl Fn(&Self) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            if let Some(found) = look(self) {
                return found;
            }
            changed.await;
        }
    }

    /// What stands in a channel now, oldest first.
    pub fn messages(&self, channel: u64) -> Vec<Value> {
        let state = self.state();
        state
            .messages
            .get(&channel)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// What bots have written, in the order of its ids, wherever it stands.
    pub fn said_by_bots(&self) -> Vec<Value> {
        let state = self.state();
        let all = state.messages.values().flatten();
        let mut said: Vec<_> = all
            .filter(|message| message["author"]["bot"] == true)
            .cloned()
            .collect();
        drop(state);
        said.sort_by_key(|message| model::id_of(&message["id"]));
        said
    }

    /// What Discord would not have taken, in words. A test ends with the wish that this is empty.
    pub fn complaints(&self) -> Vec<String> {
        self.state().complaints.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complain(&self, what: String) {
        self.state().complaints.push(what);
        self.changed();
    }

    fn changed(&self) {
        self.shared.changed.notify_waiters();
    }

    /// Remembers a call; gives its number.
    fn note(&self, call: Call) {
        let mut state = self.state();
        if state.calls.len() >= MAX_KEPT {
            state.calls.pop_front();
        }
        state.calls.push_back(call);
        drop(state);
        self.changed();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests;
