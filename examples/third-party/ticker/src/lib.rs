//! A channel whose other side is a clock: it says something now and then and logs what it is answered.
mod config;

use openclaw_plugin_api::{TaskHandle, config_schema, prelude::*};
use std::{collections::HashMap, sync::Mutex, time::Duration, time::UNIX_EPOCH};

/// The running clocks, by account.
#[derive(Default)]
struct Ticker(Mutex<HashMap<String, TaskHandle>>);

impl Channel for Ticker {
    const ID: &'static str = "ticker";

    async fn start(&self, account: Account, host: ChannelHost) -> Result<()> {
        self.stop(account.id.clone()).await?;
        let config::Config { every_seconds, text } = serde_json::from_value(account.config)?;
        let id = account.id.clone();
        let task = host.host().clone().spawn(async move {
            loop {
                host.host().sleep(Duration::from_secs(every_seconds)).await;
                let event_id = UNIX_EPOCH.elapsed().unwrap_or_default().as_millis().to_string();
                let mut event = Inbound { event_id, account_id: id.clone(), ..Inbound::default() };
                (event.chat.id, event.sender.id, event.text) = ("clock".into(), "clock".into(), text.clone());
                if let Err(error) = host.inbound(&event).await {
                    tracing::warn!(%error, "the host did not take a tick");
                }
            }
        });
        self.0.lock().expect("nothing panics under this lock").insert(account.id, task);
        Ok(())
    }

    async fn stop(&self, account_id: String) -> Result<()> {
        let task = self.0.lock().expect("nothing panics under this lock").remove(&account_id);
        task.into_iter().for_each(TaskHandle::abort);
        Ok(())
    }

    async fn send(&self, message: Outbound) -> Result<Receipt> {
        tracing::info!(text = message.text, "the clock was spoken to");
        Ok(Receipt::default())
    }
}

const DECLARATION: Declaration = Declaration::new("ticker", "Ticker").channels(&["ticker"]);

export_plugin!(DECLARATION.channel_config(&[("ticker", config_schema!("ticker"))]), |api| {
    api.channel(Ticker::default());
    Ok(())
});
