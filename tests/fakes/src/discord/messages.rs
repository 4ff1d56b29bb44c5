//! Calls about channels and what stands in them.
use super::{
    Call, Discord, State,
    model::{self, id_of, merge, pick},
    rest::{Answer, id, invalid, refuse, unknown},
};
use serde_json::{Value, json};

/// Messages that are kept of a channel.
const MAX_MESSAGES: usize = 20_000;
/// Longest text of a bot, characters.
const TEXT_LIMIT: usize = 2_000;
/// Kinds of channels that nobody writes in: categories, directories, forums.
const WITHOUT_TEXT: [u64; 4] = [4, 14, 15, 16];

impl Discord {
    pub(super) fn act_on_channel(&self, method: &str, parts: &[&str], call: &Call) -> Answer {
        let mut state = self.state();
        let channel = id(parts[1]);
        if !state.channels.contains_key(&channel) {
            return unknown("Channel", 10003);
        }
        let me = call.bot.unwrap_or_default();
        if !state.may_read(me, channel) {
            return refuse(403, 50001, "Missing Access");
        }
        match (method, &parts[2..]) {
            ("GET", []) => (200, state.shown_channel(channel)),
            ("PATCH", []) => state.change_channel(channel, &call.body),
            ("DELETE", []) => state.remove_channel(channel),
            ("POST", ["typing"]) => (204, Value::Null),
            ("POST", ["messages"]) => self.create(&mut state, channel, call),
            ("GET", ["messages"]) => state.read(channel, call),
            ("POST", ["messages", "bulk-delete"]) => {
                for message in call.body["messages"].as_array().into_iter().flatten() {
                    state.forget(channel, id_of(message));
                }
                (204, Value::Null)
            }
            ("GET", ["messages", "pins"]) => {
                let items = state.pinned(channel);
                let items: Vec<_> = items
                    .map(|message| json!({ "pinned_at": model::now(), "message": message }))
                    .collect();
                (200, json!({ "items": items, "has_more": false }))
            }
            ("GET", ["pins"]) => (200, state.pinned(channel).cloned().collect()),
            ("PUT" | "DELETE", ["pins", message] | ["messages", "pins", message]) => {
                state.change(channel, id(message), |message| {
                    message["pinned"] = (method == "PUT").into()
                })
            }
            ("GET", ["messages", message]) => match state.message(channel, id(message)) {
                Some(message) => (200, message.clone()),
                None => unknown("Message", 10008),
            },
            ("PATCH", ["messages", message]) => state.edit(channel, id(message), me, call),
            ("DELETE", ["messages", message]) => state.forget(channel, id(message)),
            ("PUT", ["messages", message, "reactions", emoji, "@me"]) => {
                state.add_reaction(channel, id(message), me, emoji)
            }
            ("DELETE", ["messages", message, "reactions", emoji, "@me"]) => {
                state.remove_reaction(channel, id(message), me, emoji)
            }
            ("DELETE", ["messages", message, "reactions", emoji, user]) => {
                state.remove_reaction(channel, id(message), id(user), emoji)
            }
            ("DELETE", ["messages", message, "reactions", ..]) => {
                state.reactions.remove(&id(message));
                state.change(channel, id(message), |message| message["reactions"] = json!([]))
            }
            ("GET", ["messages", message, "reactions", emoji]) => match state.message(channel, id(message)) {
                Some(_) => (200, state.who_reacted(id(message), emoji)),
                None => unknown("Message", 10008),
            },
            (_, rest) => state.act_on_thread(method, channel, rest, call),
        }
    }

    /// A new message; the same again for the same nonce.
    fn create(&self, state: &mut State, channel: u64, call: &Call) -> Answer {
        let body = &call.body;
        let me = call.bot.unwrap_or_default();
        if state.channels[&channel]["type"]
            .as_u64()
            .is_some_and(|kind| WITHOUT_TEXT.contains(&kind))
        {
            return refuse(400, 50008, "Cannot send messages in a non-text channel");
        }
        if state.channels[&channel]["thread_metadata"]["locked"] == true {
            return refuse(400, 50083, "Thread is archived");
        }
        let nonce = match &body["nonce"] {
            Value::Null => None,
            Value::String(nonce) => Some(nonce.clone()),
            other => Some(other.to_string()),
        };
        if body["enforce_nonce"] == true
            && let Some(nonce) = &nonce
            && let Some(known) = state.nonces.get(&(channel, me, nonce.clone()))
        {
            return match state.message(channel, *known) {
                Some(message) => (200, message.clone()),
                None => unknown("Message", 10008),
            };
        }
        if let Err(answer) = check_content(body, call.files.len()) {
            return answer;
        }
        let mut message = match state.compose(channel, me, call) {
            Ok(message) => message,
            Err(answer) => return answer,
        };
        if let Some(nonce) = nonce {
            message["nonce"] = body["nonce"].clone();
            state.nonces.insert((channel, me, nonce), id_of(&message["id"]));
        }
        let root = self.root();
        state.keep_files(&root, &mut message, call);
        state.publish(channel, message.clone());
        (200, message)
    }
}

/// Would Discord take what is in a message?
pub(super) fn check_content(body: &Value, files: usize) -> Result<(), Answer> {
    let text = body["content"].as_str().unwrap_or_default();
    if text.chars().count() > TEXT_LIMIT {
        return Err(invalid("Must be 2000 or fewer in length."));
    }
    let has = |field: &str| body[field].as_array().is_some_and(|list| !list.is_empty());
    let is_empty = text.trim().is_empty()
        && files == 0
        && !["embeds", "sticker_ids", "components", "attachments"].iter().any(|field| has(field))
        && body["poll"].is_null()
        // a forwarded message has nothing of its own
        && body["message_reference"]["type"] != 1;
    if is_empty {
        return Err(refuse(400, 50006, "Cannot send an empty message"));
    }
    let listed = body["attachments"].as_array().map_or(0, Vec::len);
    if listed < files && listed > 0 {
        return Err(invalid(
            "each file of a form is named in `attachments`, or none is",
        ));
    }
    Ok(())
}

impl State {
    pub(super) fn message(&self, channel: u64, message: u64) -> Option<&Value> {
        let id = message.to_string();
        self.messages
            .get(&channel)?
            .iter()
            .rev()
            .find(|message| message["id"] == id.as_str())
    }

    pub(super) fn message_mut(&mut self, channel: u64, message: u64) -> Option<&mut Value> {
        let id = message.to_string();
        self.messages
            .get_mut(&channel)?
            .iter_mut()
            .rev()
            .find(|message| message["id"] == id.as_str())
    }

    /// A message of a bot from the body of a call.
    pub(super) fn compose(&mut self, channel: u64, author: u64, call: &Call) -> Result<Value, Answer> {
        let body = &call.body;
        let user = self.users.get(&author).cloned().unwrap_or_default();
        let id = self.new_id();
        let mut message = model::message(id, channel, &user, body["content"].as_str().unwrap_or_default());
        let fields = pick(body, &["tts", "flags", "components", "poll"]);
        merge(&mut message, fields);
        number_components(&mut message["components"], &mut 1);
        for embed in body["embeds"].as_array().into_iter().flatten() {
            let mut embed = embed.clone();
            embed["type"] = "rich".into();
            message["embeds"]
                .as_array_mut()
                .expect("it was just made")
                .push(embed);
        }
        if body["flags"].is_null() {
            message["flags"] = 0.into();
        }
        self.mention(&mut message);
        let reference = &body["message_reference"];
        if reference.is_object() {
            let place = match id_of(&reference["channel_id"]) {
                0 => channel,
                other => other,
            };
            let found = self.message(place, id_of(&reference["message_id"])).cloned();
            match found {
                Some(found) if reference["type"] == 1 => {
                    message["message_snapshots"] = json!([{ "message": pick(&found, &["content", "embeds", "attachments", "timestamp", "edited_timestamp", "flags", "type", "mentions", "mention_roles", "components"]) }]);
                }
                Some(found) => {
                    message["type"] = 19.into();
                    message["referenced_message"] = found;
                }
                None if reference["fail_if_not_exists"] == false => {}
                None => return Err(invalid("Unknown message")),
            }
            if message["type"] == 19 || reference["type"] == 1 {
                message["message_reference"] = json!({
                    "type": reference["type"].as_u64().unwrap_or(0), "channel_id": place.to_string(),
                    "message_id": reference["message_id"],
                });
                if let Some(guild) = self.channels[&channel].get("guild_id") {
                    message["message_reference"]["guild_id"] = guild.clone();
                }
            }
        }
        Ok(message)
    }

    /// Keeps the files of a call and names them in the message.
    pub(super) fn keep_files(&mut self, root: &str, message: &mut Value, call: &Call) {
        let channel = message["channel_id"].as_str().unwrap_or_default().to_owned();
        for (place, (_, name, content)) in call.files.iter().enumerate() {
            let described = call.body["attachments"][place]["description"].clone();
            let mut attachment = self.keep_file(root, &channel, name, content);
            if described.is_string() {
                attachment["description"] = described;
            }
            message["attachments"]
                .as_array_mut()
                .expect("messages have a list")
                .push(attachment);
        }
    }

    /// Keeps a file; gives the attachment.
    pub(super) fn keep_file(&mut self, root: &str, channel: &str, name: &str, content: &[u8]) -> Value {
        let id = self.new_id();
        let path = format!("{channel}/{id}/{name}");
        let url = format!("{root}/attachments/{path}");
        self.files.insert(path, content.to_vec());
        json!({ "id": id.to_string(), "filename": name, "size": content.len(), "url": url, "proxy_url": url })
    }

    /// Fills in who is mentioned, by the text.
    pub(super) fn mention(&self, message: &mut Value) {
        let text = message["content"].as_str().unwrap_or_default().to_owned();
        let (mut users, mut roles) = (Vec::new(), Vec::new());
        for part in text.split('<').skip(1) {
            let Some((inside, _)) = part.split_once('>') else {
                continue;
            };
            if let Some(role) = inside.strip_prefix("@&") {
                roles.push(Value::from(role));
            } else if let Some(user) = inside.strip_prefix('@') {
                users.extend(self.users.get(&id(user.trim_start_matches('!'))).cloned());
            }
        }
        message["mentions"] = users.into();
        message["mention_roles"] = roles.into();
    }

    /// Puts a message in its channel and tells of it, with what only events say.
    pub(super) fn publish(&mut self, channel: u64, message: Value) {
        let mut event = message.clone();
        if let Some(guild) = self.channels[&channel].get("guild_id").cloned() {
            if let Some(mut member) = self.member_of(id_of(&guild), id_of(&message["author"]["id"])) {
                member
                    .as_object_mut()
                    .expect("members are objects")
                    .remove("user");
                event["member"] = member;
            }
            event["guild_id"] = guild;
        }
        event["channel_type"] = self.channels[&channel]["type"].clone();
        let kept = self.messages.entry(channel).or_default();
        if kept.len() >= MAX_MESSAGES {
            kept.pop_front();
        }
        kept.push_back(message.clone());
        self.channels.get_mut(&channel).expect("it is there")["last_message_id"] = message["id"].clone();
        self.tell(None, "MESSAGE_CREATE", event);
    }

    /// Changes a message and tells of it.
    pub(super) fn change(&mut self, channel: u64, message: u64, change: impl FnOnce(&mut Value)) -> Answer {
        let Some(found) = self.message_mut(channel, message) else {
            return unknown("Message", 10008);
        };
        change(found);
        let mut event = found.clone();
        if let Some(guild) = self.channels[&channel].get("guild_id") {
            event["guild_id"] = guild.clone();
        }
        self.tell(None, "MESSAGE_UPDATE", event);
        (204, Value::Null)
    }

    fn edit(&mut self, channel: u64, message: u64, me: u64, call: &Call) -> Answer {
        let Some(found) = self.message(channel, message) else {
            return unknown("Message", 10008);
        };
        if found["author"]["id"] != me.to_string().as_str() {
            return refuse(403, 50005, "Cannot edit a message authored by another user");
        }
        let mut whole = found.clone();
        merge(
            &mut whole,
            pick(&call.body, &["content", "embeds", "components", "attachments"]),
        );
        if let Err(answer) = check_content(&whole, call.files.len()) {
            return answer;
        }
        let mut fields = pick(
            &call.body,
            &["content", "embeds", "flags", "components", "attachments"],
        );
        if fields["attachments"].is_null() {
            fields
                .as_object_mut()
                .expect("it was just made")
                .remove("attachments");
        }
        let (status, answer) = self.change(channel, message, |message| {
            merge(message, fields);
            number_components(&mut message["components"], &mut 1);
            message["edited_timestamp"] = model::now().into();
        });
        match self.message(channel, message) {
            Some(message) => (200, message.clone()),
            None => (status, answer),
        }
    }

    pub(super) fn forget(&mut self, channel: u64, message: u64) -> Answer {
        let id = message.to_string();
        let messages = self.messages.entry(channel).or_default();
        let Some(place) = messages.iter().position(|message| message["id"] == id.as_str()) else {
            return unknown("Message", 10008);
        };
        messages.remove(place);
        let mut event = json!({ "id": id, "channel_id": channel.to_string() });
        if let Some(guild) = self.channels[&channel].get("guild_id") {
            event["guild_id"] = guild.clone();
        }
        self.tell(None, "MESSAGE_DELETE", event);
        (204, Value::Null)
    }

    fn read(&self, channel: u64, call: &Call) -> Answer {
        let number = |name: &str| call.query(name).and_then(|value| value.parse::<u64>().ok());
        let limit = usize::try_from(number("limit").unwrap_or(50)).unwrap_or(usize::MAX);
        if !(1..=100).contains(&limit) {
            return invalid("limit is from 1 to 100");
        }
        let all = self.messages.get(&channel).into_iter().flatten();
        let mut found: Vec<_> = all.cloned().collect();
        let id = |message: &Value| id_of(&message["id"]);
        if let Some(before) = number("before") {
            found.retain(|message| id(message) < before);
        }
        if let Some(after) = number("after") {
            found.retain(|message| id(message) > after);
            found.truncate(limit);
        }
        if let Some(around) = number("around") {
            let middle = found
                .iter()
                .position(|message| id(message) >= around)
                .unwrap_or(found.len());
            found.truncate(middle + limit / 2 + 1);
        }
        found.reverse();
        found.truncate(limit);
        (200, found.into())
    }

    fn pinned(&self, channel: u64) -> impl Iterator<Item = &Value> {
        let all = self.messages.get(&channel).into_iter().flatten();
        all.filter(|message| message["pinned"] == true)
    }

    pub(super) fn may_read(&self, bot: u64, channel: u64) -> bool {
        let members = self
            .channels
            .get(&channel)
            .and_then(|channel| channel["members"].as_array());
        members.is_none_or(|members| members.iter().any(|member| member.as_u64() == Some(bot)))
    }
}

/// Answers number the components that have no number.
fn number_components(components: &mut Value, next: &mut u64) {
    for component in components.as_array_mut().into_iter().flatten() {
        if component["id"].is_null() {
            component["id"] = (*next).into();
        }
        *next += 1;
        number_components(&mut component["components"], next);
        if component["components"].is_null() {
            component
                .as_object_mut()
                .expect("components are objects")
                .remove("components");
        }
    }
}
