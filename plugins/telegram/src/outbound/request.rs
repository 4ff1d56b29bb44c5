//! One request that shows in a chat, and what is changed in it when Telegram doesn't like it.
//!
//! Invariant: a request is repeated only after Telegram refused it, so nothing shows twice.
use crate::{account::Account, api::Failure};
use openclaw_plugin_api::{MediaRef, Multipart};
use serde_json::{Map, Value};

/// A request that shows in a chat.
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) fields: Map<String, Value>,
    pub(super) files: Vec<Part>,
    /// The text without formatting, for the field `text` or `caption`.
    pub(super) plain: Option<String>,
}

/// One file of a request.
pub(super) struct Part {
    /// Name of the field.
    pub(super) field: String,
    /// What it holds.
    pub(super) media: MediaRef,
    /// The name that people see.
    pub(super) file_name: String,
}

impl Request {
    /// A request of Telegram's own with these fields.
    pub(super) fn new(method: &'static str, fields: Map<String, Value>) -> Self {
        Self {
            method,
            fields,
            files: Vec::new(),
            plain: None,
        }
    }

    pub(super) fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    /// Sends it; gives what Telegram answers.
    pub(super) async fn deliver(mut self, account: &Account) -> Result<Value, Failure> {
        loop {
            let outcome = if self.files.is_empty() {
                account
                    .api
                    .deliver(self.method, &Value::Object(self.fields.clone()))
                    .await
            } else {
                let more = MediaRef::sending_time(self.files.iter().map(|part| &part.media));
                account.api.upload(self.method, self.form(), more).await
            };
            match outcome {
                Ok(result) => return Ok(result),
                Err(failure) if self.adapt(&failure) => {
                    tracing::debug!(
                        account = account.id,
                        method = self.method,
                        "sent again in another form"
                    );
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// What a request with files carries; fields that aren't texts are written as JSON.
    fn form(&self) -> Multipart {
        let form = self.fields.iter().fold(Multipart::new(), |form, (name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            form.text(name, value)
        });
        self.files.iter().fold(form, |form, part| {
            form.file(&part.field, part.media.clone(), &part.file_name)
        })
    }

    /// Takes away what Telegram objects to. Each thing can be taken once, so this ends.
    fn adapt(&mut self, failure: &Failure) -> bool {
        if let Failure::Refused(refusal) = failure
            && let Some(chat) = refusal.migrate_to
            && self.fields.get("chat_id") != Some(&chat.into())
        {
            self.set("chat_id", chat);
            return true;
        }
        if failure.says(&[
            "parse entities",
            "find end of the entity",
            "message text is empty",
        ]) {
            return self.unformat();
        }
        if failure.says(&["message thread not found"]) {
            return self.fields.remove("message_thread_id").is_some();
        }
        if failure.says(&[
            "message to be replied not found",
            "reply message not found",
            "replied message not found",
        ]) {
            return self.fields.remove("reply_parameters").is_some();
        }
        if failure.says(&[
            "photo_invalid_dimensions",
            "image_process_failed",
            "photo_ext_invalid",
            "wrong type of the web page",
        ]) {
            return self.as_document("sendPhoto", "photo") || self.album_as_documents();
        }
        if failure.says(&["voice_messages_forbidden"]) {
            return self.as_document("sendVoice", "voice") || self.as_document("sendVideoNote", "video_note");
        }
        false
    }

    /// Puts the text without formatting in the place of the other. Albums have it with their first file.
    fn unformat(&mut self) -> bool {
        let field = if self.fields.contains_key("text") {
            "text"
        } else {
            "caption"
        };
        let place = match self
            .fields
            .get_mut("media")
            .and_then(|media| media.get_mut(0))
            .and_then(Value::as_object_mut)
        {
            Some(first) => first,
            None => &mut self.fields,
        };
        match self.plain.take().filter(|plain| !plain.trim().is_empty()) {
            Some(plain) if place.remove("parse_mode").is_some() => {
                place.insert(field.to_owned(), plain.into());
                true
            }
            _ => false,
        }
    }

    fn as_document(&mut self, method: &str, field: &str) -> bool {
        if self.method != method {
            return false;
        }
        self.method = "sendDocument";
        self.files
            .iter_mut()
            .filter(|part| part.field == field)
            .for_each(|part| part.field = "document".into());
        true
    }

    /// One picture that Telegram can't show costs the others nothing: all go as files, still as one album.
    fn album_as_documents(&mut self) -> bool {
        let items = self.fields.get_mut("media").and_then(Value::as_array_mut);
        let mut changed = false;
        for item in items.into_iter().flatten() {
            if matches!(item["type"].as_str(), Some("photo" | "video")) {
                item["type"] = "document".into();
                changed = true;
            }
        }
        changed
    }
}

/// The ids of the messages in an answer: one, or those of an album.
pub(super) fn message_ids(result: &Value) -> Vec<i64> {
    let one = std::slice::from_ref(result);
    let messages = result.as_array().map_or(one, Vec::as_slice);
    messages
        .iter()
        .filter_map(|message| message["message_id"].as_i64())
        .collect()
}
