//! Discord bots for the gateway: the wire of gateway and REST API, and nothing of who may write or what is answered.
//!
//! Invariant: Discord is told "got it" only after the host has the event.
mod account;
mod actions;
mod cache;
mod channel;
mod clock;
mod config;
mod gateway;
mod inbound;
mod interactions;
mod outbound;
mod recent;
mod rest;
mod token;
mod wire;

use openclaw_plugin_api::{config_schema, prelude::*};

/// Everything that the plugin offers and needs.
const DECLARATION: Declaration = Declaration::new("discord", "Discord")
    .channels(&["discord"])
    .network(Network::Host(&[
        "discord.com",
        "gateway.discord.gg",
        "*.discord.gg",
        "cdn.discordapp.com",
        "media.discordapp.net",
        "api.pluralkit.me",
    ]))
    .secrets(&[token::VARIABLE]);

export_plugin!(
    DECLARATION.channel_config(&[("discord", config_schema!("discord"))]),
    |api| {
        api.channel(channel::Discord::default());
        Ok(())
    }
);

#[cfg(test)]
mod tests;
