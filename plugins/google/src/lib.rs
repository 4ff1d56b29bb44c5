//! Google's Gemini models over the Generative Language API.
//!
//! The modules: `wire`, `history` and `embeddings` turn conversations and texts into bodies, `stream` turns events into deltas, `errors` turns
//! refusals into kinds, none of them with any I/O; `client` does the I/O. Nothing here keeps state between requests.
mod catalog;
mod client;
mod embeddings;
mod errors;
mod history;
mod proof;
mod stream;
mod wire;

use openclaw_plugin_api::prelude::*;

export_plugin!(
    Declaration::new("google", "Google Gemini")
        .providers(&["google"])
        .apis(&["google-generative-ai"])
        .network(Network::Host(&[client::HOST]))
        .secrets(client::KEYS)
        .default_enabled(),
    |api| {
        let provider = client::Google::new(api.host());
        api.provider(provider);
        Ok(())
    }
);

#[cfg(test)]
mod tests;
