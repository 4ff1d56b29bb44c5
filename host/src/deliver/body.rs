//! What stands in the outbox: one message, either new or in the place of its preview.
use openclaw_plugin_api::{ChannelInfo, Edit, MessageTarget, Outbound, Receipt, Result, surface::ids};
use serde::{Deserialize, Serialize};

use crate::plugins::registry::Registry;

/// One message to deliver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// The message.
    pub message: Outbound,
    /// The message that showed its beginning and is to become it; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub preview: String,
}

impl Body {
    /// A message that nothing was shown of.
    pub fn new(message: Outbound) -> Self {
        Self {
            message,
            preview: String::new(),
        }
    }

    /// Trying it twice shows it once.
    pub(super) fn is_idempotent(&self, channel: &ChannelInfo) -> bool {
        channel.idempotent_send || !self.preview.is_empty()
    }

    /// One try.
    pub(super) async fn send(&self, registry: &Registry, channel: &str) -> Result<Receipt> {
        let plugin = registry.channel(channel)?;
        if self.preview.is_empty() {
            return plugin.call(ids::channel::SEND, channel, &self.message).await;
        }
        let message = &self.message;
        let edit = Edit {
            target: MessageTarget {
                account_id: message.account_id.clone(),
                chat_id: message.chat_id.clone(),
                thread_id: message.thread_id.clone(),
                message_id: self.preview.clone(),
            },
            text: message.text.clone(),
            buttons: message.buttons.clone(),
            ..Edit::default()
        };
        plugin.call(ids::channel::EDIT, channel, &edit).await
    }
}
