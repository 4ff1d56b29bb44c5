//! Commands that people give, and what they press; and a bot's answers to that.
use super::{
    Bot, Call, Discord, Person, State,
    messages::check_content,
    model::{self, id_of, merge, pick},
    rest::{Answer, id, invalid, refuse, unknown},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// An interaction that is not answered in this time fails.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// An interaction.
#[derive(Debug)]
pub(super) struct Open {
    token: String,
    bot: u64,
    channel: u64,
    kind: u8,
    since: Instant,
    /// Type of the answer.
    answered: Option<u64>,
    answer: Value,
    /// The message that its button is under, or the answer.
    message: Option<u64>,
}

impl Discord {
    /// Somebody gives a bot a command with options: `[{"name": …, "type": 3, "value": …}]`. Gives the interaction's id.
    pub fn slash(&self, bot: &Bot, channel: u64, from: Person, name: &str, options: Value) -> u64 {
        let command = {
            let mut state = self.state();
            let commands = &state.of_bot(bot.id).commands;
            commands
                .iter()
                .find(|command| command["name"] == name)
                .map(|command| command["id"].clone())
        };
        let id = command.unwrap_or_else(|| "1".into());
        let data = json!({ "id": id, "name": name, "type": 1, "options": options });
        self.interact(bot, channel, from, 2, data, None)
    }

    /// Somebody types an option of a command; the option has `"focused": true`. Gives the interaction's id.
    pub fn autocomplete(&self, bot: &Bot, channel: u64, from: Person, name: &str, options: Value) -> u64 {
        let data = json!({ "id": "1", "name": name, "type": 1, "options": options });
        self.interact(bot, channel, from, 4, data, None)
    }

    /// Somebody presses a button under a message of a bot. Gives the interaction's id.
    pub fn press(&self, bot: &Bot, channel: u64, from: Person, under: u64, custom_id: &str) -> u64 {
        let data = json!({ "custom_id": custom_id, "component_type": 2, "id": 2 });
        self.interact(bot, channel, from, 3, data, Some(under))
    }

    /// Somebody chooses under a message of a bot. Gives the interaction's id.
    pub fn choose(
        &self,
        bot: &Bot,
        channel: u64,
        from: Person,
        under: u64,
        custom_id: &str,
        values: &[&str],
    ) -> u64 {
        let data = json!({ "custom_id": custom_id, "component_type": 3, "values": values, "id": 2 });
        self.interact(bot, channel, from, 3, data, Some(under))
    }

    /// Somebody fills in a form: texts by the ids of its fields. Gives the interaction's id.
    pub fn submit(
        &self,
        bot: &Bot,
        channel: u64,
        from: Person,
        custom_id: &str,
        fields: &[(&str, &str)],
    ) -> u64 {
        let row = |(id, value): &(&str, &str)| json!({ "type": 1, "id": 1, "components": [{ "type": 4, "id": 2, "custom_id": id, "value": value }] });
        let rows: Vec<_> = fields.iter().map(row).collect();
        self.interact(
            bot,
            channel,
            from,
            5,
            json!({ "custom_id": custom_id, "components": rows }),
            None,
        )
    }

    /// Any interaction. Gives its id.
    pub fn interact(
        &self,
        bot: &Bot,
        channel: u64,
        from: Person,
        kind: u8,
        data: Value,
        under: Option<u64>,
    ) -> u64 {
        let mut state = self.state();
        let number = state.new_id();
        let token = format!("token-of-{number}");
        let shown = state.shown_channel(channel);
        let mut event = json!({
            "id": number.to_string(), "application_id": bot.id.to_string(), "type": kind, "data": data, "version": 1,
            "token": token, "channel_id": channel.to_string(), "channel": shown, "locale": "en-US",
            "app_permissions": "2248473465835073", "entitlements": [], "attachment_size_limit": 10_485_760,
            "authorizing_integration_owners": {}, "context": 1,
        });
        let user = from.user();
        state.users.entry(from.id).or_insert_with(|| user.clone());
        match shown.get("guild_id") {
            Some(guild) => {
                let mut member = state
                    .member_of(id_of(guild), from.id)
                    .unwrap_or_else(|| model::member(user, &[]));
                member["permissions"] = "2248473465835073".into();
                let context = json!({
                    "guild_id": guild, "guild": { "id": guild, "locale": "en-US", "features": [] },
                    "guild_locale": "en-US", "member": member, "context": 0,
                });
                merge(&mut event, context);
            }
            None => event["user"] = user,
        }
        if let Some(under) = under {
            event["message"] = state.message(channel, under).cloned().unwrap_or_default();
        }
        let open = Open {
            token,
            bot: bot.id,
            channel,
            kind,
            since: Instant::now(),
            answered: None,
            answer: Value::Null,
            message: under,
        };
        state.interactions.insert(number, open);
        state.tell(Some(bot.id), "INTERACTION_CREATE", event);
        number
    }

    /// What a bot answered to an interaction so far: its type and its data.
    pub fn answer(&self, interaction: u64) -> Option<(u64, Value)> {
        let state = self.state();
        let open = state.interactions.get(&interaction)?;
        Some((open.answered?, open.answer.clone()))
    }

    pub(super) fn act_on_interaction(&self, method: &str, parts: &[&str], call: &Call) -> Answer {
        let root = self.root();
        let mut state = self.state();
        match (method, parts) {
            ("POST", ["interactions", number, token, "callback"]) => {
                let number = id(number);
                match state.interactions.get(&number) {
                    Some(open) if open.token != *token || open.since.elapsed() > MAX_WAIT => {
                        state.complaints.push(format!(
                            "interaction {number}: its token is wrong or it is too late"
                        ));
                        unknown("interaction", 10062)
                    }
                    // no complaint: a bot that takes up its session is told of one again
                    Some(open) if open.answered.is_some() => {
                        refuse(400, 40060, "Interaction has already been acknowledged.")
                    }
                    Some(_) => state.call_back(&root, number, call),
                    None => unknown("interaction", 10062),
                }
            }
            (_, ["webhooks", application, token, rest @ ..]) => {
                let fits = |open: &&Open| {
                    open.bot == id(application) && open.token == *token && open.answered.is_some()
                };
                let found = state
                    .interactions
                    .iter()
                    .find(|(_, open)| fits(open))
                    .map(|(number, _)| *number);
                match found {
                    Some(number) => state.follow_up(&root, method, number, rest, call),
                    None => unknown("Webhook", 10015),
                }
            }
            _ => (404, json!({ "message": "404: Not Found", "code": 0 })),
        }
    }
}

impl State {
    fn call_back(&mut self, root: &str, number: u64, call: &Call) -> Answer {
        let kind = call.body["type"].as_u64().unwrap_or_default();
        let data = &call.body["data"];
        let open = &self.interactions[&number];
        let fits = match open.kind {
            2 => matches!(kind, 4 | 5 | 9 | 12),
            3 | 5 => matches!(kind, 4..=7 | 9 | 12),
            4 => kind == 8,
            _ => false,
        };
        if !fits {
            return invalid("this answer does not fit the interaction");
        }
        if matches!(kind, 4)
            && let Err(answer) = check_content(data, call.files.len())
        {
            return answer;
        }
        let (channel, under) = (open.channel, open.message);
        if kind == 7
            && let Some(under) = under
        {
            let fields = pick(data, &["content", "embeds", "components", "flags"]);
            let _ = self.change(channel, under, |message| merge(message, fields));
        }
        let message = match kind {
            4 | 5 => self.post(root, number, data, call, kind == 5),
            _ => None,
        };
        let open = self.interactions.get_mut(&number).expect("it was found");
        open.answered = Some(kind);
        open.answer = data.clone();
        open.message = message.or(open.message);
        (204, Value::Null)
    }

    /// A message that answers an interaction; nobody but its author sees one that is ephemeral. Gives its id.
    fn post(&mut self, root: &str, number: u64, data: &Value, call: &Call, is_loading: bool) -> Option<u64> {
        let (channel, bot) = (self.interactions[&number].channel, self.interactions[&number].bot);
        let call = Call {
            body: data.clone(),
            ..call.clone()
        };
        let mut message = self.compose(channel, bot, &call).ok()?;
        message["type"] = 20.into();
        message["application_id"] = bot.to_string().into();
        message["webhook_id"] = bot.to_string().into();
        if is_loading {
            message["flags"] = (message["flags"].as_u64().unwrap_or(0) | 1 << 7).into();
        }
        self.keep_files(root, &mut message, &call);
        let id = id_of(&message["id"]);
        if message["flags"].as_u64().unwrap_or(0) & 1 << 6 != 0 {
            self.messages.entry(channel).or_default().push_back(message);
        } else {
            self.publish(channel, message);
        }
        Some(id)
    }

    fn follow_up(&mut self, root: &str, method: &str, number: u64, parts: &[&str], call: &Call) -> Answer {
        let open = &self.interactions[&number];
        let channel = open.channel;
        let which = match parts {
            ["messages", "@original"] => open.message,
            ["messages", message] => Some(id(message)),
            _ => None,
        };
        let found = which.filter(|message| self.message(channel, *message).is_some());
        match (method, parts) {
            ("POST", []) => {
                if let Err(answer) = check_content(&call.body, call.files.len()) {
                    return answer;
                }
                let made = self.post(root, number, &call.body, call, false);
                let message = made.and_then(|id| self.message(channel, id)).cloned();
                message.map_or_else(|| invalid("Unknown message"), |message| (200, message))
            }
            (_, ["messages", _]) if found.is_none() => unknown("Message", 10008),
            ("GET", ["messages", _]) => (
                200,
                self.message(channel, found.unwrap_or_default())
                    .cloned()
                    .unwrap_or_default(),
            ),
            ("PATCH", ["messages", _]) => {
                if let Err(answer) = check_content(&call.body, call.files.len()) {
                    return answer;
                }
                let message = found.unwrap_or_default();
                let fields = pick(&call.body, &["content", "embeds", "components"]);
                let _ = self.change(channel, message, |message| {
                    merge(message, fields);
                    // the answer is not being thought of any more
                    message["flags"] = (message["flags"].as_u64().unwrap_or(0) & !(1 << 7)).into();
                });
                let mut whole = self.message(channel, message).cloned().unwrap_or_default();
                self.keep_files(root, &mut whole, call);
                let attachments = whole["attachments"].clone();
                let _ = self.change(channel, message, |message| message["attachments"] = attachments);
                (200, whole)
            }
            ("DELETE", ["messages", _]) => self.forget(channel, found.unwrap_or_default()),
            _ => (404, json!({ "message": "404: Not Found", "code": 0 })),
        }
    }
}
