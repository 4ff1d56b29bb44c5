//! Telegram bots for the gateway: the wire of the Bot API, and nothing of who may write or what is answered.
//!
//! Invariant: Telegram is told "got it" only after the host has the event.
mod account;
mod api;
mod channel;
mod config;
mod inbound;
mod intake;
mod lane;
mod menu;
mod outbound;
mod poll;
mod sent;
mod token;
mod watermark;
mod webhook;

use openclaw_plugin_api::{config_schema, prelude::*};

/// Everything that the plugin offers and needs.
const DECLARATION: Declaration = Declaration::new("telegram", "Telegram")
    .channels(&["telegram"])
    .routes(&[webhook::PATH])
    .network(Network::Host(&["api.telegram.org"]))
    .secrets(&[token::VARIABLE]);

export_plugin!(
    DECLARATION.channel_config(&[("telegram", config_schema!("telegram"))]),
    |api| {
        let accounts = account::Accounts::default();
        api.channel(channel::Telegram::new(accounts.clone()));
        api.http(webhook::Webhook::new(accounts));
        Ok(())
    }
);

#[cfg(test)]
mod tests;
