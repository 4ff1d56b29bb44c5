//! OpenAI's models over Responses and Chat Completions, and every service that speaks like them.
//!
//! One provider for each known vendor; any other service is asked through `openai` with an address of its own. The
//! modules: `service` works out where a request goes and how it is wanted there, `responses` and `completions` turn
//! conversations into bodies and events into deltas without any I/O, `client` does the I/O; `speech` speaks and listens.
//! Nothing here keeps state.
mod catalog;
mod client;
mod compat;
mod completions;
mod embeddings;
mod errors;
mod history;
mod proof;
mod reader;
mod responses;
mod service;
mod speech;
mod vendors;

use openclaw_plugin_api::prelude::*;

export_plugin!(
    Declaration::new("openai", "OpenAI and compatible")
        .providers(vendors::IDS)
        .apis(&["openai-completions", "openai-responses"])
        .speech(&[speech::ENGINE])
        .network(Network::Host(vendors::HOSTS))
        .secrets(vendors::KEYS)
        .default_enabled(),
    start
);

fn start(api: &mut Registrar) -> Result<()> {
    let host = api.host().clone();
    for vendor in vendors::VENDORS {
        api.provider_as(vendor.id, client::OpenAi::new(&host, vendor));
    }
    api.speech(speech::OpenAiSpeech::new(&host));
    Ok(())
}

#[cfg(test)]
mod tests;
