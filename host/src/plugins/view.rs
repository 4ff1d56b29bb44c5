//! A plugin at one moment, for people and machines.
use super::{
    discover::Origin,
    link::Usage,
    metrics::Snapshot,
    plugin::{Plugin, State},
    settings::Isolation,
};
use serde::Serialize;
use std::{path::PathBuf, sync::PoisonError};

/// A plugin at one moment, as `openclaw plugins list --json` and `top --json` show it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginView {
    /// Id in the configuration.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// One line on what it does.
    pub description: String,
    /// Its version.
    pub version: String,
    /// `disabled`, `starting`, `loaded`, `error`, `quarantined`, `stopped`
    pub status: &'static str,
    /// Is it switched on?
    pub enabled: bool,
    /// Why it is on or off.
    pub reason: String,
    /// What went wrong; empty when nothing did.
    pub error: String,
    /// At which stage it failed: `manifest`, `target`, `version`, `panic-strategy`, `integrity`, `config`, `header`,
    /// `layout`, `create`, `registration`, `start`.
    pub failed_at: Option<&'static str>,
    /// Where it was found.
    pub origin: Origin,
    /// The file.
    pub source: PathBuf,
    /// Where it runs.
    pub isolation: Isolation,
    /// `channel/1`, `tool/1`, …
    pub capabilities: Vec<&'static str>,
    /// Everything that it registers, `tool/1 roll_dice`.
    pub registers: Vec<String>,
    /// From the file to a running instance, milliseconds.
    pub load_ms: Option<f64>,
    /// Which instance runs, counting from 1.
    pub generation: Option<u64>,
    /// Lower-case hex of the file that runs.
    pub sha256: Option<String>,
    /// When a quarantine ends, milliseconds since 1970.
    pub quarantined_until_ms: Option<i64>,
    /// Counters.
    pub metrics: Snapshot,
    /// What the system says of its process, if it has one.
    pub usage: Option<Usage>,
}

impl Plugin {
    /// How it is, for people and machines.
    pub fn view(&self) -> PluginView {
        let spec = self.spec();
        let status = self.status.read().unwrap_or_else(PoisonError::into_inner).clone();
        let current = self.current();
        let (word, error, until) = match &status.state {
            State::Off => ("disabled", String::new(), None),
            State::Starting => ("starting", String::new(), None),
            State::Running => ("loaded", String::new(), None),
            State::Failed { why, .. } => ("error", why.clone(), None),
            State::Quarantined { why, until_ms } => ("quarantined", why.clone(), Some(*until_ms)),
            State::Stopped => ("stopped", String::new(), None),
        };
        let manifest = &spec.manifest;
        PluginView {
            id: self.id().to_owned(),
            name: manifest.name.clone(),
            description: manifest.description.clone(),
            version: manifest.version.clone(),
            status: word,
            enabled: spec.reason.is_on(),
            reason: spec.reason.to_string(),
            error,
            failed_at: match &status.state {
                State::Failed { stage, .. } => Some(stage),
                _ => None,
            },
            origin: spec.origin,
            source: spec.path.clone(),
            isolation: spec.settings.isolation,
            capabilities: manifest.capabilities(),
            registers: manifest
                .declared()
                .into_iter()
                .map(|(kind, id)| format!("{kind} {id}"))
                .collect(),
            load_ms: status
                .load_time
                .map(|time| (time.as_secs_f64() * 1e5).round() / 100.0),
            generation: current.as_ref().map(|generation| generation.number),
            sha256: current
                .as_ref()
                .map(|generation| generation.staged.sha256.clone()),
            quarantined_until_ms: until,
            metrics: self.metrics.snapshot(),
            usage: current.and_then(|generation| generation.link().usage()),
        }
    }
}
