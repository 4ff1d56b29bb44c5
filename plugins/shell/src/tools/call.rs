//! One call of `exec` from its judgement to its command, also when the answer to it has been given long ago.
use super::{
    approve::{Answer, approve},
    exec::Args,
    plan::{self, How, Job},
};
use crate::{
    bench::Bench,
    config::Config,
    rules::Wish,
    run::{Owner, Session},
};
use openclaw_plugin_api::{ToolOrigin, prelude::*};
use std::{sync::Arc, time::Duration};

/// How long a command may run, if nobody says anything; and at most.
const LIMIT: u64 = 1800;
const MAX_LIMIT: u64 = 24 * 3600;
/// Most of a command that is told, characters.
const MAX_TOLD: usize = 200;

/// A call.
pub struct Call {
    /// What the tools work with.
    pub bench: Arc<Bench>,
    /// The configuration when it was asked for.
    pub config: Arc<Config>,
    /// What is to be run.
    pub job: Job,
    /// As it was asked for.
    pub args: Args,
    /// On whose behalf.
    pub origin: ToolOrigin,
}

impl Call {
    /// Judges it. An error if it can't run at all.
    pub async fn new(bench: &Arc<Bench>, args: Args, origin: ToolOrigin) -> Result<Self> {
        let config = bench.config();
        let wish = Wish {
            host: args.host,
            security: args.security,
            ask: args.ask,
            elevated: args.elevated,
        };
        Ok(Self {
            job: Job::new(bench, &config, &args, wish, &origin).await?,
            bench: bench.clone(),
            config,
            args,
            origin,
        })
    }

    /// May it run? `id` is that of the question, if somebody has to be asked.
    pub async fn approved(&self, id: &str) -> Result<Answer> {
        approve(&self.bench.host, &self.job, &self.origin, id).await
    }

    /// Starts its command.
    pub async fn start(&self, how: How) -> Result<Arc<Session>> {
        let (config, origin) = (&self.config, &self.origin);
        let limit = self.limit();
        let plan = plan::plan(&self.bench, config, &self.job, how, origin, self.args.pty).await?;
        let started = self
            .bench
            .sessions
            .start(Owner::of(origin), self.args.command.clone(), plan, limit);
        started.map_err(|e| Error::new(ErrorKind::Refused, e))
    }

    /// How long its command may run.
    pub fn limit(&self) -> Duration {
        let set = &self.config.tools.exec;
        let limit = self.args.timeout.or(set.timeout_sec).or(set.timeout_seconds);
        Duration::from_secs(limit.unwrap_or(LIMIT).clamp(1, MAX_LIMIT))
    }

    /// The command in one line, for news of it.
    pub fn told(&self) -> String {
        told(&self.args.command)
    }
}

/// A command in one line.
pub fn told(command: &str) -> String {
    let line = command.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_TOLD) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
