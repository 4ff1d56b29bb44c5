//! A channel for tests: whatever is sent comes back as a new message of a person.
use openclaw_plugin_api::prelude::*;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

#[derive(Default)]
struct Loopback {
    host: Arc<Mutex<Option<ChannelHost>>>,
    sent: AtomicU64,
    prefix: Arc<Mutex<String>>,
}

impl Channel for Loopback {
    const ID: &'static str = "loopback";

    fn info(&self) -> ChannelInfo {
        ChannelInfo {
            label: "Loopback".into(),
            ..ChannelInfo::default()
        }
    }

    async fn start(&self, account: Account, host: ChannelHost) -> Result<()> {
        let status = ChannelStatus {
            account_id: account.id,
            state: ChannelState::Connected,
            identity: "loopback".into(),
            ..ChannelStatus::default()
        };
        host.status(&status).await?;
        *self.host.lock().unwrap_or_else(PoisonError::into_inner) = Some(host);
        Ok(())
    }

    async fn send(&self, message: Outbound) -> Result<Receipt> {
        let host = self.host.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let host =
            host.ok_or_else(|| Error::new(ErrorKind::Closed, "the loopback channel is not started"))?;
        let id = self.sent.fetch_add(1, Ordering::Relaxed).to_string();
        let event = Inbound {
            event_id: id.clone(),
            account_id: message.account_id,
            chat: Chat {
                id: message.chat_id,
                ..Chat::default()
            },
            sender: Sender {
                id: "loopback-user".into(),
                ..Sender::default()
            },
            message_id: id.clone(),
            text: self.prefix.lock().unwrap_or_else(PoisonError::into_inner).clone() + &message.text,
            ..Inbound::default()
        };
        host.inbound(&event).await?;
        Ok(Receipt {
            message_ids: vec![id],
        })
    }
}

/// What may be set: a text that goes before everything that comes back. It may change while the channel runs.
const CONFIG: &str =
    r#"{"type":"object","properties":{"prefix":{"type":"string"}},"additionalProperties":false}"#;

#[derive(Default, serde::Deserialize)]
struct Config {
    #[serde(default)]
    prefix: String,
}

export_plugin!(
    Declaration::new("loopback", "Loopback")
        .channels(&["loopback"])
        .config(CONFIG),
    |api| {
        let prefix = Arc::new(Mutex::new(api.config::<Config>()?.prefix));
        let (mut changes, current) = (api.host().config_changes(), prefix.clone());
        api.host().spawn(async move {
            while let Ok(Config { prefix }) = changes.changed().await {
                *current.lock().unwrap_or_else(PoisonError::into_inner) = prefix;
            }
        });
        api.channel(Loopback {
            prefix,
            ..Loopback::default()
        });
        Ok(())
    }
);
