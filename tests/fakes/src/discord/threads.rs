//! Calls about threads, reactions and webhooks of a channel.
use super::{
    Call, State,
    model::{self, id_of},
    rest::{Answer, id, invalid, refuse, unknown},
};
use serde_json::{Value, json};

/// Kinds of channels whose posts are threads.
const FORUMS: [u64; 2] = [15, 16];

impl State {
    pub(super) fn act_on_thread(
        &mut self,
        method: &str,
        channel: u64,
        parts: &[&str],
        call: &Call,
    ) -> Answer {
        let me = call.bot.unwrap_or_default();
        match (method, parts) {
            ("POST", ["messages", message, "threads"]) => {
                let message = id(message);
                if self.message(channel, message).is_none() {
                    return unknown("Message", 10008);
                }
                if self.channels.contains_key(&message) {
                    return refuse(400, 160_004, "A thread has already been created for this message");
                }
                self.create_thread(message, channel, 11, me, &call.body)
            }
            ("POST", ["threads"]) => {
                let is_forum = self.channels[&channel]["type"]
                    .as_u64()
                    .is_some_and(|kind| FORUMS.contains(&kind));
                let first = &call.body["message"];
                if is_forum && !first.is_object() {
                    return invalid("a post has a first message");
                }
                let kind = match call.body["type"].as_u64() {
                    _ if is_forum => 11,
                    Some(kind @ 10..=12) => u8::try_from(kind).expect("it is that small"),
                    _ => 12,
                };
                let thread = self.new_id();
                let (status, mut answer) = self.create_thread(thread, channel, kind, me, &call.body);
                if is_forum {
                    let post = Call {
                        body: first.clone(),
                        ..call.clone()
                    };
                    let mut message = match self.compose(thread, me, &post) {
                        Ok(message) => message,
                        Err(answer) => return answer,
                    };
                    // the first message of a post has the id of its thread
                    message["id"] = thread.to_string().into();
                    self.publish(thread, message.clone());
                    answer["message"] = message;
                }
                (status, answer)
            }
            ("PUT" | "DELETE", ["thread-members", _]) => (204, Value::Null),
            ("GET", ["thread-members"]) => (200, json!([])),
            ("GET", ["threads", "archived", _] | ["users", "@me", "threads", ..]) => {
                let threads = self.threads_of(|thread| {
                    thread["parent_id"] == channel.to_string().as_str()
                        && thread["thread_metadata"]["archived"] == true
                });
                (
                    200,
                    json!({ "threads": threads, "members": [], "has_more": false }),
                )
            }
            ("PUT" | "DELETE", ["permissions", _]) => (204, Value::Null),
            ("GET", ["webhooks"]) => (200, json!([])),
            _ => (404, json!({ "message": "404: Not Found", "code": 0 })),
        }
    }

    pub(super) fn threads_of(&self, is_meant: impl Fn(&Value) -> bool) -> Vec<Value> {
        let threads = self
            .channels
            .values()
            .filter(|channel| channel["thread_metadata"].is_object());
        let mut threads: Vec<_> = threads.filter(|thread| is_meant(thread)).cloned().collect();
        threads.sort_by_key(|thread| id_of(&thread["id"]));
        threads
    }

    pub(super) fn create_thread(
        &mut self,
        thread: u64,
        parent: u64,
        kind: u8,
        owner: u64,
        body: &Value,
    ) -> Answer {
        let name = body["name"].as_str().unwrap_or_default();
        if !(1..=100).contains(&name.chars().count()) {
            return invalid("a name has 1 to 100 characters");
        }
        let mut made = model::thread(thread, &self.channels[&parent], name, kind, owner);
        if let Some(minutes) = body["auto_archive_duration"].as_u64() {
            if ![60, 1440, 4320, 10080].contains(&minutes) {
                return invalid("auto_archive_duration is 60, 1440, 4320 or 10080");
            }
            made["thread_metadata"]["auto_archive_duration"] = minutes.into();
        }
        self.channels.insert(thread, made.clone());
        let mut event = made.clone();
        event["newly_created"] = true.into();
        self.tell(None, "THREAD_CREATE", event);
        if let Some(message) = self.message_mut(parent, thread) {
            message["thread"] = made.clone();
            message["flags"] = (message["flags"].as_u64().unwrap_or(0) | 1 << 5).into();
        }
        (201, made)
    }

    pub(super) fn add_reaction(&mut self, channel: u64, message: u64, user: u64, emoji: &str) -> Answer {
        let Some(found) = self.message(channel, message) else {
            return unknown("Message", 10008);
        };
        let (emoji, author) = (emoji_of(emoji), found["author"]["id"].clone());
        let kinds = self.reactions.entry(message).or_default();
        let place = kinds
            .iter()
            .position(|(known, _)| *known == emoji)
            .unwrap_or(kinds.len());
        if place == kinds.len() {
            kinds.push((emoji.clone(), Vec::new()));
        }
        if !kinds[place].1.contains(&user) {
            kinds[place].1.push(user);
            self.count_reactions(channel, message);
            self.tell_reaction(
                "MESSAGE_REACTION_ADD",
                channel,
                message,
                user,
                &emoji,
                Some(author),
            );
        }
        (204, Value::Null)
    }

    pub(super) fn remove_reaction(&mut self, channel: u64, message: u64, user: u64, emoji: &str) -> Answer {
        let emoji = emoji_of(emoji);
        if self.message(channel, message).is_none() {
            return unknown("Message", 10008);
        }
        for (known, who) in self.reactions.entry(message).or_default() {
            if *known == emoji {
                who.retain(|id| *id != user);
            }
        }
        self.count_reactions(channel, message);
        self.tell_reaction("MESSAGE_REACTION_REMOVE", channel, message, user, &emoji, None);
        (204, Value::Null)
    }

    /// Says in a message how many reacted.
    fn count_reactions(&mut self, channel: u64, message: u64) {
        let kinds = self.reactions.entry(message).or_default();
        kinds.retain(|(_, who)| !who.is_empty());
        let shown = kinds.iter().map(|(emoji, who)| {
            json!({
                "emoji": emoji, "count": who.len(), "count_details": { "burst": 0, "normal": who.len() },
                "burst_colors": [], "me_burst": false, "burst_me": false, "me": false, "burst_count": 0,
            })
        });
        let shown: Value = shown.collect();
        if let Some(found) = self.message_mut(channel, message) {
            found["reactions"] = shown;
        }
    }

    fn tell_reaction(
        &mut self,
        event: &str,
        channel: u64,
        message: u64,
        user: u64,
        emoji: &Value,
        author: Option<Value>,
    ) {
        let mut data = json!({
            "user_id": user.to_string(), "channel_id": channel.to_string(), "message_id": message.to_string(),
            "emoji": emoji, "burst": false, "type": 0,
        });
        if let Some(guild) = self.channels[&channel].get("guild_id").cloned() {
            if let Some(member) = self
                .member_of(id_of(&guild), user)
                .filter(|_| event.ends_with("ADD"))
            {
                data["member"] = member;
            }
            data["guild_id"] = guild;
        }
        if let Some(author) = author {
            data["message_author_id"] = author;
        }
        self.tell(None, event, data);
    }

    pub(super) fn who_reacted(&self, message: u64, emoji: &str) -> Value {
        let emoji = emoji_of(emoji);
        let kinds = self.reactions.get(&message).into_iter().flatten();
        let who = kinds
            .filter(|(known, _)| *known == emoji)
            .flat_map(|(_, who)| who);
        who.filter_map(|user| self.users.get(user).cloned()).collect()
    }
}

/// `👍` or `name:id`
fn emoji_of(emoji: &str) -> Value {
    match emoji.split_once(':') {
        Some((name, id)) => json!({ "id": id, "name": name, "animated": false }),
        None => json!({ "id": null, "name": emoji }),
    }
}
