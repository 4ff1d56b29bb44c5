//! What an agent can ask of Telegram by name, as far as `channels.telegram.actions` lets it.
use super::{
    act,
    target::{Target, message_id},
};
use crate::{account::Account, config::Actions};
use openclaw_plugin_api::{Action, Edit, Error, ErrorKind, MessageTarget, React, Result};
use serde_json::{Map, Value, json};

/// Every name. Which of them an account lets through is told when it is asked.
pub(crate) const NAMES: [&str; 7] = [
    "react",
    "delete",
    "edit",
    "poll",
    "sticker",
    "topic-create",
    "topic-edit",
];
/// Most answers of a poll.
const MAX_OPTIONS: usize = 12;

/// Parameters of an action. Their names are OpenClaw's.
struct Params<'a> {
    action: &'a Action,
}

/// Does it.
pub(crate) async fn perform(account: &Account, action: &Action) -> Result<Value> {
    let allowed = account.config.actions.clone().unwrap_or_default();
    let (key, is_allowed) = gate(&action.name, &allowed)?;
    if !is_allowed {
        let text = format!("channels.telegram.actions.{key} switches \"{}\" off", action.name);
        return Err(Error::new(ErrorKind::Refused, text));
    }
    let params = Params { action };
    match action.name.as_str() {
        "react" => {
            let react = React {
                target: params.message()?,
                emoji: params.text("emoji"),
                remove: params.flag("remove"),
            };
            act::react(account, &react).await?;
        }
        "delete" => act::delete(account, &params.message()?).await?,
        "edit" => {
            let edit = Edit {
                target: params.message()?,
                text: params.one_of(&["message", "content", "caption"])?,
                ..Edit::default()
            };
            act::edit(account, edit).await?;
        }
        "poll" => return sent(account, "sendPoll", params.poll()?).await,
        "sticker" => {
            let mut body = params.target()?.threaded();
            body.insert(
                "sticker".into(),
                params.one_of(&["fileId", "sticker", "stickerId"])?.into(),
            );
            return sent(account, "sendSticker", body).await;
        }
        "topic-create" => return params.create_topic(account).await,
        _ => params.edit_topic(account).await?,
    }
    Ok(json!({ "ok": true }))
}

/// The key that decides, and what it says.
fn gate(name: &str, actions: &Actions) -> Result<(&'static str, bool)> {
    let on = |key, said: Option<bool>| Ok((key, said.unwrap_or(true)));
    match name {
        "react" => on("reactions", actions.reactions),
        "delete" => on("deleteMessage", actions.delete_message),
        "edit" => on("editMessage", actions.edit_message),
        "poll" => on("poll", actions.poll),
        "sticker" => Ok(("sticker", actions.sticker.unwrap_or(false))),
        "topic-create" => on("createForumTopic", actions.create_forum_topic),
        "topic-edit" => on("editForumTopic", actions.edit_forum_topic),
        other => {
            let known = NAMES.join(", ");
            Err(Error::unsupported(format_args!(
                "telegram has no action \"{other}\"; it has {known}"
            )))
        }
    }
}

/// Something that shows in the chat: it is not repeated where nobody knows whether it did.
async fn sent(account: &Account, method: &str, body: Map<String, Value>) -> Result<Value> {
    let message: Value = account.api.deliver(method, &Value::Object(body)).await?;
    Ok(json!({ "ok": true, "messageId": message["message_id"].to_string() }))
}

// === impl Params ===

impl Params<'_> {
    fn value(&self, name: &str) -> &Value {
        self.action.params.get(name).unwrap_or(&Value::Null)
    }

    /// A text, or a number as text; empty if there is none.
    fn text(&self, name: &str) -> String {
        match self.value(name) {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        }
    }

    fn flag(&self, name: &str) -> bool {
        self.value(name).as_bool().unwrap_or(false)
    }

    fn one_of(&self, names: &[&str]) -> Result<String> {
        let found = names
            .iter()
            .map(|name| self.text(name))
            .find(|text| !text.is_empty());
        found.ok_or_else(|| Error::invalid(format_args!("{} needs \"{}\"", self.action.name, names[0])))
    }

    fn chat(&self) -> Result<String> {
        match self.action.chat_id.as_str() {
            "" => self.one_of(&["chatId", "to", "target"]),
            chat => Ok(chat.to_owned()),
        }
    }

    fn thread(&self) -> String {
        let named = ["threadId", "messageThreadId"].map(|name| self.text(name));
        named
            .into_iter()
            .find(|thread| !thread.is_empty())
            .unwrap_or_default()
    }

    fn target(&self) -> Result<Target> {
        Target::parse(&self.chat()?, &self.thread())
    }

    fn message(&self) -> Result<MessageTarget> {
        Ok(MessageTarget {
            account_id: self.action.account_id.clone(),
            chat_id: self.chat()?,
            thread_id: String::new(),
            message_id: self.one_of(&["messageId"])?,
        })
    }

    fn poll(&self) -> Result<Map<String, Value>> {
        let options = match self.value("pollOption") {
            Value::Array(options) => options.clone(),
            _ => Vec::new(),
        };
        let options: Vec<_> = options
            .iter()
            .filter_map(Value::as_str)
            .map(|text| json!({ "text": text }))
            .collect();
        if !(2..=MAX_OPTIONS).contains(&options.len()) {
            return Err(Error::invalid(format_args!(
                "poll needs \"pollOption\", a list of 2 to {MAX_OPTIONS} texts"
            )));
        }
        let mut body = self.target()?.threaded();
        body.insert("question".into(), self.one_of(&["pollQuestion"])?.into());
        body.insert("options".into(), options.into());
        body.insert("allows_multiple_answers".into(), self.flag("pollMulti").into());
        body.insert("is_anonymous".into(), (!self.flag("pollPublic")).into());
        let reply = self.text("replyTo");
        if !reply.is_empty() {
            body.insert(
                "reply_parameters".into(),
                json!({ "message_id": message_id(&reply)? }),
            );
        }
        Ok(body)
    }

    async fn create_topic(&self, account: &Account) -> Result<Value> {
        let mut body = self.target()?.request();
        body.insert("name".into(), self.one_of(&["name", "threadName"])?.into());
        if let Some(colour) = self.value("iconColor").as_i64() {
            body.insert("icon_color".into(), colour.into());
        }
        self.icon(&mut body);
        let topic: Value = account
            .api
            .deliver("createForumTopic", &Value::Object(body))
            .await?;
        let thread = topic["message_thread_id"].to_string();
        Ok(json!({ "ok": true, "threadId": thread, "name": topic["name"] }))
    }

    async fn edit_topic(&self, account: &Account) -> Result<()> {
        let thread = self.thread();
        let thread: i64 = thread
            .parse()
            .map_err(|_| Error::invalid("topic-edit needs \"threadId\", which is a number"))?;
        let mut body = self.target()?.request();
        body.insert("message_thread_id".into(), thread.into());
        let name = self.text("name");
        if !name.is_empty() {
            body.insert("name".into(), name.into());
        }
        self.icon(&mut body);
        account
            .api
            .ask::<Value>("editForumTopic", &Value::Object(body))
            .await?;
        Ok(())
    }

    fn icon(&self, body: &mut Map<String, Value>) {
        let icon = self.text("iconCustomEmojiId");
        if !icon.is_empty() {
            body.insert("icon_custom_emoji_id".into(), icon.into());
        }
    }
}
