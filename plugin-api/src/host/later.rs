//! Tools whose work goes on when their call has been answered, and what the commands of an agent get from its operator.
//!
//! A call that is answered with "it goes on" owes the agent an end. The host notes the debt while the call is under way,
//! with what the call was allowed to do; so the news wake the conversation with the same rights, once. Where the plugin ends
//! first, the host tells what was noted for that case: at once, or at its next start if it ended itself.
use super::{Host, host_ids};
use crate::{Backoff, Result, Secret, ToolOrigin};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

/// Bounds of the wait before the host is told again.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What is noted of work that goes on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Unfinished {
    /// The call, as it came from the host. It has to be under way.
    pub origin: ToolOrigin,
    /// What the agent is told if the gateway or the plugin's instance ends before the work does.
    pub lost: String,
}

/// What there is to say of work that still goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Interim {
    /// Id of the work, as the host gave it.
    pub id: String,
    /// Takes the place of [`Unfinished::lost`]. Empty: that stays.
    pub lost: String,
    /// What the agent is told now, once for each work. Empty: nothing.
    pub text: String,
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

/// Variables that the operator set for what the agent of a call does.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Variables {
    /// All of them, by name.
    pub values: BTreeMap<String, Secret>,
    /// The names of those that anybody may read. The others are secrets.
    pub plain: BTreeSet<String>,
}

/// Work that goes on; see [`Host::goes_on`]. If it is dropped, the agent hears that it was lost when the plugin's instance or
/// the gateway has ended.
pub struct GoesOn {
    host: Host,
    id: String,
}

impl Host {
    /// The call with this origin will be answered before its work is done. `lost` is what the agent is told if the gateway or
    /// this instance ends first. To be called before the call is answered.
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

    /// The same, with what is known of which are secrets. On a host that can't say it, all of them are.
    pub async fn tool_variables(&self, origin: &ToolOrigin) -> Result<Variables> {
        if self.serves(host_ids::TOOL_VARIABLES) {
            return self.call(host_ids::TOOL_VARIABLES, "", origin).await;
        }
        let values = self.tool_environment(origin).await?;
        let plain = BTreeSet::new();
        Ok(Variables { values, plain })
    }
}

impl GoesOn {
    /// Tells the agent what became of it, in a turn of the conversation. When this returns well, it is on the disk. While
    /// the host can't take it, it is told again: a repeat has no effect.
    pub async fn tell(self, text: &str) -> Result<()> {
        let (id, text) = (self.id, text.to_owned());
        let news = News { id, text };
        let mut backoff = Backoff::new(AGAIN.0, AGAIN.1);
        loop {
            let error = match self.host.call(host_ids::TOOL_NEWS, "", &news).await {
                Err(error) if error.kind().is_transient() => error,
                told => return told,
            };
            tracing::debug!(%error, "the end of work is told again later");
            let asked = error.retry_after().unwrap_or_default();
            self.host.sleep(backoff.next_wait().max(asked.min(AGAIN.1))).await;
        }
    }

    /// From now on, the agent is told this if the gateway or the instance ends first. When it returns well, it is on the disk.
    pub async fn if_lost(&self, lost: &str) -> Result<()> {
        let lost = lost.to_owned();
        self.interim(Interim {
            lost,
            ..Interim::default()
        })
        .await
    }

    /// Tells the agent something while it still goes on, in a turn of the conversation: once, further ones have no effect.
    pub async fn notice(&self, text: &str) -> Result<()> {
        let text = text.to_owned();
        self.interim(Interim {
            text,
            ..Interim::default()
        })
        .await
    }

    async fn interim(&self, interim: Interim) -> Result<()> {
        let id = self.id.clone();
        let interim = Interim { id, ..interim };
        self.host.call(host_ids::TOOL_INTERIM, "", &interim).await
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

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::TestHost;

    #[tokio::test(start_paused = true)]
    async fn news_that_the_host_can_t_take_are_told_until_it_has_them() -> Result<()> {
        let fake = TestHost::new();
        let host = fake.host();
        let work = host.goes_on(&ToolOrigin::default(), "lost").await?;
        fake.refuse_inbound(true);
        let telling = tokio::spawn(async move { work.tell("it has ended").await });
        host.sleep(10 * AGAIN.1).await;
        assert!(fake.news().is_empty() && !telling.is_finished());
        fake.refuse_inbound(false);
        telling.await??;
        assert_eq!(fake.news().len(), 1);
        Ok(())
    }

    #[tokio::test]
    async fn what_is_said_meanwhile_ends_nothing() -> Result<()> {
        let fake = TestHost::new();
        let work = fake.host().goes_on(&ToolOrigin::default(), "lost").await?;
        work.if_lost("lost later").await?;
        work.notice("it runs").await?;
        assert_eq!(fake.unfinished()[0].lost, "lost later");
        assert_eq!(fake.interim().last().map(|i| i.text.as_str()), Some("it runs"));
        assert!(fake.news().is_empty());
        Ok(())
    }

    #[tokio::test]
    async fn what_nobody_calls_plain_is_secret() -> Result<()> {
        let fake = TestHost::new();
        fake.set_tool_variable("KEY", "a-value");
        fake.set_plain_tool_variable("REGION", "eu");
        let found = fake.host().tool_variables(&ToolOrigin::default()).await?;
        assert_eq!(found.values.len(), 2);
        assert_eq!(found.plain, ["REGION".to_owned()].into());
        assert!(!format!("{found:?}").contains("a-value"));
        Ok(())
    }
}
