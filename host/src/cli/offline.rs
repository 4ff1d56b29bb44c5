//! Answers for commands that only read: a running gateway's, or what files say where this machine's gateway does not
//! run. No secret is fetched for it, and nothing is written.
use super::{Failure, connect::Target, setting::Setting};
use crate::{clock::Clock, config::Env, methods::Offline, models::Offer, plugins::registry::refuse_clashes};
use serde_json::Value;
use std::{path::Path, time::Duration};

/// What is asked.
pub(super) struct Question {
    pub(super) method: &'static str,
    pub(super) params: Value,
    /// How long a running gateway may take.
    pub(super) limit: Duration,
    /// A machine reads what the command says.
    pub(super) quiet: bool,
}

// === impl Question ===

impl Question {
    /// Asks the gateway, or its files if it is this machine's and does not run.
    pub(super) fn ask_or_read(self, target: &Target, env: &Env, setting: &Setting) -> Result<Value, Failure> {
        let running = target.ask_if_running(env, setting, self.method, self.params.clone(), self.limit)?;
        if let Some(answer) = running {
            return Ok(answer);
        }
        if !self.quiet {
            anstream::eprintln!("note: no gateway runs; this is what its files say");
        }
        self.read(env, setting, &setting.paths.state_dir.join("state.db"))
    }

    /// Asks files: the configuration, and the journal at this place.
    pub(super) fn read(self, env: &Env, setting: &Setting, journal: &Path) -> Result<Value, Failure> {
        let specs = refuse_clashes(setting.assembly.specs.clone()).into_iter();
        let on = specs.filter(|spec| spec.reason.is_on());
        let offers = on.map(|spec| Offer::of(&spec.manifest, env)).collect();
        let mut config = setting.config.clone();
        for provider in config.models.providers.values_mut() {
            provider.api_key.iter_mut().for_each(|key| key.assume());
        }
        let paths = setting.paths.clone();
        let offline = Offline::new(config, offers, paths, journal, Clock::system()).map_err(Failure::new)?;
        offline.answer(self.method, self.params).map_err(Failure::new)
    }
}
