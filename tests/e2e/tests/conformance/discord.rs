//! Discord.
use openclaw_e2e::channels::Program;
use openclaw_fakes::discord::{self, Discord, Fault, Trouble};
use openclaw_kit::{
    channel_conformance,
    conformance::{ADA, BOB, Broken, ChannelPeer, Event, Failure, Person, Place, Senders, Sent},
};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Mutex, time::Duration};

channel_conformance!(Peer, Program);

/// How the bot's messages are made.
const SEND: &str = "POST /channels/*/messages";

struct Peer {
    fake: Discord,
    guild: u64,
    general: u64,
    /// The last message of a person in a channel.
    last: Mutex<HashMap<(u64, u64), u64>>,
}

impl ChannelPeer for Peer {
    const CHANNEL: &'static str = "discord";
    const TEXT_LIMIT: usize = 2000;
    const IS_IDEMPOTENT: bool = true;

    async fn start() -> Self {
        let fake = Discord::start().await.expect("a port");
        // how long Discord makes wait is another matter
        fake.unlimited();
        // and how long a bot waits whose connections break before they have worked
        fake.ask_for_signs();
        let guild = fake.guild("Home");
        let general = fake.channel(guild, "general");
        for person in [ADA, BOB] {
            fake.join(guild, somebody(person), &[]);
        }
        let last = Mutex::default();
        Self {
            fake,
            guild,
            general,
            last,
        }
    }

    fn config(&self) -> Value {
        json!({
            "apiRoot": self.fake.base(), "token": self.fake.bot().token,
            "guilds": { self.guild.to_string(): { "requireMention": true, "reactionNotifications": "all" } },
        })
    }

    fn admit(&self, config: &mut Value, senders: Senders<'_>) {
        let guild = match senders {
            Senders::NotListed => 5,
            Senders::All | Senders::Only(_) => self.guild,
        };
        let mut rules = json!({ "requireMention": true, "reactionNotifications": "all" });
        if let Senders::Only(people) = senders {
            rules["users"] = people
                .iter()
                .map(|person| Value::from(Self::listed(*person)))
                .collect();
        }
        config["guilds"] = json!({ guild.to_string(): rules });
    }

    async fn connected(&self) {
        self.fake.is_online(&self.fake.bot()).await;
    }

    fn happens(&self, event: &Event<'_>) -> bool {
        match *event {
            Event::Message {
                place,
                from,
                text,
                mentions,
            } => {
                let channel = self.channel(place, from);
                let text = match mentions {
                    true => format!("<@{}> {text}", self.fake.bot().id),
                    false => text.to_owned(),
                };
                let id = self.fake.say(channel, somebody(from), &text);
                self.last
                    .lock()
                    .expect("not poisoned")
                    .insert((channel, from.id), id);
            }
            Event::Edit { place, from, text } => {
                let channel = self.channel(place, from);
                self.fake.edit(channel, self.last(channel, from), text);
            }
            // Open: one in private on the bot's own message does not come to the conversation here. Rooms are tried.
            Event::Reaction {
                place: Place::Private,
                ..
            } => return false,
            Event::Reaction { place, from, emoji } => {
                let channel = self.channel(place, from);
                self.fake
                    .react(channel, self.last(channel, from), somebody(from), emoji);
            }
            Event::Status { place, from } => {
                let channel = self.channel(place, from);
                self.fake
                    .slash(&self.fake.bot(), channel, somebody(from), "status", json!([]));
            }
            Event::Strange(n) => return self.strange(n),
        }
        true
    }

    fn repeats(&self) -> bool {
        self.fake.repeat_after_resume(3);
        self.fake.trouble(Trouble::Drop);
        true
    }

    fn reverses(&self, work: impl FnOnce(&Self)) {
        self.fake.hold();
        work(self);
        self.fake.release(&[2, 1, 0]);
    }

    fn sent(&self) -> Vec<Sent> {
        let said = self
            .fake
            .said_by_bots()
            .into_iter()
            .filter(|message| message["content"] != "what do you think?");
        let sent = said.map(|message| {
            let raw = message["content"].as_str().unwrap_or_default().to_owned();
            Sent {
                chat: message["channel_id"].as_str().unwrap_or_default().to_owned(),
                text: raw.clone(),
                raw,
            }
        });
        sent.collect()
    }

    fn tried(&self) -> usize {
        self.fake.calls(SEND).len()
    }

    fn fails(&self, failure: Failure) -> bool {
        let fault = match failure {
            Failure::Limited => Fault::Limited {
                after: Duration::from_millis(300),
                global: false,
            },
            Failure::AnswerLost => Fault::Cut,
            Failure::Unreachable => Fault::Page { status: 502 },
            Failure::Refused => Fault::Refuse {
                status: 403,
                code: 50007,
                message: "Cannot send messages to this user".into(),
            },
            Failure::Stalled => Fault::HalfOpen,
        };
        self.fake.fail(SEND, fault);
        true
    }

    fn breaks(&self, how: Broken) -> bool {
        self.fake.trouble(match how {
            Broken::Dropped => Trouble::Drop,
            Broken::SentAway => Trouble::Reconnect,
            Broken::Dead => Trouble::HalfOpen,
        });
        true
    }

    async fn until<T>(&self, look: impl Fn(&Self) -> Option<T>) -> T {
        self.fake.until(|_| look(self)).await
    }

    fn is_whole(sent: &Sent) -> bool {
        sent.raw.matches("```").count().is_multiple_of(2)
    }

    fn complaints(&self) -> Vec<String> {
        self.fake.complaints()
    }
}

impl Peer {
    fn channel(&self, place: Place, from: Person) -> u64 {
        match place {
            Place::Private => self.fake.private(&self.fake.bot(), somebody(from)),
            Place::Group => self.general,
        }
    }

    fn last(&self, channel: u64, from: Person) -> u64 {
        let last = self.last.lock().expect("not poisoned");
        *last.get(&(channel, from.id)).expect("they wrote before")
    }

    /// Events that are of a later version of Discord, or broken.
    fn strange(&self, n: usize) -> bool {
        let (channel, guild) = (self.general.to_string(), self.guild.to_string());
        let author = somebody(BOB).user();
        let broken = |content: Value| {
            let mut message =
                json!({ "id": format!("99{n}"), "channel_id": channel, "guild_id": guild, "author": author });
            message
                .as_object_mut()
                .expect("just made")
                .extend(content.as_object().expect("fields").clone());
            ("MESSAGE_CREATE", message)
        };
        let all = [
            ("SOMETHING_NEW", json!({ "id": 1 })),
            ("MESSAGE_CREATE", json!({})),
            ("MESSAGE_CREATE", json!("a text")),
            ("MESSAGE_CREATE", Value::Null),
            broken(json!({ "author": null, "content": "x" })),
            broken(json!({ "author": { "id": 5 }, "content": "x" })),
            broken(json!({ "author": { "id": "no number" }, "content": "x" })),
            broken(json!({ "content": 5 })),
            broken(json!({ "content": "x", "attachments": {} })),
            broken(
                json!({ "content": "x", "attachments": [{ "id": "1", "filename": "../../etc/passwd", "size": -1, "url": "file:///etc/passwd" }] }),
            ),
            broken(json!({ "content": "x", "mentions": [null, {}, { "id": [] }] })),
            broken(json!({ "content": "x", "type": 9_999, "timestamp": "yesterday" })),
            broken(
                json!({ "content": "x", "message_reference": { "type": 77 }, "message_snapshots": "none" }),
            ),
            broken(json!({ "content": "x", "channel_id": "18446744073709551615", "guild_id": "0" })),
            ("MESSAGE_UPDATE", json!({ "id": "1", "channel_id": channel })),
            (
                "MESSAGE_REACTION_ADD",
                json!({ "channel_id": channel, "emoji": {} }),
            ),
            (
                "INTERACTION_CREATE",
                json!({ "id": "1", "type": 99, "token": "x" }),
            ),
            ("INTERACTION_CREATE", json!({ "type": 2, "data": {} })),
            (
                "GUILD_CREATE",
                json!({ "id": "77", "channels": "none", "roles": null }),
            ),
            ("THREAD_CREATE", json!({ "id": null })),
            ("GUILD_DELETE", json!({})),
            ("CHANNEL_UPDATE", json!({ "id": channel, "type": "text" })),
        ];
        match all.get(n) {
            Some((event, data)) => {
                self.fake.dispatch(event, data.clone());
                true
            }
            None => false,
        }
    }
}

fn somebody(person: Person) -> discord::Person {
    discord::Person {
        id: person.id,
        name: person.name,
    }
}
