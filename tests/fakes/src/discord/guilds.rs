//! Calls about bots, guilds, members and commands.
use super::{
    Bot, BotState, Call, Discord, GuildState, State,
    model::{self, id_of, merge, pick},
    rest::{Answer, id, invalid, refuse, unknown},
};
use serde_json::{Value, json};

/// The reset of the budget of logins, milliseconds from now.
const BUDGET_RESET_MS: u64 = 14_400_000;
/// What a command of an answer has beside what was asked.
const COMMAND: &[&str] = &[
    "name",
    "name_localizations",
    "description",
    "description_localizations",
    "options",
    "type",
    "default_member_permissions",
    "dm_permission",
    "contexts",
    "integration_types",
    "nsfw",
];

impl Discord {
    pub(super) fn act_elsewhere(&self, method: &str, parts: &[&str], call: &Call) -> Answer {
        let gateway = self.gateway();
        let mut state = self.state();
        if parts == ["gateway"] {
            return (200, json!({ "url": gateway }));
        }
        let me = call.bot.unwrap_or_default();
        match (method, parts) {
            ("GET", ["gateway", "bot"]) => {
                let bot = state.of_bot(me);
                let limit = json!({
                    "total": Self::STARTS, "remaining": bot.starts, "reset_after": BUDGET_RESET_MS, "max_concurrency": 1,
                });
                (
                    200,
                    json!({ "url": gateway, "shards": bot.shards, "session_start_limit": limit }),
                )
            }
            ("GET", ["users", "@me"]) => (200, model::me(&state.of_bot(me).bot)),
            ("GET", ["users", "@me", "guilds"]) => (200, state.guilds.iter().map(partial).collect()),
            ("DELETE", ["users", "@me", "guilds", _]) => (204, Value::Null),
            ("POST", ["users", "@me", "channels"]) => {
                let with = id_of(&call.body["recipient_id"]);
                if !state.users.contains_key(&with) {
                    return unknown("User", 10013);
                }
                let channel = state.private_channel(me, with);
                (200, state.shown_channel(channel))
            }
            ("GET", ["users", user]) => match state.users.get(&id(user)) {
                Some(user) => (200, user.clone()),
                None => unknown("User", 10013),
            },
            ("GET", ["applications" | "oauth2", .., "@me"]) => {
                let bot = state.of_bot(me);
                (200, model::application(&bot.bot, bot.forbidden))
            }
            (_, ["applications", application, "commands", rest @ ..]) if id(application) == me => {
                state.act_on_command(method, rest, None, call)
            }
            (
                _,
                [
                    "applications",
                    application,
                    "guilds",
                    guild,
                    "commands",
                    rest @ ..,
                ],
            ) if id(application) == me => state.act_on_command(method, rest, Some(guild), call),
            (_, ["guilds", guild, rest @ ..]) => state.act_on_guild(method, id(guild), rest, call),
            _ => (404, json!({ "message": "404: Not Found", "code": 0 })),
        }
    }
}

fn partial(guild: &GuildState) -> Value {
    let mut partial = pick(&guild.guild, &["id", "name", "icon", "banner", "features"]);
    merge(&mut partial, json!({ "owner": false, "permissions": "8" }));
    partial
}

impl State {
    fn act_on_guild(&mut self, method: &str, guild: u64, parts: &[&str], call: &Call) -> Answer {
        let Some(place) = self.guilds.iter().position(|known| known.id == guild) else {
            return unknown("Guild", 10004);
        };
        let known = &mut self.guilds[place];
        match (method, parts) {
            ("GET", []) => (200, known.guild.clone()),
            ("GET", ["channels"]) => (200, self.channels_of(guild, false).into()),
            ("POST", ["channels"]) => {
                let kind = u8::try_from(call.body["type"].as_u64().unwrap_or(0)).unwrap_or_default();
                let channel =
                    self.add_channel_to(guild, call.body["name"].as_str().unwrap_or_default(), kind);
                let shown = self.channels.get_mut(&channel).expect("it was just made");
                merge(
                    shown,
                    pick(&call.body, &["topic", "parent_id", "nsfw", "rate_limit_per_user"]),
                );
                (201, shown.clone())
            }
            ("PATCH", ["channels"] | ["roles"]) => (204, Value::Null),
            ("GET", ["roles"]) => (200, known.guild["roles"].clone()),
            ("GET", ["emojis" | "stickers"]) => (200, json!([])),
            ("GET", ["threads", "active"]) => {
                let of = guild.to_string();
                let threads = self.threads_of(|thread| {
                    thread["guild_id"] == of.as_str() && thread["thread_metadata"]["archived"] == false
                });
                (
                    200,
                    json!({ "threads": threads, "members": [], "has_more": false }),
                )
            }
            ("GET", ["members"]) => (200, known.members.clone().into()),
            ("GET", ["members", "search"]) => {
                let start = call.query("query").unwrap_or_default().to_lowercase();
                let fits = |member: &&Value| {
                    member["user"]["username"]
                        .as_str()
                        .is_some_and(|name| name.starts_with(&start))
                };
                (200, known.members.iter().filter(fits).cloned().collect())
            }
            ("GET", ["members", user]) => match self.member_of(guild, id(user)) {
                Some(member) => (200, member),
                None => unknown("Member", 10007),
            },
            ("PATCH", ["members", user]) => match self.member_of(guild, id(user)) {
                Some(mut member) => {
                    merge(
                        &mut member,
                        pick(&call.body, &["nick", "communication_disabled_until"]),
                    );
                    (200, member)
                }
                None => unknown("Member", 10007),
            },
            ("PUT" | "DELETE", ["members", user, "roles", role]) => {
                let Some(member) = known
                    .members
                    .iter_mut()
                    .find(|member| member["user"]["id"] == *user)
                else {
                    return unknown("Member", 10007);
                };
                let roles = member["roles"].as_array_mut().expect("members have roles");
                roles.retain(|known| known != role);
                if method == "PUT" {
                    roles.push((*role).into());
                }
                (204, Value::Null)
            }
            ("PUT" | "DELETE", ["bans", _]) | ("DELETE", ["members", _]) => (204, Value::Null),
            ("GET", ["messages", "search"]) => self.search(guild, call),
            _ => (404, json!({ "message": "404: Not Found", "code": 0 })),
        }
    }

    fn search(&self, guild: u64, call: &Call) -> Answer {
        let words = call.query("content").unwrap_or_default().to_lowercase();
        let fits = |message: &&Value| {
            message["content"]
                .as_str()
                .is_some_and(|text| text.to_lowercase().contains(&words))
        };
        let channels = self.channels_of(guild, true);
        let all = channels
            .iter()
            .filter_map(|channel| self.messages.get(&id_of(&channel["id"])))
            .flatten();
        let found: Vec<_> = all.filter(fits).map(|message| json!([message])).collect();
        (
            200,
            json!({ "total_results": found.len(), "messages": found, "doing_deep_historical_index": false, "analytics_id": null }),
        )
    }

    fn act_on_command(&mut self, method: &str, parts: &[&str], guild: Option<&&str>, call: &Call) -> Answer {
        let me = call.bot.unwrap_or_default();
        let place = guild.map_or(Value::Null, |guild| (**guild).into());
        let is_here = |command: &Value| command.get("guild_id").cloned().unwrap_or_default() == place;
        match (method, parts) {
            ("GET", []) => {
                let commands = &self.of_bot(me).commands;
                (
                    200,
                    commands
                        .iter()
                        .filter(|command| is_here(command))
                        .cloned()
                        .collect(),
                )
            }
            ("PUT", []) => {
                let asked = call.body.as_array().cloned().unwrap_or_default();
                if asked.len() > 110 {
                    return refuse(400, 30032, "Maximum number of application commands reached (100)");
                }
                let made: Vec<_> = asked
                    .iter()
                    .map(|command| self.command(me, command, &place))
                    .collect();
                let commands = &mut self.of_bot(me).commands;
                commands.retain(|command| !is_here(command));
                commands.extend(made.iter().cloned());
                (200, made.into())
            }
            ("POST", []) => {
                let made = self.command(me, &call.body, &place);
                let commands = &mut self.of_bot(me).commands;
                let is_new = commands
                    .iter()
                    .all(|command| !(is_here(command) && command["name"] == made["name"]));
                commands.retain(|command| !(is_here(command) && command["name"] == made["name"]));
                commands.push(made.clone());
                (if is_new { 201 } else { 200 }, made)
            }
            (_, [command]) => {
                let commands = &mut self.of_bot(me).commands;
                let Some(place) = commands.iter().position(|known| known["id"] == *command) else {
                    return unknown("Application Command", 10063);
                };
                match method {
                    "GET" => (200, commands[place].clone()),
                    "DELETE" => {
                        commands.remove(place);
                        (204, Value::Null)
                    }
                    "PATCH" => {
                        merge(&mut commands[place], pick(&call.body, COMMAND));
                        (200, commands[place].clone())
                    }
                    _ => invalid("there is no such method"),
                }
            }
            _ => (404, json!({ "message": "404: Not Found", "code": 0 })),
        }
    }

    fn command(&mut self, bot: u64, asked: &Value, guild: &Value) -> Value {
        let id = self.new_id().to_string();
        let mut made = json!({
            "id": id, "application_id": bot.to_string(), "version": id, "default_member_permissions": null, "type": 1,
            "name_localizations": null, "description": "", "description_localizations": null, "dm_permission": true,
            "contexts": null, "integration_types": [0], "nsfw": false,
        });
        merge(&mut made, pick(asked, COMMAND));
        if guild.is_string() {
            made["guild_id"] = guild.clone();
        }
        made
    }

    pub(super) fn change_channel(&mut self, channel: u64, body: &Value) -> Answer {
        let known = self.channels.get_mut(&channel).expect("who calls has looked");
        let fields = pick(
            body,
            &[
                "name",
                "topic",
                "position",
                "parent_id",
                "nsfw",
                "rate_limit_per_user",
            ],
        );
        merge(known, fields);
        if known["thread_metadata"].is_object() {
            merge(
                &mut known["thread_metadata"],
                pick(body, &["archived", "locked", "auto_archive_duration"]),
            );
        }
        let (event, known) = match known["thread_metadata"].is_object() {
            true => ("THREAD_UPDATE", known.clone()),
            false => ("CHANNEL_UPDATE", known.clone()),
        };
        self.tell(None, event, known.clone());
        (200, known)
    }

    pub(super) fn remove_channel(&mut self, channel: u64) -> Answer {
        let known = self.channels.remove(&channel).expect("who calls has looked");
        let event = match known["thread_metadata"].is_object() {
            true => "THREAD_DELETE",
            false => "CHANNEL_DELETE",
        };
        self.tell(None, event, known.clone());
        (200, known)
    }

    /// The state of a bot that is known.
    pub(super) fn of_bot(&mut self, id: u64) -> &mut BotState {
        let found = self.bots.iter_mut().find(|bot| bot.bot.id == id);
        found.expect("bots are never removed")
    }

    pub(super) fn member_of(&self, guild: u64, user: u64) -> Option<Value> {
        let user = user.to_string();
        let guild = self.guilds.iter().find(|known| known.id == guild)?;
        let member = guild
            .members
            .iter()
            .find(|member| member["user"]["id"] == user.as_str());
        member.cloned()
    }

    /// A bot is in a guild, with a role of its own.
    pub(super) fn enrol(&mut self, place: usize, bot: &Bot) {
        let role = self.new_id();
        let guild = &mut self.guilds[place];
        let roles = guild.guild["roles"].as_array_mut().expect("guilds have roles");
        roles.push(model::role(role, &bot.name, Some(bot.id)));
        guild
            .members
            .push(model::member(model::bot_user(bot.id, &bot.name), &[role]));
    }

    /// What `GUILD_CREATE` says of a guild.
    pub(super) fn guild_create(&self, guild: u64, bot: u64) -> Value {
        let known = self
            .guilds
            .iter()
            .find(|known| known.id == guild)
            .expect("guilds are never removed");
        let (channels, of) = (self.channels_of(guild, false), guild.to_string());
        let me: Vec<_> = self.member_of(guild, bot).into_iter().collect();
        let mut created = known.guild.clone();
        merge(
            &mut created,
            json!({
                "joined_at": model::now(), "large": false, "unavailable": false, "member_count": known.members.len(),
                "voice_states": [], "members": me, "channels": channels, "presences": [], "stage_instances": [],
                "guild_scheduled_events": [], "soundboard_sounds": [],
                "threads": self.threads_of(|thread| thread["guild_id"] == of.as_str()),
            }),
        );
        created
    }

    fn channels_of(&self, guild: u64, with_threads: bool) -> Vec<Value> {
        let of = guild.to_string();
        let mine = |channel: &&Value| {
            channel["guild_id"] == of.as_str() && (with_threads || channel["thread_metadata"].is_null())
        };
        let mut found: Vec<_> = self.channels.values().filter(mine).cloned().collect();
        found.sort_by_key(|channel| id_of(&channel["id"]));
        found
    }

    pub(super) fn add_channel_to(&mut self, guild: u64, name: &str, kind: u8) -> u64 {
        let id = self.new_id();
        let position = self.channels_of(guild, false).len();
        let channel = model::guild_channel(id, guild, name, kind, position);
        self.channels.insert(id, channel.clone());
        self.tell(None, "CHANNEL_CREATE", channel);
        id
    }

    /// A channel as it is answered: who reads it is the fake's own business.
    pub(super) fn shown_channel(&self, channel: u64) -> Value {
        let mut shown = self.channels[&channel].clone();
        shown
            .as_object_mut()
            .expect("channels are objects")
            .remove("members");
        shown
    }

    /// The private channel of a bot and somebody; it is made where there is none.
    pub(super) fn private_channel(&mut self, bot: u64, with: u64) -> u64 {
        let members = json!([bot, with]);
        let known = self
            .channels
            .iter()
            .find(|(_, channel)| channel["members"] == members);
        if let Some((id, _)) = known {
            return *id;
        }
        let id = self.new_id();
        let other = self.users.get(&with).cloned().unwrap_or_default();
        let mut channel = model::private_channel(id, 1, vec![other]);
        channel["members"] = members;
        self.channels.insert(id, channel);
        id
    }
}
