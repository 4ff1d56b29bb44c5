//! Telegram's Bot API on loopback: `/bot<token>/<method>` and `/file/bot<token>/<path>`.
//!
//! Invariant: what Telegram would refuse is refused here (unknown fields, broken HTML, texts that are too long, a second
//! poller), and updates are forgotten by nothing but the offset of a later poll.
mod answer;
mod form;
mod html;
mod people;
mod server;
mod spec;

pub use answer::Reply;
pub use people::Person;

use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, task::JoinHandle};

/// Calls that are kept for a test to look at; older ones are forgotten.
const MAX_KEPT: usize = 100_000;

/// A fake. Clones look at the same one; its port closes with the last of them.
#[derive(Debug, Clone)]
pub struct Telegram {
    shared: Arc<Shared>,
    server: Option<Arc<Server>>,
}

/// What happens to the next call of a method instead of its answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Telegram refuses with this code and these words.
    Refuse {
        /// `error_code` and HTTP status.
        code: u16,
        /// `description`.
        description: String,
        /// `parameters.retry_after`, seconds.
        retry_after: Option<u64>,
    },
    /// Something on the way answers with a page of its own.
    Page {
        /// HTTP status.
        status: u16,
    },
    /// The call takes effect, and the connection breaks within the answer.
    Cut,
    /// The call takes effect, and nothing is ever answered.
    HalfOpen,
    /// The answer comes late.
    Delay(Duration),
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Such as `sendMessage`.
    pub method: String,
    /// The body; fields of a form as JSON, files as their length.
    pub body: Value,
    /// Files of a form, by field.
    pub files: HashMap<String, Vec<u8>>,
}

/// A message of the bot as people see it now.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its id.
    pub id: i64,
    /// `chat_id`
    pub chat: Value,
    /// Its text without markup; of a file its caption.
    pub text: String,
    /// The text as it was sent.
    pub raw: String,
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    token: String,
    state: Mutex<State>,
    /// Updates arrived, or a poll has to end.
    updates: Notify,
    /// A call arrived.
    calls: Notify,
}

#[derive(Debug, Default)]
struct State {
    updates: VecDeque<Value>,
    next_update: i64,
    next_message: i64,
    /// Number of the poll that may wait; an older one has lost.
    poll: u64,
    webhook: Option<String>,
    files: HashMap<String, Vec<u8>>,
    calls: VecDeque<Call>,
    faults: Vec<(String, Fault)>,
    complaints: Vec<String>,
    shown: Vec<Shown>,
    topics_in_private: bool,
}

// === impl Telegram ===

impl Telegram {
    /// The token of the bot.
    pub const TOKEN: &'static str = "424242:AAfake-token_of_the-fake_bot-000000";
    /// The bot's id.
    pub const BOT_ID: i64 = 424_242;
    /// The bot's name.
    pub const BOT: &'static str = "fake_bot";

    /// One without a port, for hosts that are fakes too: see [`Telegram::exchange`].
    pub fn offline() -> Self {
        let state = State {
            next_update: 1_000,
            next_message: 1,
            ..State::default()
        };
        let shared = Shared {
            token: Self::TOKEN.to_owned(),
            state: Mutex::new(state),
            updates: Notify::new(),
            calls: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
            server: None,
        }
    }

    /// One on a free port.
    pub async fn start() -> std::io::Result<Self> {
        let fake = Self::offline();
        let (address, task) = server::serve(fake.clone()).await?;
        Ok(Self {
            server: Some(Arc::new(Server { address, task })),
            ..fake
        })
    }

    /// What `apiRoot` has to say.
    ///
    /// # Panics
    /// If it has no port.
    pub fn root(&self) -> String {
        let server = self.server.as_ref().expect("a fake that was started");
        format!("http://{}", server.address)
    }

    /// Puts an update of this kind at the end; gives its id.
    pub fn update(&self, kind: &str, content: Value) -> i64 {
        let mut state = self.state();
        let id = state.next_update;
        state.next_update += 1;
        state.updates.push_back(json!({ "update_id": id, kind: content }));
        drop(state);
        self.shared.updates.notify_waiters();
        id
    }

    /// Updates that no poll has confirmed yet.
    pub fn unconfirmed(&self) -> Vec<Value> {
        self.state().updates.iter().cloned().collect()
    }

    /// What happens to the next call of a method. Several for one method happen one after the other.
    pub fn fail(&self, method: &str, fault: Fault) {
        self.state().faults.push((method.to_owned(), fault));
    }

    /// Telegram refuses the next call of a method.
    pub fn refuse(&self, method: &str, code: u16, description: &str) {
        let description = description.to_owned();
        self.fail(
            method,
            Fault::Refuse {
                code,
                description,
                retry_after: None,
            },
        );
    }

    /// A file that `getFile` finds; its id is its path.
    pub fn file(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.state().files.insert(path.to_owned(), bytes.into());
    }

    /// Private chats have topics.
    pub fn topics_in_private(&self) {
        self.state().topics_in_private = true;
    }

    /// A webhook is set, so polls are refused until it is removed.
    pub fn set_webhook(&self, url: &str) {
        self.state().webhook = Some(url.to_owned());
    }

    /// The calls of a method so far, and what they said.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.state()
            .calls
            .iter()
            .filter(|call| call.method == method)
            .cloned()
            .collect()
    }

    /// The bodies of the calls of a method so far.
    pub fn bodies(&self, method: &str) -> Vec<Value> {
        self.calls(method).into_iter().map(|call| call.body).collect()
    }

    /// Waits until a method was called so often; gives all bodies.
    pub async fn called(&self, method: &str, times: usize) -> Vec<Value> {
        self.until(|fake| Some(fake.bodies(method)).filter(|bodies| bodies.len() >= times))
            .await
    }

    /// Waits until something is there: looked for now and after each call.
    pub async fn until<T>(&self, look: impl Fn(&Self) -> Option<T>) -> T {
        loop {
            let arrived = self.shared.calls.notified();
            if let Some(found) = look(self) {
                return found;
            }
            arrived.await;
        }
    }

    /// The bot's messages as they stand now, oldest first. A call that took no effect shows nothing.
    pub fn shown(&self) -> Vec<Shown> {
        self.state().shown.clone()
    }

    /// What Telegram would not have taken, in words. A test ends with the wish that this is empty.
    pub fn complaints(&self) -> Vec<String> {
        self.state().complaints.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complain(&self, what: String) {
        self.state().complaints.push(what);
    }

    fn note(&self, call: Call) {
        let mut state = self.state();
        if state.calls.len() >= MAX_KEPT {
            state.calls.pop_front();
        }
        state.calls.push_back(call);
        drop(state);
        self.shared.calls.notify_waiters();
    }

    fn next_fault(&self, method: &str) -> Option<Fault> {
        let mut state = self.state();
        let place = state.faults.iter().position(|(name, _)| name == method)?;
        Some(state.faults.remove(place).1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
