//! Telegram.
use openclaw_e2e::channels::Program;
use openclaw_fakes::telegram::{self, Fault, Telegram};
use openclaw_kit::{
    channel_conformance,
    conformance::{ADA, BOB, Broken, ChannelPeer, Event, Failure, Person, Place, Senders, Sent},
};
use serde_json::{Value, json};
use std::sync::Mutex;

channel_conformance!(Peer, Program);

/// The one group.
const GROUP: i64 = -100_888;

struct Peer {
    fake: Telegram,
    /// The last messages of people, to change or to tell again: place, who, the message.
    last: Mutex<Vec<(Place, u64, Value)>>,
}

impl ChannelPeer for Peer {
    const CHANNEL: &'static str = "telegram";
    const TEXT_LIMIT: usize = 4096;
    const IS_IDEMPOTENT: bool = false;

    async fn start() -> Self {
        let fake = Telegram::start().await.expect("a port");
        let last = Mutex::default();
        Self { fake, last }
    }

    fn config(&self) -> Value {
        json!({
            "apiRoot": self.fake.root(), "botToken": Telegram::TOKEN, "reactionNotifications": "all",
            "groups": { GROUP.to_string(): { "requireMention": true, "allowFrom": ["*"] } },
        })
    }

    fn admit(&self, config: &mut Value, senders: Senders<'_>) {
        let (group, listed): (_, Vec<_>) = match senders {
            Senders::NotListed => (GROUP - 1, vec!["*".into()]),
            Senders::All => (GROUP, vec!["*".into()]),
            Senders::Only(people) => (GROUP, people.iter().map(|person| Self::listed(*person)).collect()),
        };
        config["groups"] = json!({ group.to_string(): { "requireMention": true, "allowFrom": listed } });
    }

    async fn connected(&self) {
        self.fake.called("getUpdates", 1).await;
    }

    fn happens(&self, event: &Event<'_>) -> bool {
        match *event {
            Event::Message {
                place,
                from,
                text,
                mentions,
            } => {
                let mut content = json!({ "text": text });
                if mentions && place == Place::Group {
                    let name = format!("@{}", Telegram::BOT);
                    content["text"] = format!("{name} {text}").into();
                    content["entities"] = json!([{ "type": "mention", "offset": 0, "length": name.len() }]);
                }
                self.say(place, from, content);
            }
            Event::Edit { place, from, text } => {
                let mut message = self.last(place, from);
                message["text"] = text.into();
                message["edit_date"] = 1_760_000_060.into();
                self.fake.update("edited_message", message);
            }
            Event::Reaction { place, from, emoji } => {
                let message = self.last(place, from);
                let change = json!({
                    "chat": message["chat"], "message_id": message["message_id"], "user": message["from"],
                    "date": 1_760_000_000, "old_reaction": [], "new_reaction": [{ "type": "emoji", "emoji": emoji }],
                });
                self.fake.update("message_reaction", change);
            }
            Event::Status { place, from } => {
                let text = match place {
                    Place::Private => "/status".to_owned(),
                    Place::Group => format!("/status@{}", Telegram::BOT),
                };
                let entity = json!({ "type": "bot_command", "offset": 0, "length": text.len() });
                self.say(place, from, json!({ "text": text, "entities": [entity] }));
            }
            Event::Strange(n) => return self.strange(n),
        }
        true
    }

    fn repeats(&self) -> bool {
        let last = self.last.lock().expect("not poisoned").last().cloned();
        self.fake.update("message", last.expect("somebody wrote").2);
        true
    }

    // Telegram numbers its updates
    fn reverses(&self, work: impl FnOnce(&Self)) {
        work(self);
    }

    fn sent(&self) -> Vec<Sent> {
        let shown = self.fake.shown().into_iter();
        let sent = shown.map(|shown| Sent {
            chat: shown.chat.to_string(),
            text: shown.text,
            raw: shown.raw,
        });
        sent.collect()
    }

    fn tried(&self) -> usize {
        self.fake.calls("sendMessage").len()
    }

    fn fails(&self, failure: Failure) -> bool {
        let refuse = |code, words: &str, retry_after| Fault::Refuse {
            code,
            description: words.to_owned(),
            retry_after,
        };
        let fault = match failure {
            Failure::Limited => refuse(429, "Too Many Requests: retry after 1", Some(1)),
            Failure::AnswerLost => Fault::Cut,
            Failure::Unreachable => Fault::Page { status: 502 },
            Failure::Refused => refuse(403, "Forbidden: bot was blocked by the user", None),
            Failure::Stalled => Fault::HalfOpen,
        };
        self.fake.fail("sendMessage", fault);
        true
    }

    fn breaks(&self, how: Broken) -> bool {
        let fault = match how {
            Broken::Dropped => Fault::Cut,
            Broken::SentAway => Fault::Page { status: 502 },
            Broken::Dead => Fault::HalfOpen,
        };
        self.fake.fail("getUpdates", fault);
        true
    }

    async fn until<T>(&self, look: impl Fn(&Self) -> Option<T>) -> T {
        self.fake.until(|_| look(self)).await
    }

    fn length(text: &str) -> usize {
        text.encode_utf16().count()
    }

    fn complaints(&self) -> Vec<String> {
        self.fake.complaints()
    }
}

impl Peer {
    fn say(&self, place: Place, from: Person, content: Value) {
        let id = i64::try_from(from.id).expect("a small id");
        let person = telegram::Person { id, name: from.name };
        let chat = match place {
            Place::Private => json!({ "id": id, "type": "private", "first_name": from.name }),
            Place::Group => json!({ "id": GROUP, "type": "supergroup", "title": "Group" }),
        };
        let number = self.fake.message(chat.clone(), person, content.clone());
        let mut message =
            json!({ "message_id": number, "from": person.user(), "chat": chat, "date": 1_760_000_000 });
        message
            .as_object_mut()
            .expect("just made")
            .extend(content.as_object().expect("fields").clone());
        self.last
            .lock()
            .expect("not poisoned")
            .push((place, from.id, message));
    }

    fn last(&self, place: Place, from: Person) -> Value {
        let last = self.last.lock().expect("not poisoned");
        let found = last
            .iter()
            .rev()
            .find(|(there, who, _)| *there == place && *who == from.id);
        found.expect("they wrote before").2.clone()
    }

    /// Updates that are of a later version of Telegram, or broken.
    fn strange(&self, n: usize) -> bool {
        let chat = json!({ "id": ADA.id, "type": "private" });
        let broken = |content: Value| {
            let mut message = json!({ "message_id": 900_000 + n, "date": 0, "chat": chat });
            message
                .as_object_mut()
                .expect("just made")
                .extend(content.as_object().expect("fields").clone());
            ("message", message)
        };
        let all = [
            ("something_new", json!({ "id": 1 })),
            ("message", json!({})),
            ("message", json!("a text")),
            ("message", Value::Null),
            broken(json!({ "from": { "id": "no number" }, "text": "x" })),
            broken(json!({ "from": { "id": BOB.id }, "text": 5 })),
            broken(
                json!({ "from": { "id": BOB.id }, "text": "x", "entities": [{ "type": "mention", "offset": -3, "length": 9999 }] }),
            ),
            broken(
                json!({ "from": { "id": BOB.id }, "text": "😀", "entities": [{ "type": "bold", "offset": 1, "length": 1 }] }),
            ),
            broken(
                json!({ "from": { "id": i64::MIN }, "chat": { "id": i64::MAX, "type": "of the future" }, "text": "x" }),
            ),
            broken(json!({ "new_thing": { "of": ["a", "later", "version"] } })),
            broken(json!({ "from": { "id": BOB.id }, "photo": [] })),
            broken(
                json!({ "from": { "id": BOB.id }, "document": { "file_id": "../../etc/passwd", "file_name": "../../x", "file_size": -1 } }),
            ),
            ("callback_query", json!({ "id": "1", "from": { "id": BOB.id } })),
            ("message_reaction", json!({ "chat": chat, "message_id": 1 })),
            ("poll", json!({ "id": "1" })),
        ];
        match all.get(n) {
            Some((kind, content)) => {
                self.fake.update(kind, content.clone());
                true
            }
            None => false,
        }
    }
}
