//! What a channel tells its host: what happened, and how it is doing.
use super::host_ids;
use crate::{ChannelStatus, Host, Inbound, Result};

/// A channel's way in; given to [`crate::Channel::start`].
#[derive(Debug, Clone)]
pub struct ChannelHost {
    host: Host,
    id: &'static str,
}

impl ChannelHost {
    pub(super) fn new(host: Host, id: &'static str) -> Self {
        Self { host, id }
    }

    /// Hands over one event. When this returns, the host has it for good: the platform may be told so, and a second
    /// event with the same id has no effect. An error means that the host doesn't have it; try again later.
    pub async fn inbound(&self, event: &Inbound) -> Result<()> {
        self.host.call(host_ids::INBOUND, self.id, event).await
    }

    /// May the sender of this event write there, as it looks now? For work that is only worth it then, such as fetching
    /// files. It has no effect, and [`ChannelHost::inbound`] judges anew. A host of an earlier release always says yes.
    pub async fn admits(&self, event: &Inbound) -> Result<bool> {
        match self.host.serves(host_ids::ADMITS) {
            true => self.host.call(host_ids::ADMITS, self.id, event).await,
            false => Ok(true),
        }
    }

    /// Says how an account is doing. Once when it breaks and once when it is back, not in between.
    pub async fn status(&self, status: &ChannelStatus) -> Result<()> {
        self.host.call(host_ids::CHANNEL_STATUS, self.id, status).await
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }
}
