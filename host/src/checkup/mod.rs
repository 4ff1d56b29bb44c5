//! What is wrong with an installation, and what mends it: the findings of `openclaw doctor` and `openclaw security audit`.
//!
//! Checks are functions of facts that somebody else gathered: they open no file, ask nobody and change nothing, so each is
//! tried on made-up facts. A mend is data too; `openclaw doctor --fix` carries it out. Invariant: no finding shows a secret.
mod access;
mod approvals;
mod config;
mod database;
mod exposure;
mod extensions;
mod files;
mod finding;
mod hooks;
mod machine;
pub mod old_forms;
mod open_rules;
mod reach;
mod secrets;
mod tools;

pub use config::{ConfigFacts, config};
pub use database::{DatabaseFacts, database};
pub use exposure::exposure;
pub use extensions::{PluginFacts, extensions};
pub use files::{FileFact, FileKind, MAX_FILES, files, synced};
pub use finding::{Finding, Mend, Severity, Summary, sort};
pub use machine::{MachineFacts, ServiceFacts, machine};
pub use reach::{AccountFacts, Answer, LockFacts, ReachFacts, reach};
pub use secrets::written_secrets;

use crate::config::{BindMode, Config};
use openclaw_plugin_api::Secret;
use serde_json::Value;

/// What checks of the configuration look at.
#[derive(Debug, Default)]
pub struct Ground {
    /// The configuration as written, with all that it includes.
    pub written: Written,
    /// The typed configuration; the default one if what is written can't be read.
    pub config: Config,
    /// Who really can reach the gateway: the flag's or the file's word.
    pub bind: Option<BindMode>,
    /// Others than this machine can.
    pub exposed: bool,
    /// The token that the operator chose, from the environment or the file.
    pub token: Option<Secret>,
    /// The password, likewise.
    pub password: Option<Secret>,
    /// A secret of the gateway's is a reference that was not fetched, so nothing can be said about it.
    pub unfetched: bool,
    /// The rules for commands, as written.
    pub approvals: Written,
    /// Files and folders with what the system says of them.
    pub files: Vec<FileFact>,
}

/// A file of JSON as written. Secrets may stand in it, so it is not shown.
#[derive(Clone, Default)]
pub struct Written(pub Value);

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Written")
    }
}

impl Ground {
    /// The configuration with variables replaced, or as written if it can't be read.
    pub fn value(&self) -> &Value {
        match self.config.value() {
            Value::Null => &self.written.0,
            value => value,
        }
    }
}

/// All that the audit says: findings by severity, the worst first.
pub fn audit(ground: &Ground, plugins: &[PluginFacts]) -> Vec<Finding> {
    let mut findings = exposure(ground);
    findings.extend(access::access(ground));
    findings.extend(tools::tools(ground));
    findings.extend(approvals::approvals(ground));
    findings.extend(hooks::hooks(ground));
    findings.extend(secrets::secrets(ground));
    findings.extend(files(&ground.files));
    findings.extend(extensions(plugins, ground.value()));
    findings.push(exposure::surface(ground, plugins));
    sort(&mut findings);
    findings
}

#[cfg(test)]
mod tests;
