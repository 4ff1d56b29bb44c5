//! Where a message goes: ids as people and configurations write them.
use crate::inbound::GENERAL;
use openclaw_plugin_api::{Error, Result};
use serde_json::{Map, Value};

/// A chat and a thread in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// A number or `@name`.
    chat: Value,
    thread: Option<i64>,
}

impl Target {
    /// From the ids of an order. The chat may be `-100…`, `@name`, `telegram:…`, `tg:…`, `group:…`, a `t.me` link, and
    /// carry a topic: `<chat>:topic:<id>` or `<chat>:<id>`.
    pub(super) fn parse(chat: &str, thread: &str) -> Result<Self> {
        let wrong = || {
            Error::invalid(format_args!(
                "\"{}\" is no Telegram chat; use a numeric id, @name, or <chat>:topic:<id>",
                chat.chars().take(80).collect::<String>()
            ))
        };
        let mut rest = chat.trim();
        for prefix in ["telegram:", "tg:", "group:", "chat:"] {
            rest = rest.strip_prefix(prefix).unwrap_or(rest);
        }
        let link = ["https://t.me/", "http://t.me/", "t.me/"]
            .iter()
            .find_map(|prefix| rest.strip_prefix(prefix));
        let name = link.map(|name| name.split(['/', '?']).next().unwrap_or_default());
        let (id, topic) = match name {
            Some(name) => (name, None),
            None => match rest.split_once(':') {
                Some((id, topic)) => (id, Some(topic.strip_prefix("topic:").unwrap_or(topic))),
                None => (rest, None),
            },
        };
        let chat = match id.parse::<i64>() {
            Ok(id) => Value::from(id),
            Err(_) => {
                let name = id.strip_prefix('@').or(link.map(|_| id)).ok_or_else(wrong)?;
                let fine = (4..=32).contains(&name.len())
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                Value::from(fine.then(|| format!("@{name}")).ok_or_else(wrong)?)
            }
        };
        let thread = match thread.trim() {
            "" => topic,
            thread => Some(thread),
        };
        let thread = thread
            .map(|thread| thread.parse().map_err(|_| wrong()))
            .transpose()?;
        Ok(Self { chat, thread })
    }

    /// The chat's id, if it is a number.
    pub(super) fn chat_id(&self) -> Option<i64> {
        self.chat.as_i64()
    }

    /// A request to the chat.
    pub(super) fn request(&self) -> Map<String, Value> {
        Map::from_iter([("chat_id".to_owned(), self.chat.clone())])
    }

    /// A request that shows in the thread. General has an id that is not to be named.
    pub(super) fn threaded(&self) -> Map<String, Value> {
        let mut body = self.request();
        if let Some(thread) = self.thread.filter(|thread| *thread != GENERAL) {
            body.insert("message_thread_id".into(), thread.into());
        }
        body
    }

    /// As [`Target::threaded`], for signs of activity, where General is to be named.
    pub(super) fn active(&self) -> Map<String, Value> {
        let mut body = self.request();
        if let Some(thread) = self.thread {
            body.insert("message_thread_id".into(), thread.into());
        }
        body
    }
}

/// A message's id.
pub(super) fn message_id(text: &str) -> Result<i64> {
    text.trim().parse().map_err(|_| {
        let shown: String = text.chars().take(40).collect();
        Error::invalid(format_args!(
            "\"{shown}\" is no Telegram message id, which is a number"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_notation_leads_to_its_chat() {
        for (chat, thread, body) in [
            ("42", "", json!({"chat_id": 42})),
            ("telegram:42", "", json!({"chat_id": 42})),
            ("telegram:group:-1001", "", json!({"chat_id": -1001})),
            ("tg:@some_name", "", json!({"chat_id": "@some_name"})),
            ("https://t.me/some_name", "", json!({"chat_id": "@some_name"})),
            (
                "-1001:topic:7",
                "",
                json!({"chat_id": -1001, "message_thread_id": 7}),
            ),
            ("-1001:7", "", json!({"chat_id": -1001, "message_thread_id": 7})),
            (
                "-1001:topic:7",
                "9",
                json!({"chat_id": -1001, "message_thread_id": 9}),
            ),
            ("-1001", "1", json!({"chat_id": -1001})),
        ] {
            assert_eq!(
                Value::Object(Target::parse(chat, thread).expect(chat).threaded()),
                body,
                "{chat}"
            );
        }
        let general = Target::parse("-1001", "1").expect("a target");
        assert_eq!(
            Value::Object(general.active()),
            json!({"chat_id": -1001, "message_thread_id": 1})
        );
    }

    #[test]
    fn what_is_no_chat_is_refused() {
        for chat in ["", "name", "@a", "@no spaces", "12x", "-1001:topic:x"] {
            Target::parse(chat, "").expect_err(chat);
        }
        Target::parse("1", "x").expect_err("a thread");
    }
}
