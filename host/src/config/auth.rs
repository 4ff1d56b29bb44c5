//! `auth`: which accounts there are at model vendors and in which order they are used. It holds no secrets.
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

use super::{agents::words, ordered::Ordered};

/// `auth`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthConfig {
    /// The accounts, by id (`provider:name`).
    pub profiles: Ordered<AuthProfile>,
    /// In which order the accounts of a provider are tried, by provider.
    pub order: BTreeMap<String, Vec<String>>,
    /// How long an account rests after a fault; of February 2026.
    pub cooldowns: CooldownsConfig,
}

/// `auth.profiles.<id>`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthProfile {
    /// The provider. Default: the part of the id before the colon.
    pub provider: Option<String>,
    /// Accepted, without effect: what is stored says what the credential is.
    pub mode: Option<AuthMode>,
    /// The account's mail address, for people.
    pub email: Option<String>,
    /// The account's name, for people.
    pub display_name: Option<String>,
}

words! {
    /// What a credential is.
    AuthMode {
        /// A key of the vendor's API.
        ApiKey = "api_key",
        /// A token without an end.
        Token = "token",
        /// A login that is renewed.
        Oauth = "oauth",
        /// What the machine's cloud account gives.
        AwsSdk = "aws-sdk",
    }
}

/// `auth.cooldowns`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CooldownsConfig {
    /// First rest of an account that is out of credit, hours; doubles each time. Default: 5.
    #[schemars(range(min = 0.0, max = 8760.0))]
    pub billing_backoff_hours: Option<f64>,
    /// The same for one provider.
    #[schemars(inner(range(min = 0.0, max = 8760.0)))]
    pub billing_backoff_hours_by_provider: BTreeMap<String, f64>,
    /// Longest such rest, hours. Default: 24.
    #[schemars(range(min = 0.0, max = 8760.0))]
    pub billing_max_hours: Option<f64>,
    /// After how long without a fault the count starts anew, hours. Default: 24.
    #[schemars(range(min = 0.0, max = 8760.0))]
    pub failure_window_hours: Option<f64>,
}

// === impl AuthConfig ===

impl AuthConfig {
    /// The profiles of a provider: those of `order` first, then the others as they stand in the file.
    pub fn profiles_of(&self, provider: &str) -> Vec<&str> {
        let mut ids: Vec<&str> = self
            .order
            .get(provider)
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        for (id, profile) in self.profiles.iter() {
            if profile.provider(id) == provider && !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }
}

// === impl AuthProfile ===

impl AuthProfile {
    /// The provider of the profile with this id.
    pub fn provider<'a>(&'a self, id: &'a str) -> &'a str {
        let of_id = || id.split_once(':').map_or(id, |(provider, _)| provider);
        self.provider.as_deref().unwrap_or_else(of_id)
    }
}

// === impl CooldownsConfig ===

impl CooldownsConfig {
    /// First rest of an account of this provider that is out of credit.
    pub fn billing_backoff(&self, provider: &str) -> Duration {
        let own = self.billing_backoff_hours_by_provider.get(provider).copied();
        hours(own.or(self.billing_backoff_hours), 5.0)
    }

    /// Longest such rest.
    pub fn billing_max(&self) -> Duration {
        hours(self.billing_max_hours, 24.0)
    }

    /// After how long without a fault the count starts anew.
    pub fn failure_window(&self) -> Duration {
        hours(self.failure_window_hours, 24.0)
    }
}

fn hours(written: Option<f64>, usual: f64) -> Duration {
    Duration::try_from_secs_f64(written.unwrap_or(usual) * 3600.0).unwrap_or(Duration::ZERO)
}
