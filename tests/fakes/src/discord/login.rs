//! Who may log in, what a new session is told first, and how a session is taken up.
use super::{
    Bot, Call, Discord, State, Trouble, model,
    sessions::{Identify, Out, Resume, Session},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{sync::mpsc, time::Instant};

/// Time between two logins of a bot: five seconds, less what a frame may be faster than the one before.
const IDENTIFY_PAUSE: Duration = Duration::from_millis(4_800);

/// How the gateway behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) heartbeat: Duration,
    /// Compressed payloads come in two frames.
    pub(super) is_split: bool,
    /// Nobody counts the time between two logins.
    pub(super) is_hasty: bool,
    /// Fields that Discord does not know are no complaints.
    pub(super) is_lenient: bool,
    /// Who is there is asked for a sign of life.
    pub(super) asks_for_signs: bool,
}

impl Discord {
    /// Time between two heartbeats, for connections from now on.
    pub fn heartbeat(&self, every: Duration) {
        self.state().settings.heartbeat = every;
    }

    /// Whoever logs in or takes up a session from now on is asked for a sign of life (op 1), as Discord may ask at any
    /// time: so a connection counts as one that works before the time of a heartbeat has passed.
    pub fn ask_for_signs(&self) {
        self.state().settings.asks_for_signs = true;
    }

    /// Compressed payloads come in two frames from now on.
    pub fn split_payloads(&self) {
        self.state().settings.is_split = true;
    }

    /// Bots may log in without pauses.
    pub fn allow_haste(&self) {
        self.state().settings.is_hasty = true;
    }

    /// Fields that Discord does not know are no complaints any more.
    pub fn allow_more_fields(&self) {
        self.state().settings.is_lenient = true;
    }

    /// The owner of a bot has not enabled these privileged intents.
    pub fn forbid_intents(&self, bot: &Bot, intents: u64) {
        self.state().of_bot(bot.id).forbidden = intents;
    }

    /// Logins that a bot has left today.
    pub fn set_starts(&self, bot: &Bot, starts: u64) {
        self.state().of_bot(bot.id).starts = starts;
    }

    /// A bot is so large that it needs this many shards.
    pub fn set_shards(&self, bot: &Bot, shards: u64) {
        self.state().of_bot(bot.id).shards = shards;
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(41_250),
            is_split: false,
            is_hasty: false,
            is_lenient: false,
            asks_for_signs: false,
        }
    }
}

impl State {
    /// May the bot log in? Gives its id.
    pub(super) fn identify(&mut self, data: &Value, is_hasty: bool) -> Result<u64, Trouble> {
        let token = data["token"].as_str().unwrap_or_default();
        let bot = self.bots.iter_mut().find(|bot| bot.bot.token == token);
        let bot = bot.ok_or(Trouble::Close(4004))?;
        let intents = data["intents"].as_u64().filter(|intents| intents >> 26 == 0);
        let intents = intents.ok_or(Trouble::Close(4013))?;
        let shard = (
            data["shard"][0].as_u64().unwrap_or(0),
            data["shard"][1].as_u64().unwrap_or(1),
        );
        let mut payload = data.clone();
        payload["token"] = "***".into();
        let id = bot.bot.id;
        let now = Instant::now();
        let (shards, starts, forbidden) = (bot.shards, bot.starts, bot.forbidden);
        let is_early = !is_hasty
            && bot
                .last_identify
                .is_some_and(|last| now.duration_since(last) < IDENTIFY_PAUSE);
        bot.last_identify = Some(now);
        bot.starts = bot.starts.saturating_sub(1);
        self.identifies.push(Identify {
            bot: id,
            intents,
            shard,
            payload,
            at: now,
        });
        let has_properties = ["os", "browser", "device"]
            .iter()
            .all(|name| data["properties"][name].is_string());
        if !has_properties {
            self.complaints
                .push("gateway: an identify has os, browser and device as properties".into());
            return Err(Trouble::Close(4002));
        }
        if starts == 0 {
            self.complaints
                .push("gateway: no identify was left; Discord would have reset the token".into());
            return Err(Trouble::Close(4004));
        }
        if shard.0 >= shard.1 {
            return Err(Trouble::Close(4010));
        }
        if shards > 1 && shard.1 < shards {
            return Err(Trouble::Close(4011));
        }
        if intents & forbidden != 0 {
            return Err(Trouble::Close(4014));
        }
        if is_early {
            self.complaints
                .push("gateway: two identifies within five seconds".into());
            return Err(Trouble::Invalid { resumable: false });
        }
        Ok(id)
    }

    pub(super) fn note_resume(&mut self, data: &Value, taken: bool) {
        let token = data["token"].as_str().unwrap_or_default();
        let bot = self.bots.iter().find(|bot| bot.bot.token == token);
        self.resumes.push(Resume {
            bot: bot.map_or(0, |bot| bot.bot.id),
            seq: data["seq"].as_u64().unwrap_or_default(),
            taken,
        });
    }
}

impl Discord {
    /// Opens a session and says so: `READY`, and then one `GUILD_CREATE` for each guild.
    pub(super) fn open(&self, bot: u64, data: &Value, out: mpsc::Sender<Out>) -> String {
        let gateway = self.gateway();
        let mut state = self.state();
        let id = format!("session{:024}", state.new_id());
        let shard = (
            data["shard"][0].as_u64().unwrap_or(0),
            data["shard"][1].as_u64().unwrap_or(1),
        );
        let mine = |guild: u64| (guild >> 22) % shard.1.max(1) == shard.0;
        let guilds: Vec<_> = state
            .guilds
            .iter()
            .map(|guild| guild.id)
            .filter(|id| mine(*id))
            .collect();
        let unavailable: Vec<_> = guilds
            .iter()
            .map(|id| json!({ "id": id.to_string(), "unavailable": true }))
            .collect();
        let me = state.of_bot(bot);
        let forbidden = me.forbidden;
        let ready = json!({
            "v": 10, "user": model::me(&me.bot), "guilds": unavailable, "session_id": id, "shard": [shard.0, shard.1],
            "resume_gateway_url": format!("{gateway}/resume"), "session_type": "normal", "private_channels": [],
            "relationships": [], "presences": [], "geo_ordered_rtc_regions": [], "guild_join_requests": [],
            "application": {
                "id": bot.to_string(), "flags": model::application(&me.bot, forbidden)["flags"],
            },
        });
        let created: Vec<_> = guilds
            .iter()
            .map(|guild| state.guild_create(*guild, bot))
            .collect();
        state
            .sessions
            .retain(|session| session.bot != bot || session.shard != shard || session.out.is_some());
        let mut session = Session {
            id: id.clone(),
            bot,
            intents: data["intents"].as_u64().unwrap_or_default(),
            shard,
            seq: 0,
            sent: [].into(),
            out: Some(out),
        };
        session.push("READY", ready);
        for guild in created {
            session.push("GUILD_CREATE", guild);
        }
        state.sessions.push(session);
        id
    }

    /// Takes up a session: all that came after `seq`, and `RESUMED`.
    pub(super) fn take_up(&self, data: &Value, out: &mpsc::Sender<Out>) -> Option<String> {
        let mut state = self.state();
        let token = data["token"].as_str()?;
        let bot = state.bots.iter().find(|bot| bot.bot.token == token)?.bot.id;
        let id = data["session_id"].as_str()?;
        let seq = data["seq"].as_u64()?;
        let repeated = state.script.repeated.pop_front().unwrap_or(0);
        let session = state
            .sessions
            .iter_mut()
            .find(|session| session.id == id && session.bot == bot)?;
        if seq > session.seq {
            return None;
        }
        if let Some(old) = session.out.replace(out.clone()) {
            let _ = old.try_send(Out::Trouble(Trouble::Close(4000)));
        }
        let from = seq.saturating_sub(u64::try_from(repeated).unwrap_or_default());
        for (_, frame) in session.sent.iter().filter(|(number, _)| *number > from) {
            let _ = out.try_send(Out::Frame(frame.clone()));
        }
        session.push("RESUMED", json!({ "_trace": [] }));
        // the next resume does not tell of this one
        session.sent.pop_back();
        Some(id.to_owned())
    }

    /// A presence, a voice state or a wish for members.
    pub(super) fn asked_over_gateway(&self, op: u64, body: Value) {
        self.note(Call {
            key: format!("OP {op}"),
            path: String::new(),
            query: Vec::new(),
            body,
            files: Vec::new(),
            bot: None,
            reason: String::new(),
            status: 200,
            at: std::time::Instant::now(),
        });
    }
}
