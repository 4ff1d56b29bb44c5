//! What people do: updates as Telegram sends them.
use super::Telegram;
use serde_json::{Value, json};

/// Somebody with an account.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// Stable id, which is the private chat's too.
    pub id: i64,
    /// First name.
    pub name: &'static str,
}

/// When everything happens.
const DATE: i64 = 1_760_000_000;

impl Person {
    /// The user object.
    pub fn user(self) -> Value {
        json!({ "id": self.id, "is_bot": false, "first_name": self.name, "username": self.name.to_lowercase() })
    }

    fn chat(self) -> Value {
        json!({ "id": self.id, "type": "private", "first_name": self.name })
    }
}

impl Telegram {
    /// The bot, as a user object.
    pub fn bot() -> Value {
        json!({ "id": Self::BOT_ID, "is_bot": true, "first_name": "Fake", "username": Self::BOT })
    }

    /// Somebody writes to the bot in private; gives the message's id.
    pub fn dm(&self, from: Person, text: &str) -> i64 {
        self.message(from.chat(), from, json!({ "text": text }))
    }

    /// Somebody writes in a group.
    pub fn group(&self, chat: i64, from: Person, text: &str) -> i64 {
        self.message(
            json!({ "id": chat, "type": "supergroup", "title": "Group" }),
            from,
            json!({ "text": text }),
        )
    }

    /// Somebody writes in a topic of a forum.
    pub fn topic(&self, chat: i64, thread: i64, from: Person, text: &str) -> i64 {
        let place = json!({ "id": chat, "type": "supergroup", "title": "Forum", "is_forum": true });
        self.message(
            place,
            from,
            json!({ "text": text, "message_thread_id": thread, "is_topic_message": true }),
        )
    }

    /// Somebody sends a picture to the bot in private.
    pub fn photo(&self, from: Person, caption: &str, bytes: &[u8], album: Option<&str>) -> i64 {
        let id = self.state().next_message;
        let path = format!("photos/{id}.jpg");
        self.file(&path, bytes);
        let size = |width: i64, id: String| json!({ "file_id": id, "file_unique_id": id, "width": width, "height": width, "file_size": bytes.len() });
        let mut content = json!({ "photo": [size(90, "no such file".into()), size(800, path)] });
        if !caption.is_empty() {
            content["caption"] = caption.into();
        }
        if let Some(album) = album {
            content["media_group_id"] = album.into();
        }
        self.message(from.chat(), from, content)
    }

    /// Any message: the fields of `content` are its own. Gives its id.
    pub fn message(&self, chat: Value, from: Person, content: Value) -> i64 {
        let id = self.new_message();
        self.update("message", message(id, chat, from.user(), content));
        id
    }

    /// Somebody changes a message in private.
    pub fn edited(&self, from: Person, id: i64, text: &str) {
        let content = json!({ "text": text, "edit_date": DATE + 60 });
        self.update("edited_message", message(id, from.chat(), from.user(), content));
    }

    /// Somebody presses a button under a message of the bot in private; gives the id of the query.
    pub fn press(&self, from: Person, under: i64, data: &str) -> String {
        let id = format!("query-{}", self.new_message());
        let under = message(under, from.chat(), Self::bot(), json!({ "text": "choose" }));
        let query =
            json!({ "id": id, "from": from.user(), "message": under, "chat_instance": "1", "data": data });
        self.update("callback_query", query);
        id
    }

    /// Somebody changes the reactions to a message in private.
    pub fn react(&self, from: Person, to: i64, old: &[&str], new: &[&str]) {
        let list = |emojis: &[&str]| {
            emojis
                .iter()
                .map(|emoji| json!({ "type": "emoji", "emoji": emoji }))
                .collect::<Vec<_>>()
        };
        let change = json!({
            "chat": from.chat(), "message_id": to, "user": from.user(), "date": DATE,
            "old_reaction": list(old), "new_reaction": list(new)
        });
        self.update("message_reaction", change);
    }

    /// Somebody adds the bot to a group, or removes it.
    pub fn member(&self, chat: i64, by: Person, status: &str) {
        let change = json!({
            "chat": { "id": chat, "type": "supergroup", "title": "Group" }, "from": by.user(), "date": DATE,
            "old_chat_member": { "status": "left", "user": Self::bot() },
            "new_chat_member": { "status": status, "user": Self::bot() }
        });
        self.update("my_chat_member", change);
    }

    pub(super) fn new_message(&self) -> i64 {
        let mut state = self.state();
        state.next_message += 1;
        state.next_message - 1
    }
}

fn message(id: i64, chat: Value, from: Value, content: Value) -> Value {
    let mut message = json!({ "message_id": id, "from": from, "chat": chat, "date": DATE });
    let fields = message.as_object_mut().expect("it was just made");
    if let Value::Object(content) = content {
        fields.extend(content);
    }
    message
}
