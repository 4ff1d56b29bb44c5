//! One WebSocket message, and its form on the wire.
//!
//! Pings and pongs don't appear: the protocol handles them.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message as WireMessage, Utf8Bytes};

use crate::http::error::{Error, Result};
use crate::http::limits;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// The end, with its code and reason. A peer that gives no code is reported as 1005 (RFC 6455 §7.1.5).
    Close {
        /// Status code.
        code: u16,
        /// Reason; a longer one than 123 bytes is shortened when sent.
        reason: String,
    },
}

/// A close code that stands for "none given" and must not be sent.
const NO_CODE: u16 = 1005;

impl Message {
    /// `None` for pings and pongs, which the protocol handles.
    pub(super) fn from_wire(message: WireMessage) -> Option<Self> {
        match message {
            WireMessage::Text(text) => Some(Self::Text(text.as_str().to_owned())),
            WireMessage::Binary(bytes) => Some(Self::Binary(bytes)),
            WireMessage::Close(None) => Some(Self::Close {
                code: NO_CODE,
                reason: String::new(),
            }),
            WireMessage::Close(Some(frame)) => Some(Self::Close {
                code: frame.code.into(),
                reason: frame.reason.as_str().to_owned(),
            }),
            WireMessage::Ping(_) | WireMessage::Pong(_) | WireMessage::Frame(_) => None,
        }
    }

    pub(super) fn into_wire(self) -> Result<WireMessage> {
        match self {
            Self::Text(text) => Ok(WireMessage::Text(text.into())),
            Self::Binary(bytes) => Ok(WireMessage::Binary(bytes)),
            Self::Close { code, reason } => {
                let code = CloseCode::from(code);
                if !code.is_allowed() {
                    return Err(Error::invalid_request(
                        "a WebSocket close needs a code of 1000, 1001, 1003, 1007 to 1014 or above",
                    ));
                }
                let reason = Utf8Bytes::from(&reason[..reason.floor_char_boundary(limits::MAX_CLOSE_REASON)]);
                Ok(WireMessage::Close(Some(CloseFrame { code, reason })))
            }
        }
    }
}
