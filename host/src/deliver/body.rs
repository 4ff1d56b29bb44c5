//! What stands in the outbox: one message, either new or in the place of its preview.
use crate::{journal::NewDelivery, plugins::registry::Registry, route};
use openclaw_plugin_api::{
    ChannelInfo, Edit, Inbound, MediaRef, MessageTarget, Outbound, Receipt, Result, surface::ids,
};
use serde::{Deserialize, Serialize};

/// Where replies to an event go, one after the other.
pub fn lane_of(channel: &str, event: &Inbound) -> String {
    let chat = &event.chat;
    format!("{channel}:{}:{}:{}", event.account_id, chat.id, chat.thread_id)
}

/// Where messages to a place go, one after the other.
pub fn lane_to(place: &route::Delivery) -> String {
    let route::Delivery {
        channel,
        account_id,
        chat_id,
        thread_id,
    } = place;
    format!("{channel}:{account_id}:{chat_id}:{thread_id}")
}

/// A message to where an event came from, as a reply to it.
pub fn message_to(event: &Inbound, text: String, idempotency_key: String) -> Outbound {
    Outbound {
        idempotency_key,
        account_id: event.account_id.clone(),
        chat_id: event.chat.id.clone(),
        thread_id: event.chat.thread_id.clone(),
        text,
        reply_to: event.message_id.clone(),
        event_id: event.event_id.clone(),
        event_message_id: event.message_id.clone(),
        ..Outbound::default()
    }
}

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

    /// As the outbox has it.
    pub fn to(&self, lane: &str, channel: &str) -> NewDelivery {
        NewDelivery {
            lane: lane.to_owned(),
            channel: channel.to_owned(),
            body: serde_json::to_string(self).unwrap_or_default(),
            key: String::new(),
        }
    }

    /// The same for a message that somebody may ask for twice and that is sent once.
    pub fn once(&self, lane: &str, channel: &str) -> NewDelivery {
        NewDelivery {
            key: self.message.idempotency_key.clone(),
            ..self.to(lane, channel)
        }
    }

    /// As a message of its own, if it was to take the place of its preview.
    pub(super) fn anew(&self) -> Option<String> {
        let alone = (!self.preview.is_empty()).then(|| Self::new(self.message.clone()));
        serde_json::to_string(&alone?).ok()
    }

    /// Trying it twice shows it once.
    pub(super) fn is_idempotent(&self, channel: &ChannelInfo) -> bool {
        channel.idempotent_send || !self.preview.is_empty()
    }

    /// One try of what is queued since then.
    pub(super) async fn send(
        mut self,
        registry: &Registry,
        channel: &str,
        queued_ms: i64,
    ) -> Result<Receipt> {
        let plugin = registry.channel(channel)?;
        if self.preview.is_empty() {
            self.message.queued_ms = queued_ms.try_into().unwrap_or(0);
            let (message, more) = (&self.message, MediaRef::sending_time(&self.message.attachments));
            return plugin
                .call_longer(ids::channel::SEND, channel, message, more)
                .await;
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
        };
        plugin.call(ids::channel::EDIT, channel, &edit).await
    }
}
