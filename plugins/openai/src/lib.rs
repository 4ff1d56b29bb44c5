//! OpenAI's models over Responses and Chat Completions, and every service that speaks like them.
//!
//! One provider for each known vendor; any other service is asked through `openai` with an address of its own. The
//! modules: `service` works out where a request goes and how it is wanted there, `responses` and `completions` turn
//! conversations into bodies and events into deltas without any I/O, `client` does the I/O. Nothing here keeps state.
mod catalog;
mod client;
mod compat;
mod completions;
mod errors;
mod history;
mod proof;
mod reader;
mod responses;
mod service;
mod sse;
mod vendors;

use openclaw_plugin_api::prelude::*;

/// Registers the rows of the table of vendors, each under its id.
macro_rules! rows {
    ($api:ident, $host:ident; $($row:literal)*) => {
        const _: () = assert!([$($row),*].len() == vendors::IDS.len(), "a vendor is not registered");
        $($api.provider(client::Row::<$row>::new(&$host));)*
    };
}

export_plugin!(
    Declaration::new("openai", "OpenAI and compatible")
        .providers(vendors::IDS)
        .apis(&["openai-completions", "openai-responses"])
        .network(Network::Host(vendors::HOSTS))
        .secrets(vendors::KEYS)
        .default_enabled(),
    start
);

fn start(api: &mut Registrar) -> Result<()> {
    let host = api.host().clone();
    rows!(api, host; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24);
    Ok(())
}

#[cfg(test)]
mod tests;
