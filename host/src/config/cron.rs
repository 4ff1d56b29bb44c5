//! `cron`: jobs that run at a time. The jobs themselves are no configuration; they stand in the journal.
use super::secrets::SecretInput;
use schemars::JsonSchema;
use serde::Deserialize;

/// Jobs that run at once, if the file does not say.
const MAX_CONCURRENT: usize = 1;

/// `cron`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CronConfig {
    /// Do jobs run? Default: true.
    pub enabled: Option<bool>,
    /// Jobs that run at once. Default: 1.
    #[schemars(range(min = 1, max = 64))]
    pub max_concurrent_runs: Option<usize>,
    /// Leave out what was missed while no gateway ran? Default: false, it is done once.
    pub skip_missed_jobs: Option<bool>,
    /// What webhooks are told as `Authorization: Bearer …`.
    pub webhook_token: Option<SecretInput>,
    /// Where webhooks may lead.
    pub webhook_ssrf_policy: WebhookPolicy,
}

/// `cron.webhookSsrfPolicy`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookPolicy {
    /// Also into private networks and to this machine. Default: false.
    pub dangerously_allow_private_network: bool,
}

impl CronConfig {
    /// Jobs run.
    pub fn is_on(&self) -> bool {
        self.enabled != Some(false)
    }

    /// Jobs that run at once.
    pub fn places(&self) -> usize {
        self.max_concurrent_runs.unwrap_or(MAX_CONCURRENT)
    }
}
