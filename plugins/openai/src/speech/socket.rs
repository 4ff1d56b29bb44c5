//! A socket of the realtime API: events as JSON, one in each message.
use super::Access;
use crate::errors::Told;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{WsMessage, WsReceiver, WsRequest, WsSender, prelude::*};

/// Time to open it, milliseconds.
const OPEN_MS: u64 = 10_000;
/// Longest event, bytes: a second of audio is 64 KB in base64.
const MAX_EVENT: u64 = 4 << 20;

/// An open socket.
pub(super) struct Socket {
    sender: WsSender,
    receiver: WsReceiver,
}

impl Socket {
    pub(super) async fn open(host: &Host, access: &Access, query: &str) -> Result<Self> {
        let base = &access.service.base_url;
        // http becomes ws, https becomes wss
        let url = format!("{}/realtime?{query}", base.replacen("http", "ws", 1));
        let key = access.key.as_ref();
        let headers = key.map(|key| ("authorization".to_owned(), format!("Bearer {}", key.expose())));
        let request = WsRequest {
            url,
            headers: headers.into_iter().collect(),
            timeout_ms: OPEN_MS,
            max_bytes: MAX_EVENT,
            ..WsRequest::default()
        };
        let (_, sender, receiver) = host.websocket(&request).await?;
        Ok(Self { sender, receiver })
    }

    pub(super) async fn send(&mut self, event: &Value) -> Result<()> {
        self.sender.text(event.to_string()).await
    }

    pub(super) async fn append(&mut self, audio: &[u8]) -> Result<()> {
        let audio = STANDARD.encode(audio);
        self.send(&json!({"type": "input_audio_buffer.append", "audio": audio}))
            .await
    }

    /// The next event. `None`: the other side has closed.
    pub(super) async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            match self.receiver.next().await? {
                None | Some(WsMessage::Close(_)) => return Ok(None),
                Some(WsMessage::Text(text)) => return Ok(Some(serde_json::from_str(&text)?)),
                Some(WsMessage::Binary(_)) => {}
            }
        }
    }
}

/// The kind of an event.
pub(super) fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default()
}

/// A text field of an event.
pub(super) fn text<'e>(event: &'e Value, field: &str) -> &'e str {
    event[field].as_str().unwrap_or_default()
}

/// Audio in an event; what is no base64 is none.
pub(super) fn audio(event: &Value) -> Vec<u8> {
    STANDARD.decode(text(event, "delta")).unwrap_or_default()
}

/// The error that an event tells.
pub(super) fn told(access: &Access, event: &Value) -> Error {
    access.error(Told::from_value(event))
}

/// Does an error end the session, or only what was asked?
pub(super) fn is_fatal(event: &Value) -> bool {
    let error = &event["error"];
    let (kind, code) = (text(error, "type"), text(error, "code"));
    kind != "invalid_request_error"
        || matches!(
            code,
            "invalid_api_key" | "model_not_found" | "session_expired" | "insufficient_quota"
        )
}
