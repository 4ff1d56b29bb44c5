//! Sessions of the gateway: who is told what, in which order, and what is kept for a resume.
use super::{Bot, Discord, State, Trouble, model};
use serde_json::{Value, json};
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// Events that a session keeps for a resume.
const MAX_REPLAY: usize = 20_000;
/// Frames that may wait for a connection; one that is slower is dropped, as Discord does.
pub(super) const MAX_WAITING: usize = 20_000;

const GUILDS: u64 = 1;
const GUILD_MEMBERS: u64 = 1 << 1;
const MODERATION: u64 = 1 << 2;
const EXPRESSIONS: u64 = 1 << 3;
const VOICE: u64 = 1 << 7;
const PRESENCES: u64 = 1 << 8;
const GUILD_MESSAGES: u64 = 1 << 9;
const GUILD_REACTIONS: u64 = 1 << 10;
const GUILD_TYPING: u64 = 1 << 11;
const DIRECT_MESSAGES: u64 = 1 << 12;
const DIRECT_REACTIONS: u64 = 1 << 13;
const DIRECT_TYPING: u64 = 1 << 14;
const MESSAGE_CONTENT: u64 = 1 << 15;
const SCHEDULED: u64 = 1 << 16;
const GUILD_POLLS: u64 = 1 << 24;
const DIRECT_POLLS: u64 = 1 << 25;

/// A bot that logged in.
#[derive(Debug, Clone)]
pub struct Identify {
    /// Its user.
    pub bot: u64,
    /// `intents`
    pub intents: u64,
    /// `shard`
    pub shard: (u64, u64),
    /// The whole of `d`, without the token.
    pub payload: Value,
    /// When, on the clock of tests that pause it.
    pub at: tokio::time::Instant,
}

/// A bot that took up a session.
#[derive(Debug, Clone)]
pub struct Resume {
    /// Its user.
    pub bot: u64,
    /// The last that it has.
    pub seq: u64,
    /// Was it taken?
    pub taken: bool,
}

/// What goes to a connection.
#[derive(Debug)]
pub(super) enum Out {
    /// A frame.
    Frame(Value),
    /// Something goes wrong.
    Trouble(Trouble),
}

/// An event, and for whom.
#[derive(Debug, Clone)]
pub(super) struct Dispatch {
    /// Only for this bot.
    pub(super) bot: Option<u64>,
    pub(super) event: String,
    pub(super) data: Value,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) bot: u64,
    pub(super) intents: u64,
    pub(super) shard: (u64, u64),
    pub(super) seq: u64,
    pub(super) sent: VecDeque<(u64, Value)>,
    pub(super) out: Option<mpsc::Sender<Out>>,
}

impl Discord {
    /// Tells every bot of an event, as the intents allow.
    pub fn dispatch(&self, event: &str, data: Value) {
        self.state().tell(None, event, data);
    }

    /// Tells one bot of an event.
    pub fn dispatch_to(&self, bot: &Bot, event: &str, data: Value) {
        self.state().tell(Some(bot.id), event, data);
    }

    /// Keeps events back until [`Discord::release`].
    pub fn hold(&self) {
        self.state().held.get_or_insert_default();
    }

    /// Tells what was kept back, in this order of places; all others follow in theirs.
    pub fn release(&self, order: &[usize]) {
        let mut state = self.state();
        let held = state.held.take().unwrap_or_default();
        let rest = (0..held.len()).filter(|place| !order.contains(place));
        for place in order.iter().copied().chain(rest).collect::<Vec<_>>() {
            let Dispatch { bot, event, data } = held[place].clone();
            state.tell(bot, &event, data);
        }
    }

    /// Something goes wrong with every connection, now.
    pub fn trouble(&self, trouble: Trouble) {
        let mut state = self.state();
        for session in &mut state.sessions {
            if let Some(out) = &session.out {
                let _ = out.try_send(Out::Trouble(trouble));
            }
        }
    }

    /// Logins so far.
    pub fn identifies(&self) -> Vec<Identify> {
        self.state().identifies.clone()
    }

    /// Sessions that bots wanted to take up, so far.
    pub fn resumes(&self) -> Vec<Resume> {
        self.state().resumes.clone()
    }

    /// Connections so far, whatever came of them.
    pub fn connects(&self) -> usize {
        self.state().connects
    }

    /// Bots that are logged in and connected, with their shards.
    pub fn online(&self) -> Vec<(u64, u64)> {
        let state = self.state();
        let connected = state.sessions.iter().filter(|session| session.out.is_some());
        connected.map(|session| (session.bot, session.shard.0)).collect()
    }

    /// Waits until a bot is logged in and connected.
    pub async fn is_online(&self, bot: &Bot) {
        self.until(|fake| fake.online().iter().any(|(id, _)| *id == bot.id).then_some(()))
            .await;
    }
}

impl State {
    /// Tells of an event, or keeps it back.
    pub(super) fn tell(&mut self, bot: Option<u64>, event: &str, data: Value) {
        if let Some(held) = &mut self.held {
            let event = event.to_owned();
            return held.push(Dispatch { bot, event, data });
        }
        let place = self.place_of(&data);
        let readers: Vec<_> = self.bots.iter().map(|bot| bot.bot.id).collect();
        for reader in readers {
            if bot.is_some_and(|bot| bot != reader) || !self.reads(reader, &data) {
                continue;
            }
            for session in self.sessions.iter_mut().filter(|session| session.bot == reader) {
                if session.is_told(event, place) {
                    session.push(event, session.seen(event, place, &data));
                }
            }
        }
    }

    /// The guild of an event; none in private.
    fn place_of(&self, data: &Value) -> Option<u64> {
        let guild = match data.get("guild_id") {
            Some(guild) => guild.clone(),
            None => self
                .channels
                .get(&model::id_of(&data["channel_id"]))?
                .get("guild_id")?
                .clone(),
        };
        Some(model::id_of(&guild)).filter(|guild| *guild != 0)
    }

    /// A private channel's events are for its members.
    fn reads(&self, bot: u64, data: &Value) -> bool {
        let Some(channel) = self.channels.get(&model::id_of(&data["channel_id"])) else {
            return true;
        };
        let Some(members) = channel["members"].as_array() else {
            return true;
        };
        members.iter().any(|member| member.as_u64() == Some(bot))
    }
}

// === impl Session ===

impl Session {
    /// Sends an event, or keeps it for the resume.
    pub(super) fn push(&mut self, event: &str, data: Value) {
        self.seq += 1;
        let frame = json!({ "t": event, "s": self.seq, "op": 0, "d": data });
        if self.sent.len() >= MAX_REPLAY {
            self.sent.pop_front();
        }
        self.sent.push_back((self.seq, frame.clone()));
        if let Some(out) = &self.out
            && out.try_send(Out::Frame(frame)).is_err()
        {
            self.out = None;
        }
    }

    /// Does its bot hear of this?
    fn is_told(&self, event: &str, guild: Option<u64>) -> bool {
        let (number, count) = self.shard;
        let shard = guild.map_or(0, |guild| (guild >> 22) % count.max(1));
        if shard != number {
            return false;
        }
        let either = |in_guild: u64, in_private: u64| if guild.is_some() { in_guild } else { in_private };
        let needed = match event {
            "MESSAGE_CREATE" | "MESSAGE_UPDATE" | "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK" => {
                either(GUILD_MESSAGES, DIRECT_MESSAGES)
            }
            "CHANNEL_PINS_UPDATE" => either(GUILDS, DIRECT_MESSAGES),
            event if event.starts_with("MESSAGE_REACTION") => either(GUILD_REACTIONS, DIRECT_REACTIONS),
            event if event.starts_with("MESSAGE_POLL") => either(GUILD_POLLS, DIRECT_POLLS),
            "TYPING_START" => either(GUILD_TYPING, DIRECT_TYPING),
            "GUILD_MEMBER_ADD" | "GUILD_MEMBER_UPDATE" | "GUILD_MEMBER_REMOVE" => GUILD_MEMBERS,
            "GUILD_BAN_ADD" | "GUILD_BAN_REMOVE" | "GUILD_AUDIT_LOG_ENTRY_CREATE" => MODERATION,
            "GUILD_EMOJIS_UPDATE" | "GUILD_STICKERS_UPDATE" => EXPRESSIONS,
            "VOICE_STATE_UPDATE" => VOICE,
            "PRESENCE_UPDATE" => PRESENCES,
            event if event.starts_with("GUILD_SCHEDULED_EVENT") => SCHEDULED,
            event
                if event.starts_with("GUILD_")
                    || event.starts_with("CHANNEL_")
                    || event.starts_with("THREAD_") =>
            {
                GUILDS
            }
            _ => 0,
        };
        needed == 0 || self.intents & needed != 0
    }

    /// A message as its bot may read it: without the content, unless it is private, calls the bot, or is its own.
    fn seen(&self, event: &str, guild: Option<u64>, data: &Value) -> Value {
        let mut data = data.clone();
        let is_message = matches!(event, "MESSAGE_CREATE" | "MESSAGE_UPDATE");
        if !is_message || guild.is_none() || self.intents & MESSAGE_CONTENT != 0 {
            return data;
        }
        let me = self.bot.to_string();
        let is_called = data["mentions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|user| user["id"] == me.as_str());
        if is_called || data["author"]["id"] == me.as_str() {
            return data;
        }
        data["content"] = "".into();
        for field in ["attachments", "embeds", "components"] {
            data[field] = json!([]);
        }
        data
    }
}
