//! What is known of the places that the bot is in, from events of the gateway. Bounded: what is longest unused goes, and
//! whoever needs it asks Discord again.
use crate::{
    account::Connection,
    recent::Recent,
    wire::{Channel, Guild, Read, Role},
};
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Servers that are known; Discord wants a shard for each 2,500.
const MAX_GUILDS: usize = 10_000;
/// Channels and threads that are known.
const MAX_CHANNELS: usize = 50_000;
/// Messages that the bot wrote and that are remembered.
const MAX_OWN: usize = 5_000;
/// Messages of others whose authors are remembered.
const MAX_AUTHORS: usize = 20_000;
/// Threads whose beginning was told.
const MAX_THREADS: usize = 5_000;
/// Roles that are remembered of a server; Discord allows 250.
const MAX_ROLES: usize = 300;

/// What is known. Shared by all shards of an account.
#[derive(Debug)]
pub(crate) struct Cache(Mutex<State>);

#[derive(Debug)]
struct State {
    guilds: Recent<String, Known>,
    channels: Recent<String, Channel>,
    own: Recent<String, ()>,
    authors: Recent<String, (String, bool)>,
    begun: Recent<String, ()>,
}

/// What is known of a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Its name.
    pub(crate) name: String,
    /// Who owns it.
    pub(crate) owner_id: String,
    /// Its roles.
    pub(crate) roles: Vec<Role>,
    /// It can't be reached for now.
    pub(crate) unavailable: bool,
    /// Its roles are not known.
    pub(crate) is_partial: bool,
}

impl Default for Cache {
    fn default() -> Self {
        Self(Mutex::new(State {
            guilds: Recent::new(MAX_GUILDS),
            channels: Recent::new(MAX_CHANNELS),
            own: Recent::new(MAX_OWN),
            authors: Recent::new(MAX_AUTHORS),
            begun: Recent::new(MAX_THREADS),
        }))
    }
}

impl Cache {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a server with its channels and threads. One that is unavailable keeps what is known of it.
    pub(crate) fn put_guild(&self, guild: Guild) {
        let mut state = self.lock();
        if guild.unavailable {
            match state.guilds.get_mut(&guild.id) {
                Some(known) => known.unavailable = true,
                None => state.guilds.put(
                    guild.id,
                    Known {
                        unavailable: true,
                        is_partial: true,
                        ..Known::default()
                    },
                ),
            }
            return;
        }
        for mut channel in guild.channels.into_iter().chain(guild.threads) {
            channel.guild_id = Some(guild.id.clone());
            state.channels.put(channel.id.clone(), channel);
        }
        let known = Known {
            name: guild.name,
            owner_id: guild.owner_id,
            roles: guild.roles.into_iter().take(MAX_ROLES).collect(),
            unavailable: false,
            is_partial: false,
        };
        state.guilds.put(guild.id, known);
    }

    /// Takes what an update says: name, owner and roles, and nothing of channels.
    pub(crate) fn update_guild(&self, guild: Guild) {
        let mut state = self.lock();
        if let Some(known) = state.guilds.get_mut(&guild.id) {
            (known.name, known.owner_id) = (guild.name, guild.owner_id);
            known.roles = guild.roles.into_iter().take(MAX_ROLES).collect();
            (known.unavailable, known.is_partial) = (false, false);
        }
    }

    /// Takes the name of a server that is known by nothing else.
    pub(crate) fn name_guild(&self, guild: Guild) {
        let mut state = self.lock();
        if state.guilds.get(&guild.id).is_none() {
            let known = Known {
                name: guild.name,
                owner_id: guild.owner_id,
                is_partial: true,
                ..Known::default()
            };
            state.guilds.put(guild.id, known);
        }
    }

    /// The bot is no longer in the server.
    pub(crate) fn remove_guild(&self, id: &str) {
        let mut state = self.lock();
        state.guilds.remove(id);
        state
            .channels
            .retain(|channel| channel.guild_id.as_deref() != Some(id));
    }

    /// What is known of a server.
    pub(crate) fn guild(&self, id: &str) -> Option<Known> {
        self.lock().guilds.get(id).cloned()
    }

    /// Servers that the bot is in.
    pub(crate) fn guild_count(&self) -> usize {
        self.lock().guilds.len()
    }

    /// Takes a role that is new or changed.
    pub(crate) fn put_role(&self, guild_id: &str, role: Role) {
        if let Some(guild) = self.lock().guilds.get_mut(guild_id) {
            guild.roles.retain(|known| known.id != role.id);
            if guild.roles.len() < MAX_ROLES {
                guild.roles.push(role);
            }
        }
    }

    /// Forgets a role.
    pub(crate) fn remove_role(&self, guild_id: &str, role_id: &str) {
        if let Some(guild) = self.lock().guilds.get_mut(guild_id) {
            guild.roles.retain(|known| known.id != role_id);
        }
    }

    /// The role that Discord made for a bot in a server.
    pub(crate) fn role_of_bot(&self, guild_id: &str, bot_id: &str) -> Option<String> {
        let state = self.lock();
        let is_its = |role: &&Role| {
            role.tags
                .as_ref()
                .is_some_and(|tags| tags.bot_id.as_deref() == Some(bot_id))
        };
        state
            .guilds
            .get(guild_id)?
            .roles
            .iter()
            .find(is_its)
            .map(|role| role.id.clone())
    }

    /// The name of a role.
    pub(crate) fn role_name(&self, guild_id: &str, role_id: &str) -> Option<String> {
        let state = self.lock();
        let mut roles = state.guilds.get(guild_id)?.roles.iter();
        roles
            .find(|role| role.id == role_id)
            .map(|role| role.name.clone())
    }

    /// Takes a channel or thread. An update has no server where the event has none, so a known one is kept.
    pub(crate) fn put_channel(&self, mut channel: Channel) {
        let mut state = self.lock();
        if channel.guild_id.is_none() {
            channel.guild_id = state
                .channels
                .get(&channel.id)
                .and_then(|known| known.guild_id.clone());
        }
        state.channels.put(channel.id.clone(), channel);
    }

    /// Forgets a channel or thread.
    pub(crate) fn remove_channel(&self, id: &str) {
        self.lock().channels.remove(id);
    }

    /// A channel or thread.
    pub(crate) fn channel(&self, id: &str) -> Option<Channel> {
        self.lock().channels.get(id).cloned()
    }

    /// Remembers a message that the bot wrote.
    pub(crate) fn add_own(&self, message_id: &str) {
        self.lock().own.put(message_id.to_owned(), ());
    }

    /// Did the bot write it, as far as is remembered?
    pub(crate) fn is_own(&self, message_id: &str) -> bool {
        self.lock().own.get(message_id).is_some()
    }
}

impl Cache {
    /// Remembers who wrote a message, and whether that was a program.
    pub(crate) fn add_author(&self, message_id: &str, author_id: &str, is_bot: bool) {
        let author = (author_id.to_owned(), is_bot);
        self.lock().authors.put(message_id.to_owned(), author);
    }

    /// Who wrote a message, as far as is remembered, and whether that was a program.
    pub(crate) fn author(&self, message_id: &str) -> Option<(String, bool)> {
        self.lock().authors.get(message_id).cloned()
    }

    /// Is it the first time that this is asked of a thread?
    pub(crate) fn first_in_thread(&self, thread_id: &str) -> bool {
        let mut state = self.lock();
        let is_first = state.begun.get(thread_id).is_none();
        state.begun.put(thread_id.to_owned(), ());
        is_first
    }
}

/// Takes what an event says of places.
pub(crate) fn apply(connection: &Connection, name: &str, data: Value) {
    let cache = &connection.cache;
    let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
    match name {
        "READY" => read_all(data["guilds"].clone()).for_each(|guild| cache.put_guild(guild)),
        "GUILD_CREATE" => one(data, |guild| cache.put_guild(guild)),
        "GUILD_UPDATE" => one(data, |guild| cache.update_guild(guild)),
        "GUILD_DELETE" if data["unavailable"] == true => one(data, |guild| cache.put_guild(guild)),
        "GUILD_DELETE" => cache.remove_guild(&text("id")),
        "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => {
            let guild = text("guild_id");
            one(data["role"].clone(), |role| cache.put_role(&guild, role));
        }
        "GUILD_ROLE_DELETE" => cache.remove_role(&text("guild_id"), &text("role_id")),
        "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
            one(data, |channel| cache.put_channel(channel));
        }
        "CHANNEL_DELETE" | "THREAD_DELETE" => cache.remove_channel(&text("id")),
        "THREAD_LIST_SYNC" => {
            let guild = text("guild_id");
            read_all(data["threads"].clone()).for_each(|mut thread: Channel| {
                thread.guild_id = Some(guild.clone());
                cache.put_channel(thread);
            });
        }
        _ => {}
    }
}

fn one<T: Read>(value: Value, take: impl FnOnce(T)) {
    if let Some(thing) = T::read(value) {
        take(thing);
    }
}

fn read_all<T: Read>(list: Value) -> impl Iterator<Item = T> {
    Vec::<T>::read(list).unwrap_or_default().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Read;
    use serde_json::json;

    #[test]
    fn a_server_brings_its_channels_and_takes_them_away() {
        let cache = Cache::default();
        let guild = Guild::read(json!({
            "id": "1", "name": "Home", "channels": [{ "id": "10", "type": 0, "name": "general" }],
            "roles": [{ "id": "5", "name": "Bot", "tags": { "bot_id": "99" } }, { "id": "6", "name": "Staff" }]
        }));
        cache.put_guild(guild.expect("a guild"));
        assert_eq!(cache.role_of_bot("1", "99").as_deref(), Some("5"));
        assert_eq!(cache.role_name("1", "6").as_deref(), Some("Staff"));
        let update = Channel::read(json!({ "id": "10", "type": 0, "name": "lobby" })).expect("a channel");
        cache.put_channel(update);
        let channel = cache.channel("10").expect("known");
        assert_eq!(
            (channel.guild_id.as_deref(), channel.name.as_deref()),
            (Some("1"), Some("lobby"))
        );
        cache.put_guild(Guild {
            id: "1".into(),
            unavailable: true,
            ..Guild::default()
        });
        assert_eq!(cache.guild("1").expect("still known").name, "Home");
        cache.remove_guild("1");
        assert!(cache.channel("10").is_none() && cache.guild_count() == 0);
    }
}
