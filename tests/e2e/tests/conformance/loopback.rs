//! The channel for tests, on a platform of a few lines: what the suite asks of any channel, and nothing of a vendor.
use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::{get, post},
};
use openclaw_e2e::channels::Program;
use openclaw_kit::{
    channel_conformance,
    conformance::{Broken, ChannelPeer, Event, Failure, Person, Place, Senders, Sent},
};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::{net::TcpListener, sync::Notify};

channel_conformance!(Peer, Program);

/// The one group.
const GROUP: &str = "room";

struct Peer {
    shared: Arc<Shared>,
    root: String,
}

#[derive(Default)]
struct Shared {
    state: Mutex<Platform>,
    changed: Notify,
}

#[derive(Default)]
struct Platform {
    events: VecDeque<(u64, Value)>,
    next: u64,
    sent: Vec<Value>,
    tried: usize,
    polls: usize,
    failures: VecDeque<Failure>,
    breaks: usize,
    last: HashMap<(bool, u64), Value>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Platform> {
        self.state.lock().expect("not poisoned")
    }
}

impl ChannelPeer for Peer {
    const CHANNEL: &'static str = "loopback";
    const TEXT_LIMIT: usize = 4000;
    const IS_IDEMPOTENT: bool = false;

    async fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let root = format!("http://{}", listener.local_addr().expect("it listens"));
        let router = Router::new()
            .route("/events", get(events))
            .route("/messages", post(messages))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { shared, root }
    }

    fn config(&self) -> Value {
        json!({ "platform": self.root, "groups": { GROUP: { "requireMention": true, "allowFrom": ["*"] } } })
    }

    fn admit(&self, config: &mut Value, senders: Senders<'_>) {
        let (group, listed): (_, Vec<_>) = match senders {
            Senders::NotListed => ("another", vec!["*".into()]),
            Senders::All => (GROUP, vec!["*".into()]),
            Senders::Only(people) => (GROUP, people.iter().map(|person| Self::listed(*person)).collect()),
        };
        config["groups"] = json!({ group: { "requireMention": true, "allowFrom": listed } });
    }

    async fn connected(&self) {
        self.until(|peer| (peer.shared.state().polls > 0).then_some(()))
            .await;
    }

    fn happens(&self, event: &Event<'_>) -> bool {
        match *event {
            Event::Message {
                place,
                from,
                text,
                mentions,
            } => {
                let is_called = mentions && place == Place::Group;
                let message = json!({ "kind": "message", "text": text, "mentioned": is_called });
                let id = self.tell(place, from, message.clone());
                let mut last = message;
                last["messageId"] = id.into();
                self.shared
                    .state()
                    .last
                    .insert((place == Place::Group, from.id), last);
            }
            Event::Edit { place, from, text } => {
                let last = self.last(place, from);
                self.tell(
                    place,
                    from,
                    json!({ "kind": "edit", "text": text, "messageId": last["messageId"] }),
                );
            }
            Event::Reaction { place, from, emoji } => {
                let last = self.last(place, from);
                self.tell(
                    place,
                    from,
                    json!({ "kind": "reaction", "emoji": emoji, "messageId": last["messageId"] }),
                );
            }
            Event::Status { place, from } => {
                self.tell(
                    place,
                    from,
                    json!({ "kind": "command", "value": "status", "mentioned": true }),
                );
            }
            Event::Strange(n) => {
                let strange = [
                    json!(null),
                    json!("x"),
                    json!({ "kind": 5 }),
                    json!({ "kind": "ofTheFuture", "eventId": "z" }),
                ];
                let Some(event) = strange.get(n) else { return false };
                self.push(event.clone());
            }
        }
        true
    }

    fn repeats(&self) -> bool {
        let last = self.shared.state().events.back().map(|(_, event)| event.clone());
        last.is_some_and(|event| {
            self.push(event);
            true
        })
    }

    fn reverses(&self, work: impl FnOnce(&Self)) {
        let before = self.shared.state().events.len();
        work(self);
        let mut state = self.shared.state();
        let mut told: Vec<_> = state.events.drain(before..).collect();
        let numbers: Vec<_> = told.iter().map(|(n, _)| *n).collect();
        told.reverse();
        state
            .events
            .extend(numbers.into_iter().zip(told.into_iter().map(|(_, event)| event)));
    }

    fn sent(&self) -> Vec<Sent> {
        let state = self.shared.state();
        let text = |message: &Value, field: &str| message[field].as_str().unwrap_or_default().to_owned();
        let sent = state.sent.iter().map(|message| Sent {
            chat: text(message, "chatId"),
            text: text(message, "text"),
            raw: text(message, "text"),
        });
        sent.collect()
    }

    fn tried(&self) -> usize {
        self.shared.state().tried
    }

    fn fails(&self, failure: Failure) -> bool {
        self.shared.state().failures.push_back(failure);
        true
    }

    fn breaks(&self, _: Broken) -> bool {
        self.shared.state().breaks += 1;
        self.shared.changed.notify_waiters();
        true
    }

    async fn until<T>(&self, look: impl Fn(&Self) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            if let Some(found) = look(self) {
                return found;
            }
            changed.await;
        }
    }

    fn is_whole(sent: &Sent) -> bool {
        sent.raw
            .lines()
            .filter(|line| line.trim_start().starts_with("```"))
            .count()
            .is_multiple_of(2)
    }

    fn complaints(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Peer {
    fn last(&self, place: Place, from: Person) -> Value {
        self.shared.state().last[&(place == Place::Group, from.id)].clone()
    }

    /// Puts an event at the end; gives its id, which is its message's too if it has no other.
    fn tell(&self, place: Place, from: Person, content: Value) -> String {
        let id = format!("event-{}", self.shared.state().next);
        let chat = match place {
            Place::Private => json!({ "id": from.id.to_string(), "kind": "direct" }),
            Place::Group => json!({ "id": GROUP, "kind": "group", "title": "Room" }),
        };
        let sender = json!({ "id": from.id.to_string(), "name": from.name });
        let mut event = json!({ "eventId": id, "messageId": id, "chat": chat, "sender": sender });
        event
            .as_object_mut()
            .expect("just made")
            .extend(content.as_object().expect("fields").clone());
        self.push(event);
        id
    }

    fn push(&self, event: Value) {
        let mut state = self.shared.state();
        state.next += 1;
        let n = state.next;
        state.events.push_back((n, event));
        drop(state);
        self.shared.changed.notify_waiters();
    }
}

/// Holds the request until there is something, or the connection is to break.
async fn events(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, u64>>,
) -> Result<Json<Value>, StatusCode> {
    let after = query.get("after").copied().unwrap_or_default();
    let broken = {
        let mut state = shared.state();
        state.polls += 1;
        state.breaks
    };
    shared.changed.notify_waiters();
    loop {
        let mut changed = std::pin::pin!(shared.changed.notified());
        changed.as_mut().enable();
        {
            let state = shared.state();
            if state.breaks > broken {
                return Err(StatusCode::BAD_GATEWAY);
            }
            let told: Vec<_> = state.events.iter().filter(|(n, _)| *n > after).collect();
            if !told.is_empty() {
                return Ok(Json(
                    told.iter()
                        .map(|(n, event)| json!({ "n": n, "event": event }))
                        .collect(),
                ));
            }
        }
        changed.await;
    }
}

async fn messages(
    State(shared): State<Arc<Shared>>,
    Json(message): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let (failure, id) = {
        let mut state = shared.state();
        state.tried += 1;
        let failure = state.failures.pop_front();
        if matches!(failure, None | Some(Failure::AnswerLost | Failure::Stalled)) {
            state.sent.push(message);
        }
        (failure, state.sent.len())
    };
    shared.changed.notify_waiters();
    match failure {
        None => Ok(Json(json!({ "id": id.to_string() }))),
        Some(Failure::Limited) => Err(StatusCode::TOO_MANY_REQUESTS),
        Some(Failure::AnswerLost | Failure::Unreachable) => Err(StatusCode::BAD_GATEWAY),
        Some(Failure::Refused) => Err(StatusCode::FORBIDDEN),
        Some(Failure::Stalled) => std::future::pending().await,
    }
}
