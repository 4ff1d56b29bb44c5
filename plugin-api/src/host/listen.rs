//! A listener of the plugin's own, which the host opens, owns and closes. The plugin's routes are served on it as on the
//! gateway's port, with the same order of checks and the same limits.
use super::{host_ids, streamed::Streamed};
use crate::{Host, Result};
use serde::{Deserialize, Serialize};

/// Where to listen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ListenRequest {
    /// `127.0.0.1:3334`, `[::1]:3334`. Port 0 is any free one.
    pub bind: String,
}

/// What listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ListenHead {
    /// The address, with the port that it got.
    pub address: String,
}

/// A listener. Dropping it closes the port; what is being answered gets a few seconds.
#[derive(Debug)]
pub struct Listener {
    stream: Streamed,
    head: ListenHead,
}

impl Host {
    /// Serves the plugin's routes on an address of their own too: those that are signed or public, with their WebSockets.
    /// What needs the gateway's credentials stays on the gateway's port. While the gateway starts it waits; ask for it in
    /// a task, not in what the gateway waits for. An address that this plugin's former instance still has is waited for;
    /// one that another program has is an error.
    pub async fn listen(&self, bind: impl Into<String>) -> Result<Listener> {
        let request = ListenRequest { bind: bind.into() };
        let body = serde_json::to_vec(&request)?;
        let mut stream = Streamed::start(self, host_ids::LISTEN, "", body, None);
        let head = serde_json::from_slice(&stream.head("the listener").await?)?;
        Ok(Listener { stream, head })
    }
}

impl Listener {
    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.head.address
    }

    /// Waits for its end: well when the gateway stops, else with the reason.
    pub async fn ended(&mut self) -> Result<()> {
        while self.stream.next().await?.is_some() {}
        Ok(())
    }
}
