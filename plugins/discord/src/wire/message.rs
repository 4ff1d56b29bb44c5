//! Messages and what is in them.
use super::{
    place::{Channel, Member, User},
    tolerant::record,
};

record! {
    /// A message.
    Message {
        id: String,
        channel_id: String,
        guild_id: Option<String>,
        author: User,
        member: Option<Member>,
        content: String,
        timestamp: Option<String>,
        edited_timestamp: Option<String>,
        mention_everyone: bool,
        mentions: Vec<User>,
        mention_roles: Vec<String>,
        attachments: Vec<Attachment>,
        embeds: Vec<Embed>,
        kind: u64,
        webhook_id: Option<String>,
        application_id: Option<String>,
        flags: u64,
        message_reference: Option<Reference>,
        referenced_message: Option<Box<Message>>,
        message_snapshots: Vec<Snapshot>,
        sticker_items: Vec<Sticker>,
        poll: Option<Poll>,
        thread: Option<Channel>,
        nonce: Option<String>,
    }
}

record! {
    /// A file of a message.
    Attachment {
        id: String,
        filename: String,
        description: Option<String>,
        content_type: Option<String>,
        size: u64,
        url: String,
        proxy_url: String,
        duration_secs: Option<f64>,
        flags: u64,
    }
}

record! {
    /// What Discord or a bot shows under a message.
    Embed {
        kind: String,
        title: Option<String>,
        description: Option<String>,
        url: Option<String>,
    }
}

record! {
    /// The message that another one refers to.
    Reference {
        kind: u64,
        message_id: Option<String>,
        channel_id: Option<String>,
        guild_id: Option<String>,
    }
}

record! {
    /// A message that was forwarded, as it was then.
    Snapshot {
        message: Option<Box<Message>>,
    }
}

record! {
    /// A sticker.
    Sticker {
        id: String,
        name: String,
        format_type: u64,
    }
}

record! {
    /// A poll.
    Poll {
        question: PollText,
        answers: Vec<PollAnswer>,
        expiry: Option<String>,
        allow_multiselect: bool,
    }
}

record! {
    /// A text of a poll.
    PollText {
        text: String,
    }
}

record! {
    /// One answer to choose.
    PollAnswer {
        answer_id: u64,
        poll_media: PollText,
    }
}

record! {
    /// An emoji; one of Discord's own servers has an id.
    Emoji {
        id: Option<String>,
        name: Option<String>,
        animated: bool,
    }
}

record! {
    /// A reaction that was set or removed.
    Reaction {
        user_id: String,
        channel_id: String,
        message_id: String,
        guild_id: Option<String>,
        member: Option<Member>,
        emoji: Emoji,
        message_author_id: Option<String>,
    }
}

/// Flags of messages.
impl Message {
    /// A voice message.
    pub(crate) fn is_voice(&self) -> bool {
        self.flags & (1 << 13) != 0
    }
}
