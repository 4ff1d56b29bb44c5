//! What is answered to a call, without any wire.
use super::{Call, Fault, Shown, Telegram, form, html, spec};
use serde_json::{Value, json};

/// Longest text, UTF-16 units after formatting.
const TEXT_LIMIT: usize = 4096;
/// Longest caption, UTF-16 units after formatting.
const CAPTION_LIMIT: usize = 1024;

/// Messages that are kept as people see them; older ones are forgotten.
const MAX_SHOWN: usize = 100_000;

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body, JSON but for files.
    pub body: Vec<u8>,
    /// The connection breaks in the middle of it.
    pub cut: bool,
}

/// A refusal: code, words, and seconds to wait.
type Refusal = (u16, String, Option<u64>);

impl Telegram {
    /// Answers a request at once; a poll with nothing to tell is answered with nothing. For hosts without a wire.
    pub fn exchange(&self, path: &str, content_type: &str, body: &[u8]) -> Reply {
        if let Some(reply) = self.download(path) {
            return reply;
        }
        let (method, call) = match self.open(path, content_type, body) {
            Ok(opened) => opened,
            Err(refusal) => return refuse(refusal),
        };
        let fault = self.next_fault(&method);
        self.settle(&call, fault)
    }

    /// The method and the call of a request, if it is for this bot and Telegram would take it.
    pub(super) fn open(
        &self,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<(String, Call), Refusal> {
        let method = path
            .strip_prefix("/bot")
            .and_then(|rest| rest.strip_prefix(&self.shared.token));
        let method =
            method
                .and_then(|rest| rest.strip_prefix('/'))
                .ok_or((401, "Unauthorized".to_owned(), None))?;
        let (body, files) = form::parse(content_type, body);
        let call = Call {
            method: method.to_owned(),
            body,
            files,
        };
        self.note(call.clone());
        if let Err(problem) = spec::check(method, &call.body) {
            self.complain(format!("{method}: {problem}"));
            return Err((400, format!("Bad Request: {problem}"), None));
        }
        Ok((method.to_owned(), call))
    }

    /// The answer to a call, or what the script says.
    pub(super) fn settle(&self, call: &Call, fault: Option<Fault>) -> Reply {
        match fault {
            Some(Fault::Refuse {
                code,
                description,
                retry_after,
            }) => refuse((code, description, retry_after)),
            Some(Fault::Page { status }) => Reply {
                status,
                body: b"<html>gateway</html>".to_vec(),
                cut: false,
            },
            Some(Fault::Cut | Fault::HalfOpen) => Reply {
                cut: true,
                ..self.result(call)
            },
            Some(Fault::Delay(_)) | None => self.result(call),
        }
    }

    fn result(&self, call: &Call) -> Reply {
        match self.act(call) {
            Ok(result) => Reply {
                status: 200,
                body: json!({ "ok": true, "result": result }).to_string().into_bytes(),
                cut: false,
            },
            Err(refusal) => refuse(refusal),
        }
    }

    fn act(&self, call: &Call) -> Result<Value, Refusal> {
        let body = &call.body;
        match call.method.as_str() {
            "getMe" => {
                let mut me = Self::bot();
                me["can_read_all_group_messages"] = true.into();
                me["has_topics_enabled"] = self.state().topics_in_private.into();
                Ok(me)
            }
            "getUpdates" => self.updates(body),
            "setWebhook" => {
                self.state().webhook = body["url"]
                    .as_str()
                    .filter(|url| !url.is_empty())
                    .map(str::to_owned);
                Ok(true.into())
            }
            "deleteWebhook" => {
                self.state().webhook = None;
                Ok(true.into())
            }
            "getFile" => {
                let id = body["file_id"].as_str().unwrap_or_default();
                let size = self.state().files.get(id).map(Vec::len);
                let size = size.ok_or_else(|| bad("invalid file_id"))?;
                Ok(json!({ "file_id": id, "file_unique_id": id, "file_size": size, "file_path": id }))
            }
            "sendMediaGroup" => {
                let count = body["media"].as_array().map_or(0, Vec::len);
                if !(2..=10).contains(&count) {
                    return Err(bad("group send failed: an album has 2 to 10 files"));
                }
                Ok((0..count).map(|_| self.echoed(body)).collect())
            }
            "deleteMessage" => {
                let id = body["message_id"].as_i64();
                self.state().shown.retain(|shown| Some(shown.id) != id);
                Ok(true.into())
            }
            "sendChatAction"
            | "answerCallbackQuery"
            | "setMessageReaction"
            | "setMyCommands"
            | "deleteMyCommands"
            | "editForumTopic" => Ok(true.into()),
            "createForumTopic" => {
                Ok(json!({ "message_thread_id": 77, "name": body["name"], "icon_color": 7_322_096 }))
            }
            method if method.starts_with("send") || method.starts_with("edit") => {
                check_text(body)?;
                let message = self.echoed(body);
                self.show(&message, body);
                Ok(message)
            }
            method => Err((
                404,
                format!("Not Found: method {method} is not one of the fake's"),
                None,
            )),
        }
    }

    /// Confirms what lies below the offset and gives the rest.
    fn updates(&self, body: &Value) -> Result<Value, Refusal> {
        let mut state = self.state();
        if state.webhook.is_some() {
            let words =
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first";
            return Err((409, words.to_owned(), None));
        }
        let offset = body["offset"].as_i64().unwrap_or_default();
        while state
            .updates
            .front()
            .is_some_and(|update| update["update_id"].as_i64() < Some(offset))
        {
            state.updates.pop_front();
        }
        let limit = body["limit"]
            .as_u64()
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(100);
        Ok(state.updates.iter().take(limit.min(100)).cloned().collect())
    }

    /// A message of the bot as it is answered.
    fn echoed(&self, body: &Value) -> Value {
        let id = body["message_id"].as_i64().unwrap_or_else(|| self.new_message());
        let chat = json!({ "id": body["chat_id"], "type": "private" });
        json!({ "message_id": id, "date": 1_760_000_000, "chat": chat, "from": Self::bot() })
    }

    /// Keeps what people see of a message.
    fn show(&self, message: &Value, body: &Value) {
        let raw = body["text"]
            .as_str()
            .or(body["caption"].as_str())
            .unwrap_or_default()
            .to_owned();
        let text = match body["parse_mode"].as_str() {
            Some("HTML") => html::plain(&raw).unwrap_or_default(),
            _ => raw.clone(),
        };
        let id = message["message_id"].as_i64().unwrap_or_default();
        let mut state = self.state();
        match state.shown.iter_mut().find(|shown| shown.id == id) {
            Some(shown) => (shown.text, shown.raw) = (text, raw),
            None => {
                if state.shown.len() >= MAX_SHOWN {
                    state.shown.remove(0);
                }
                let chat = body["chat_id"].clone();
                state.shown.push(Shown { id, chat, text, raw });
            }
        }
    }

    /// The file at a path; none if the path is not one of files.
    pub(super) fn download(&self, path: &str) -> Option<Reply> {
        let file = path.strip_prefix("/file/bot")?;
        let file = file
            .strip_prefix(&self.shared.token)
            .and_then(|file| file.strip_prefix('/'));
        let bytes = file.and_then(|file| self.state().files.get(file).cloned());
        Some(match bytes {
            Some(body) => Reply {
                status: 200,
                body,
                cut: false,
            },
            None => refuse((404, "Not Found".to_owned(), None)),
        })
    }
}

fn check_text(body: &Value) -> Result<(), Refusal> {
    for (field, limit, words) in [
        ("text", TEXT_LIMIT, "message is too long"),
        ("caption", CAPTION_LIMIT, "message caption is too long"),
    ] {
        let Some(text) = body[field].as_str() else {
            continue;
        };
        let plain = match body["parse_mode"].as_str() {
            Some("HTML") => {
                html::plain(text).map_err(|problem| bad(&format!("can't parse entities: {problem}")))?
            }
            _ => text.to_owned(),
        };
        if plain.trim().is_empty() && field == "text" {
            return Err(bad("message text is empty"));
        }
        if plain.encode_utf16().count() > limit {
            return Err(bad(words));
        }
    }
    Ok(())
}

fn bad(words: &str) -> Refusal {
    (400, format!("Bad Request: {words}"), None)
}

pub(super) fn refuse((code, description, retry_after): Refusal) -> Reply {
    let mut body = json!({ "ok": false, "error_code": code, "description": description });
    if let Some(seconds) = retry_after {
        body["parameters"] = json!({ "retry_after": seconds });
    }
    Reply {
        status: code,
        body: body.to_string().into_bytes(),
        cut: false,
    }
}
