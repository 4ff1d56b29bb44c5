//! Phone calls for the gateway: carriers, webhooks that can't be forged, and the calls themselves.
//!
//! Who may call is decided here, because a phone number is all that is known of a caller; what is answered is the agent's
//! matter. Invariant: nothing reaches the call model that a carrier has not signed.
mod call;
mod clock;
mod config;
mod phone;
mod provider;
mod reach;
mod settings;
mod surface;
mod webhook;

use openclaw_plugin_api::{config_schema, prelude::*, ui_hints};

/// Everything that the plugin offers and needs.
const DECLARATION: Declaration = Declaration::new("voice-call", "Voice calls")
    .routes(&[settings::WEBHOOK_PATH])
    .route_keys(&[(settings::WEBHOOK_PATH, "serve.path")])
    .methods(surface::METHODS)
    .commands(&[surface::COMMAND])
    .tools(&[surface::TOOL])
    .services(&[phone::VoiceCall::ID])
    .network(Network::Host(&[
        "*.twilio.com",
        "api.telnyx.com",
        "api.plivo.com",
    ]))
    .secrets(settings::VARIABLES);

export_plugin!(
    DECLARATION.config(config_schema!()).ui_hints(ui_hints!()),
    |api| {
        let config: config::Config = api.config()?;
        for note in settings::judge(&config)? {
            tracing::warn!(note, "voice-call: an older form of a key is in use");
        }
        let (host, line) = (api.host().clone(), phone::Line::new());
        api.http(webhook::Webhooks::new(line.clone()));
        api.methods(surface::VoiceMethods::new(host.clone(), line.clone()));
        api.commands(surface::Command::new(line.clone()));
        api.tool(surface::VoiceTool::new(line.clone()));
        api.service(phone::VoiceCall::new(host, config, line, clock::Clock::system()));
        Ok(())
    }
);

#[cfg(test)]
mod tests;
