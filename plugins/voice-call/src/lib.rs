//! Phone calls for the gateway: carriers, webhooks that can't be forged, and the calls themselves.
//!
//! Who may call is decided here, because a phone number is all that is known of a caller; what is answered is the agent's
//! matter. Invariant: nothing reaches the call model that a carrier has not signed.
#![cfg_attr(test, recursion_limit = "256")]

mod call;
mod clock;
mod config;
mod phone;
mod provider;
mod reach;
mod realtime;
mod settings;
mod stream;
mod surface;
mod tunnel;
mod ways;
mod webhook;

use openclaw_plugin_api::{config_schema, prelude::*, ui_hints};

/// Everything that the plugin offers and needs.
const DECLARATION: Declaration = Declaration::new("voice-call", "Voice calls")
    .routes(&[
        settings::WEBHOOK_PATH,
        settings::STREAM_PATH,
        settings::REALTIME_PATH,
    ])
    .route_keys(&[
        (settings::WEBHOOK_PATH, "serve.path"),
        (settings::STREAM_PATH, "streaming.streamPath"),
        (settings::REALTIME_PATH, "realtime.streamPath"),
    ])
    .methods(surface::METHODS)
    .commands(&[surface::COMMAND])
    .tools(&[surface::TOOL])
    .services(&[phone::VoiceCall::ID])
    // a tunnel of ngrok brings its own sockets; everything else goes through the host
    .network(Network::Own)
    .hosts(&["*.twilio.com", "api.telnyx.com", "api.plivo.com"])
    .processes(&["tailscale"])
    .secrets(settings::VARIABLES);

export_plugin!(
    DECLARATION.config(config_schema!()).ui_hints(ui_hints!()),
    |api| {
        let config: config::Config = api.config()?;
        for note in settings::judge(&config)? {
            tracing::warn!(note, "voice-call: a key of the configuration");
        }
        let (host, line) = (api.host().clone(), phone::Line::new());
        let streams = stream::Streams::new(&host, &config, clock::Clock::system());
        api.http(webhook::Webhooks::new(line.clone()));
        api.http(streams.clone());
        api.methods(surface::VoiceMethods::new(host.clone(), line.clone()));
        api.commands(surface::Command::new(line.clone(), config.clone()));
        api.tool(surface::VoiceTool::new(line.clone()));
        api.service(phone::VoiceCall::new(
            host,
            config,
            line,
            clock::Clock::system(),
            streams,
        ));
        Ok(())
    }
);

#[cfg(test)]
mod tests;
