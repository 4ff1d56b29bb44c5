//! Tools whose work goes on when their call has been answered, and what the commands of an agent get from its operator.
//!
//! A call that is answered with "it goes on" owes the agent an end. The host notes the debt while the call is under way,
//! with what the call was allowed to do; so the news wake the conversation with the same rights, once, and a gateway that
//! ends first tells of it at its next start.
use super::{Host, host_ids};
use crate::{Result, Secret, ToolOrigin};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// What is noted of work that goes on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Unfinished {
    /// The call, as it came from the host. It has to be under way.
    pub origin: ToolOrigin,
    /// What the agent is told if the gateway ends before the work does.
    pub lost: String,
}

/// The end of work that went on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct News {
    /// Id of the work, as the host gave it.
    pub id: String,
    /// What became of it. Empty: nobody need hear of it.
    pub text: String,
}

/// Work that goes on; see [`Host::goes_on`]. If it is dropped, the agent hears at the gateway's next start that it was lost.
pub struct GoesOn {
    host: Host,
    id: String,
}

impl Host {
    /// The call with this origin will be answered before its work is done. `lost` is what the agent is told if the gateway
    /// ends first. To be called before the call is answered.
    pub async fn goes_on(&self, origin: &ToolOrigin, lost: &str) -> Result<GoesOn> {
        let unfinished = Unfinished {
            origin: origin.clone(),
            lost: lost.to_owned(),
        };
        let id = self.call(host_ids::TOOL_GOES_ON, "", &unfinished).await?;
        let host = self.clone();
        Ok(GoesOn { host, id })
    }

    /// Variables that the operator set for what the call's agent does, such as the keys of its skills. The values are
    /// secrets. Only for plugins that start processes.
    pub async fn tool_environment(&self, origin: &ToolOrigin) -> Result<BTreeMap<String, Secret>> {
        self.call(host_ids::TOOL_ENVIRONMENT, "", origin).await
    }
}

impl GoesOn {
    /// Tells the agent what became of it, in a turn of the conversation. When this returns well, it is on the disk.
    pub async fn tell(self, text: &str) -> Result<()> {
        let (id, text) = (self.id, text.to_owned());
        self.host.call(host_ids::TOOL_NEWS, "", &News { id, text }).await
    }

    /// The agent knows already, or need not.
    pub async fn forget(self) -> Result<()> {
        self.tell("").await
    }
}

impl fmt::Debug for GoesOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoesOn")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
