//! What Telegram sends, as far as the plugin looks at it. Unknown fields are ignored.
use serde::Deserialize;
use serde_json::Value;

/// One update. What is not known has no content and is passed over.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Update {
    pub(crate) update_id: i64,
    pub(crate) message: Option<Box<Message>>,
    pub(crate) edited_message: Option<Box<Message>>,
    pub(crate) channel_post: Option<Box<Message>>,
    pub(crate) edited_channel_post: Option<Box<Message>>,
    pub(crate) callback_query: Option<Box<Callback>>,
    pub(crate) message_reaction: Option<Box<ReactionUpdated>>,
    pub(crate) my_chat_member: Option<Box<ChatMemberUpdated>>,
}

/// Who the bot is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Me {
    pub(crate) id: i64,
    pub(crate) username: String,
    pub(crate) can_read_all_group_messages: bool,
    pub(crate) has_topics_enabled: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) is_bot: bool,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) username: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Chat {
    pub(crate) id: i64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) username: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) is_forum: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    pub(crate) message_id: i64,
    pub(crate) message_thread_id: Option<i64>,
    pub(crate) is_topic_message: bool,
    pub(crate) from: Option<User>,
    pub(crate) sender_chat: Option<Chat>,
    pub(crate) date: u64,
    pub(crate) edit_date: u64,
    pub(crate) chat: Chat,
    pub(crate) forward_origin: Option<MessageOrigin>,
    pub(crate) reply_to_message: Option<Box<Message>>,
    pub(crate) external_reply: Option<ExternalReply>,
    pub(crate) quote: Option<Quote>,
    pub(crate) media_group_id: Option<String>,
    pub(crate) author_signature: String,
    pub(crate) text: String,
    pub(crate) entities: Vec<Entity>,
    pub(crate) caption: String,
    pub(crate) caption_entities: Vec<Entity>,
    pub(crate) photo: Vec<File>,
    pub(crate) animation: Option<File>,
    pub(crate) audio: Option<File>,
    pub(crate) document: Option<File>,
    pub(crate) sticker: Option<File>,
    pub(crate) video: Option<File>,
    pub(crate) video_note: Option<File>,
    pub(crate) voice: Option<File>,
    pub(crate) location: Option<Location>,
    pub(crate) venue: Option<Venue>,
    pub(crate) contact: Option<Contact>,
    pub(crate) poll: Option<Poll>,
    pub(crate) dice: Option<Dice>,
    pub(crate) forum_topic_created: Option<TopicCreated>,
    pub(crate) migrate_to_chat_id: Option<i64>,
}

/// Any of the types that have a `file_id`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    pub(crate) file_id: String,
    pub(crate) file_size: Option<u64>,
    pub(crate) file_path: Option<String>,
    pub(crate) file_name: String,
    pub(crate) mime_type: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) emoji: String,
    pub(crate) is_animated: bool,
    pub(crate) is_video: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entity {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// In UTF-16 units.
    pub(crate) offset: usize,
    /// In UTF-16 units.
    pub(crate) length: usize,
    pub(crate) url: String,
    pub(crate) user: Option<User>,
    pub(crate) language: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum MessageOrigin {
    User {
        sender_user: User,
    },
    HiddenUser {
        sender_user_name: String,
    },
    Chat {
        sender_chat: Chat,
    },
    Channel {
        chat: Chat,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExternalReply {
    pub(crate) origin: Option<MessageOrigin>,
    pub(crate) message_id: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Quote {
    pub(crate) text: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Location {
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    pub(crate) horizontal_accuracy: Option<f64>,
    pub(crate) live_period: Option<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Venue {
    pub(crate) location: Location,
    pub(crate) title: String,
    pub(crate) address: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Contact {
    pub(crate) phone_number: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Poll {
    pub(crate) question: String,
    pub(crate) options: Vec<PollOption>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PollOption {
    pub(crate) text: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Dice {
    pub(crate) emoji: String,
    pub(crate) value: i64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TopicCreated {
    pub(crate) name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Callback {
    pub(crate) id: String,
    pub(crate) from: User,
    /// The message under the button. An old one has only its ids, and the date 0.
    pub(crate) message: Option<Box<Message>>,
    pub(crate) data: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReactionUpdated {
    pub(crate) chat: Chat,
    pub(crate) message_id: i64,
    pub(crate) user: Option<User>,
    pub(crate) actor_chat: Option<Chat>,
    pub(crate) date: u64,
    pub(crate) old_reaction: Vec<Reaction>,
    pub(crate) new_reaction: Vec<Reaction>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Reaction {
    pub(crate) emoji: String,
    pub(crate) custom_emoji_id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ChatMemberUpdated {
    pub(crate) chat: Chat,
    pub(crate) from: User,
    pub(crate) date: u64,
    pub(crate) new_chat_member: ChatMember,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ChatMember {
    pub(crate) status: String,
}

impl Update {
    /// From what Telegram sent; none if it has no id. One that can't be read would come again for ever and hold up those
    /// behind it, so it becomes one without content, which is passed over.
    pub(crate) fn read(sent: Value) -> Option<Self> {
        let update_id = sent["update_id"].as_i64()?;
        let read = serde_json::from_value(sent);
        Some(read.unwrap_or_else(|error| {
            tracing::error!(update = update_id, %error, "an update can't be read; dropped");
            Self {
                update_id,
                ..Self::default()
            }
        }))
    }
}

impl User {
    /// First and last name.
    pub(crate) fn name(&self) -> String {
        join_names(&self.first_name, &self.last_name)
    }
}

impl Chat {
    /// Its title, or the person's name.
    pub(crate) fn name(&self) -> String {
        if self.title.is_empty() {
            join_names(&self.first_name, &self.last_name)
        } else {
            self.title.clone()
        }
    }

    pub(crate) fn is_private(&self) -> bool {
        self.kind == "private"
    }
}

fn join_names(first: &str, last: &str) -> String {
    format!("{first} {last}").trim().to_owned()
}
