//! What people do: guilds, channels, messages and reactions.
use super::{
    Bot, Discord, GuildState, State,
    model::{self, id_of, merge},
};
use serde_json::{Value, json};

/// Somebody with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Stable id.
    pub id: u64,
    /// Name that is shown; in lower case the name of the account.
    pub name: &'static str,
}

impl Person {
    /// The user object.
    pub fn user(self) -> Value {
        model::user(self.id, self.name)
    }
}

impl Discord {
    /// A new guild with this name; all bots are in it.
    pub fn guild(&self, name: &str) -> u64 {
        let mut state = self.state();
        let id = state.new_id();
        state.guilds.push(GuildState {
            id,
            guild: model::guild(id, name),
            members: Vec::new(),
        });
        let bots: Vec<_> = state.bots.iter().map(|bot| bot.bot.clone()).collect();
        let place = state.guilds.len() - 1;
        for bot in bots {
            state.enrol(place, &bot);
            let created = state.guild_create(id, bot.id);
            state.tell(Some(bot.id), "GUILD_CREATE", created);
        }
        id
    }

    /// A new channel for texts.
    pub fn channel(&self, guild: u64, name: &str) -> u64 {
        self.channel_of_kind(guild, name, 0)
    }

    /// A new channel: 0 text, 2 voice, 4 category, 5 announcements, 15 forum.
    pub fn channel_of_kind(&self, guild: u64, name: &str, kind: u8) -> u64 {
        self.state().add_channel_to(guild, name, kind)
    }

    /// Permissions that everybody has, or lacks, in a channel; bits as Discord counts them.
    pub fn overwrite(&self, channel: u64, allow: u64, deny: u64) {
        let mut state = self.state();
        let known = state.channels.get_mut(&channel).expect("a channel");
        let everyone = known["guild_id"].clone();
        known["permission_overwrites"] = json!([
            { "id": everyone, "type": 0, "allow": allow.to_string(), "deny": deny.to_string() }
        ]);
    }

    /// Somebody opens a thread in a channel.
    pub fn thread(&self, parent: u64, from: Person, name: &str) -> u64 {
        let mut state = self.state();
        let id = state.new_id();
        let (status, answer) = state.create_thread(id, parent, 11, from.id, &json!({ "name": name }));
        assert_eq!(status, 201, "{answer}");
        id
    }

    /// A private channel of a bot with several people.
    pub fn group(&self, bot: &Bot, people: &[Person]) -> u64 {
        let mut state = self.state();
        let id = state.new_id();
        let mut channel = model::private_channel(id, 3, people.iter().map(|person| person.user()).collect());
        let members: Vec<_> = people.iter().map(|person| person.id).chain([bot.id]).collect();
        merge(
            &mut channel,
            json!({ "name": null, "icon": null, "owner_id": people[0].id.to_string(), "members": members }),
        );
        state.channels.insert(id, channel);
        id
    }

    /// The private channel of a bot and somebody.
    pub fn private(&self, bot: &Bot, with: Person) -> u64 {
        let mut state = self.state();
        state.users.entry(with.id).or_insert_with(|| with.user());
        state.private_channel(bot.id, with.id)
    }

    /// A new role in a guild.
    pub fn role(&self, guild: u64, name: &str) -> u64 {
        let mut state = self.state();
        let id = state.new_id();
        let found = state.of_guild(guild);
        let roles = found.guild["roles"].as_array_mut().expect("guilds have roles");
        roles.push(model::role(id, name, None));
        id
    }

    /// The role that a bot has of itself in a guild.
    pub fn role_of(&self, guild: u64, bot: &Bot) -> u64 {
        let mut state = self.state();
        let roles = state.of_guild(guild).guild["roles"].clone();
        let mine = |role: &&Value| role["tags"]["bot_id"] == bot.id.to_string().as_str();
        roles
            .as_array()
            .into_iter()
            .flatten()
            .find(mine)
            .map_or(0, |role| id_of(&role["id"]))
    }

    /// Somebody is in a guild, with roles.
    pub fn join(&self, guild: u64, person: Person, roles: &[u64]) {
        let mut state = self.state();
        state.users.insert(person.id, person.user());
        let id = person.id.to_string();
        let members = &mut state.of_guild(guild).members;
        members.retain(|member| member["user"]["id"] != id.as_str());
        members.push(model::member(person.user(), roles));
    }

    /// Somebody writes to the first bot in private; gives the message's id.
    pub fn dm(&self, from: Person, text: &str) -> u64 {
        let channel = self.private(&self.bot(), from);
        self.say(channel, from, text)
    }

    /// Somebody writes in a channel or thread; gives the message's id.
    pub fn say(&self, channel: u64, from: Person, text: &str) -> u64 {
        self.message(channel, from.user(), json!({ "content": text }))
    }

    /// Somebody answers to a message.
    pub fn reply(&self, channel: u64, from: Person, to: u64, text: &str) -> u64 {
        let referenced = self.state().message(channel, to).cloned().unwrap_or_default();
        let reference = json!({ "type": 0, "channel_id": channel.to_string(), "message_id": to.to_string() });
        let content = json!({
            "content": text, "type": 19, "message_reference": reference, "referenced_message": referenced,
        });
        self.message(channel, from.user(), content)
    }

    /// Any message: the fields of `content` are its own, and mentions are found in its text. Gives its id.
    pub fn message(&self, channel: u64, author: Value, content: Value) -> u64 {
        let mut state = self.state();
        let author_id = id_of(&author["id"]);
        state.users.entry(author_id).or_insert_with(|| author.clone());
        let id = state.new_id();
        let mut message = model::message(
            id,
            channel,
            &author,
            content["content"].as_str().unwrap_or_default(),
        );
        state.mention(&mut message);
        merge(&mut message, content);
        if let Some(named) = message.get("id") {
            let id = id_of(named);
            state.publish(channel, message);
            return id;
        }
        state.publish(channel, message);
        id
    }

    /// A file for a message's `attachments`.
    pub fn attachment(&self, name: &str, kind: &str, bytes: &[u8]) -> Value {
        let root = self.root();
        let mut attachment = self.state().keep_file(&root, "1", name, bytes);
        attachment["content_type"] = kind.into();
        attachment
    }

    /// Somebody changes a message.
    pub fn edit(&self, channel: u64, message: u64, text: &str) {
        let _ = self.state().change(channel, message, |message| {
            message["content"] = text.into();
            message["edited_timestamp"] = model::now().into();
        });
    }

    /// Somebody takes a message back.
    pub fn delete(&self, channel: u64, message: u64) {
        let _ = self.state().forget(channel, message);
    }

    /// Somebody reacts to a message: `👍`, or `name:id`.
    pub fn react(&self, channel: u64, message: u64, from: Person, emoji: &str) {
        let mut state = self.state();
        state.users.entry(from.id).or_insert_with(|| from.user());
        let _ = state.add_reaction(channel, message, from.id, emoji);
    }

    /// Somebody takes a reaction back.
    pub fn unreact(&self, channel: u64, message: u64, from: Person, emoji: &str) {
        let _ = self.state().remove_reaction(channel, message, from.id, emoji);
    }

    /// The commands of a bot, as it registered them.
    pub fn commands(&self, bot: &Bot) -> Vec<Value> {
        self.state().of_bot(bot.id).commands.clone()
    }
}

impl State {
    fn of_guild(&mut self, id: u64) -> &mut GuildState {
        let found = self.guilds.iter_mut().find(|guild| guild.id == id);
        found.expect("a guild of this fake")
    }
}
