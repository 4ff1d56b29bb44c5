//! People and places.
use super::tolerant::record;

record! {
    /// An account of Discord.
    User {
        id: String,
        username: String,
        global_name: Option<String>,
        discriminator: String,
        bot: bool,
    }
}

record! {
    /// A user in a server.
    Member {
        user: Option<User>,
        nick: Option<String>,
        roles: Vec<String>,
        joined_at: Option<String>,
    }
}

record! {
    /// A role of a server.
    Role {
        id: String,
        name: String,
        permissions: String,
        tags: Option<RoleTags>,
    }
}

record! {
    /// Why a role exists.
    RoleTags {
        bot_id: Option<String>,
    }
}

record! {
    /// A channel, thread or private chat.
    Channel {
        id: String,
        kind: u64,
        guild_id: Option<String>,
        name: Option<String>,
        topic: Option<String>,
        parent_id: Option<String>,
        owner_id: Option<String>,
        recipients: Vec<User>,
        thread_metadata: Option<ThreadMetadata>,
        nsfw: bool,
        last_message_id: Option<String>,
    }
}

record! {
    /// What only threads have.
    ThreadMetadata {
        archived: bool,
        locked: bool,
    }
}

record! {
    /// A server.
    Guild {
        id: String,
        name: String,
        unavailable: bool,
        owner_id: String,
        member_count: u64,
        large: bool,
        roles: Vec<Role>,
        channels: Vec<Channel>,
        threads: Vec<Channel>,
    }
}

record! {
    /// The bot's application.
    Application {
        id: String,
        name: String,
        flags: Option<u64>,
        bot: Option<User>,
        interactions_endpoint_url: Option<String>,
    }
}

impl User {
    /// The name that people see.
    pub(crate) fn display(&self) -> &str {
        self.global_name
            .as_deref()
            .filter(|name| !name.is_empty())
            .unwrap_or(&self.username)
    }

    /// The name that is unique.
    pub(crate) fn tag(&self) -> String {
        match self.discriminator.as_str() {
            "" | "0" | "0000" => self.username.clone(),
            number => format!("{}#{number}", self.username),
        }
    }
}

impl Channel {
    /// Is it a thread, or a post of a forum?
    pub(crate) fn is_thread(&self) -> bool {
        use super::channel_kind::{NEWS_THREAD, PRIVATE_THREAD, PUBLIC_THREAD};
        matches!(self.kind, NEWS_THREAD | PUBLIC_THREAD | PRIVATE_THREAD)
    }
}
