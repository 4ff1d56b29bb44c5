//! What a channel's test brings: its platform, and the gateway.
use serde_json::Value;

/// Somebody with an account of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Stable id; whatever the platform makes of it.
    pub id: u64,
    /// Name that is shown.
    pub name: &'static str,
}

/// Where something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In private with the bot.
    Private,
    /// In the one group that the peer has.
    Group,
}

/// Something that happens on the platform.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Somebody writes.
    Message {
        /// Where.
        place: Place,
        /// Who.
        from: Person,
        /// What.
        text: &'a str,
        /// The bot is called by name.
        mentions: bool,
    },
    /// Somebody changes the last message that they wrote there.
    Edit {
        /// Where.
        place: Place,
        /// Who.
        from: Person,
        /// What it says now.
        text: &'a str,
    },
    /// Somebody reacts to the last message that they wrote there.
    Reaction {
        /// Where.
        place: Place,
        /// Who.
        from: Person,
        /// With what.
        emoji: &'a str,
    },
    /// Somebody asks for the gateway's status, as the platform has commands.
    Status {
        /// Where.
        place: Place,
        /// Who.
        from: Person,
    },
    /// Something that the platform may send and no channel has to understand; the number says which, from 0.
    Strange(usize),
}

/// A message of the bot as people see it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Where; the person in private.
    pub chat: String,
    /// Its text without the platform's markup.
    pub text: String,
    /// The platform's own text.
    pub raw: String,
}

/// What goes wrong with the next send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Too many messages: once more in a moment.
    Limited,
    /// It takes effect, and the answer is lost.
    AnswerLost,
    /// Something on the way answers in the platform's place, and nothing takes effect.
    Unreachable,
    /// The platform refuses it for good.
    Refused,
    /// It takes effect, and nothing is ever answered.
    Stalled,
}

/// What goes wrong with the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It breaks without a word.
    Dropped,
    /// The platform asks to come back.
    SentAway,
    /// It stays open and is dead.
    Dead,
}

/// Who may write in the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Senders<'a> {
    /// The group is not listed.
    NotListed,
    /// Everybody.
    All,
    /// These.
    Only(&'a [Person]),
}

/// A channel's platform. The channel's test implements it over a fake.
pub trait ChannelPeer: Sized {
    /// Id of the channel.
    const CHANNEL: &'static str;
    /// Longest text of a message, as the platform counts; see [`ChannelPeer::length`].
    const TEXT_LIMIT: usize;
    /// Does a send that is tried again with the same key never show twice?
    const IS_IDEMPOTENT: bool;

    /// A platform with the bot, [`ADA`](super::ADA), [`BOB`](super::BOB) and a group.
    fn start() -> impl Future<Output = Self>;

    /// `channels.<id>`: how to get there, reactions told to the channel, the group listed for everybody with
    /// `requireMention`, and no rules for the rest.
    fn config(&self) -> Value;

    /// Changes in `channels.<id>` who may write in the group, which still has to call the bot.
    fn admit(&self, config: &mut Value, senders: Senders<'_>);

    /// Waits until the channel hears of events.
    fn connected(&self) -> impl Future<Output = ()>;

    /// Makes something happen. False where the platform has no such thing.
    fn happens(&self, event: &Event<'_>) -> bool;

    /// Tells the last events once more, as the platform may. False where it never does.
    fn repeats(&self) -> bool;

    /// Does `work`, and tells the channel what happens in it in the opposite order, where the platform may.
    fn reverses(&self, work: impl FnOnce(&Self));

    /// What the bot has written, as it stands now, oldest first.
    fn sent(&self) -> Vec<Sent>;

    /// Sends that arrived, whatever came of them.
    fn tried(&self) -> usize;

    /// What happens to the next send. False where it can't.
    fn fails(&self, failure: Failure) -> bool;

    /// Breaks the connection. False where it can't.
    fn breaks(&self, how: Broken) -> bool;

    /// Waits until something is there: looked for now and after each change.
    fn until<T>(&self, look: impl Fn(&Self) -> Option<T>) -> impl Future<Output = T>;

    /// How long a text is, as the platform counts.
    fn length(text: &str) -> usize {
        text.chars().count()
    }

    /// Is the markup of a message whole? Nothing to say where the platform refuses other markup.
    fn is_whole(_sent: &Sent) -> bool {
        true
    }

    /// How the platform names a person in the operator's lists.
    fn listed(person: Person) -> String {
        person.id.to_string()
    }

    /// What the platform would not have taken, in words.
    fn complaints(&self) -> Vec<String>;
}

/// The gateway with the channel in it, and with a model that repeats what it hears.
///
/// Private chats are conversations of their own (`session.dmScope: per-channel-peer`), and each message gets an answer.
pub trait Gateway: Sized {
    /// Stands in what it answers when it is asked for its status, and nowhere else.
    const STATUS: &'static str;

    /// Starts it with this `channels.<channel>` and waits until it is ready.
    fn start(channel: &str, config: Value) -> impl Future<Output = Self>;

    /// What the model answers next, in place of repeating.
    fn answers(&self, text: &str);

    /// All that the model was asked so far, as one text.
    fn heard(&self) -> String;

    /// Waits until the model was asked something with these words.
    fn hears(&self, words: &str) -> impl Future<Output = ()>;

    /// Changes `channels.<channel>` while it runs, and waits until that has its effect.
    fn configure(&self, config: Value) -> impl Future<Output = ()>;

    /// Ends it in good order and starts it again.
    fn restart(&mut self) -> impl Future<Output = ()>;

    /// Ends it in good order; gives all that it said since its last start. [`Gateway::heard`] still answers.
    fn stop(&mut self) -> impl Future<Output = String>;

    /// What it has said since its last start.
    fn log(&self) -> String;
}

impl<'a> Event<'a> {
    /// Somebody writes; in the group nobody is called.
    pub fn message(place: Place, from: Person, text: &'a str) -> Self {
        Self::Message {
            place,
            from,
            text,
            mentions: false,
        }
    }

    /// Somebody calls the bot.
    pub fn mention(place: Place, from: Person, text: &'a str) -> Self {
        Self::Message {
            place,
            from,
            text,
            mentions: true,
        }
    }
}
