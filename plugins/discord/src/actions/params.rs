//! Parameters of an action as a model writes them, checked one by one with errors that say what is expected.
use crate::outbound::target::{Target, snowflake};
use openclaw_plugin_api::{Action, Error, MediaRef, Result};
use serde_json::Value;
use std::ops::RangeInclusive;

/// The parameters of one action.
#[derive(Debug, Clone, Copy)]
pub(super) struct Params<'a> {
    action: &'a Action,
}

impl<'a> Params<'a> {
    pub(super) fn new(action: &'a Action) -> Self {
        Self { action }
    }

    /// A parameter that is neither missing nor null.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.action.params.get(key).filter(|value| !value.is_null())
    }

    /// A text that says something.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.wrong(key, "is a string")),
        }
    }

    pub(super) fn need_text(&self, key: &str) -> Result<&'a str> {
        self.text(key)?.ok_or_else(|| self.wrong(key, "is missing"))
    }

    /// An id.
    pub(super) fn id(&self, key: &str) -> Result<Option<String>> {
        match self.value(key) {
            Some(Value::Number(_)) => {
                Err(self.wrong(key, "is an id and stands in quotes, because numbers lose digits"))
            }
            _ => self
                .text(key)?
                .map(strip)
                .map(|id| snowflake(id).map_err(|_| self.wrong(key, "is no id")))
                .transpose(),
        }
    }

    pub(super) fn need_id(&self, key: &str) -> Result<String> {
        self.id(key)?.ok_or_else(|| self.wrong(key, "is missing"))
    }

    /// A whole number within bounds; also in quotes.
    pub(super) fn number(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(
                key,
                &format!("is a number from {} to {}", range.start(), range.end()),
            )),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool> {
        match self.value(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
            Some(_) => Err(self.wrong(key, "is true or false")),
        }
    }

    /// Several texts, or one.
    pub(super) fn list(&self, key: &str) -> Result<Vec<String>> {
        match self.value(key) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts
                    .collect::<Option<_>>()
                    .ok_or_else(|| self.wrong(key, "is a list of strings"))
            }
            Some(_) => Err(self.wrong(key, "is a list of strings")),
        }
    }

    /// Files of the host's store.
    pub(super) fn files(&self) -> Result<Vec<MediaRef>> {
        let wrong = || {
            self.wrong(
                "media",
                "is a file of the gateway's store (id, mimeType, fileName, size), or a list of such",
            )
        };
        let files: Vec<MediaRef> = match self.value("media") {
            None => return Ok(Vec::new()),
            Some(value @ Value::Array(_)) => serde_json::from_value(value.clone()).map_err(|_| wrong())?,
            Some(value) => vec![serde_json::from_value(value.clone()).map_err(|_| wrong())?],
        };
        if files.iter().any(|file| file.id.is_empty()) {
            return Err(wrong());
        }
        Ok(files)
    }

    /// The place that the action names, else the chat that it is used in.
    pub(super) fn target(&self) -> Result<Target> {
        // a thread is a channel of its own, and stands beside the one that it is in
        for key in ["threadId", "channelId", "to", "target"] {
            if let Some(text) = self.text(key)? {
                return Target::parse(text);
            }
        }
        match self.action.chat_id.trim() {
            "" => Err(self.wrong("to", "is missing; use channel:<id> or user:<id>")),
            chat => Target::parse(chat),
        }
    }

    pub(super) fn wrong(&self, key: &str, why: &str) -> Error {
        Error::invalid(format_args!("discord {}: {key} {why}", self.action.name))
    }
}

/// An id as it is written in messages and lists.
fn strip(text: &str) -> &str {
    let inner = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'))
        .unwrap_or(text);
    let inner = inner.trim_start_matches(['@', '#', '&', '!']);
    ["user:", "channel:", "role:", "guild:", "discord:"]
        .iter()
        .find_map(|prefix| inner.strip_prefix(prefix))
        .unwrap_or(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_are_checked_and_errors_say_how() {
        let Value::Object(params) = json!({
            "messageId": 5, "userId": "<@7>", "limit": "10", "remove": "yes", "pollOption": ["a", 1], "media": "x.png",
            "reason": "  ", "channelId": null
        }) else {
            unreachable!()
        };
        let action = Action {
            name: "test".into(),
            params,
            chat_id: "3".into(),
            ..Action::default()
        };
        let params = Params::new(&action);
        assert_eq!(params.id("userId").expect("an id").as_deref(), Some("7"));
        assert_eq!(params.number("limit", 1..=10).expect("a number"), Some(10));
        assert_eq!(params.text("reason").expect("a text"), None);
        assert_eq!(params.target().expect("the chat"), Target::Channel("3".into()));
        for (error, words) in [
            (
                params.id("messageId").expect_err("a number"),
                "messageId is an id and stands in quotes",
            ),
            (
                params.number("limit", 1..=5).expect_err("too many"),
                "limit is a number from 1 to 5",
            ),
            (
                params.flag("remove").expect_err("a word"),
                "remove is true or false",
            ),
            (
                params.list("pollOption").expect_err("a number"),
                "pollOption is a list of strings",
            ),
            (
                params.files().expect_err("a path"),
                "media is a file of the gateway's store",
            ),
            (params.need_id("roleId").expect_err("none"), "roleId is missing"),
        ] {
            assert!(error.message().contains(words), "{error}");
        }
    }
}
