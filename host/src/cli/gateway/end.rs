//! How a gateway ends: it stops, or begins anew in the same process, which OpenClaw's does by SIGUSR2, and by SIGUSR1 in
//! February 2026.
use super::{Run, door};
use crate::{
    app::{Gateway, restart::Wish},
    cli::{Failure, setting::Setting},
    config::{Config, Env},
    gateway::Stop,
};
use std::{os::unix::process::CommandExt, path::Path, process::Command, sync::Arc};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for the end.
pub(super) struct End {
    terminate: Signal,
    interrupt: Signal,
    anew: [Signal; 2],
    next: Arc<NextStart>,
}

/// How the gateway would begin the next time.
pub(super) struct NextStart {
    args: Run,
    env: Env,
}

// === impl End ===

impl End {
    /// Listens to what the operator, a service manager or a terminal sends. What comes before the gateway is ready waits
    /// until then.
    pub(super) fn listen(next: NextStart) -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|e| Failure::io("listen to signals", e));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            anew: [
                listen(SignalKind::user_defined2())?,
                listen(SignalKind::user_defined1())?,
            ],
            next: Arc::new(next),
        })
    }

    /// Returns when the gateway is to end.
    pub(super) async fn comes(&mut self, gateway: &Gateway) -> Stop {
        let live = &gateway.desk().live;
        loop {
            let [anew, old] = &mut self.anew;
            tokio::select! {
                _ = self.interrupt.recv() => break,
                _ = self.terminate.recv() => break,
                _ = anew.recv() => wish(gateway, "SIGUSR2"),
                _ = old.recv() => wish(gateway, "SIGUSR1"),
                () = gateway.restart().due(live) => match self.next.check().await {
                    Ok(()) => {
                        tracing::info!(target: "openclaw::gateway", "stopping, to begin anew");
                        return Stop::Restart;
                    }
                    Err(why) => {
                        gateway.restart().forget();
                        tracing::error!(target: "openclaw::gateway", "not restarted, the next start would fail: {why}");
                    }
                },
            }
        }
        tracing::info!(target: "openclaw::gateway", "stopping");
        Stop::Shutdown
    }

    /// Waits until it has stopped, and says how that ended: who is told to stop meanwhile does not begin anew, and who is
    /// told it twice does nothing more.
    pub(super) async fn during(
        mut self,
        stop: impl Future<Output = ()>,
        mut why: Stop,
    ) -> Result<Stop, Failure> {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return Ok(why),
                _ = self.terminate.recv() => match why {
                    Stop::Restart => why = Stop::Shutdown,
                    Stop::Shutdown => return Err(Failure::new("stopped at once by a second signal")),
                },
            }
        }
    }
}

// === impl NextStart ===

impl NextStart {
    pub(super) fn new(args: Run, env: Env) -> Self {
        Self { args, env }
    }

    /// Would it begin with the files as they are now? A gateway that runs is worth more than one that doesn't start.
    async fn check(self: &Arc<Self>) -> Result<(), String> {
        let next = self.clone();
        let checked = tokio::task::spawn_blocking(move || next.try_on()).await;
        match checked {
            Ok(checked) => checked.map_err(|failure| failure.to_string()),
            Err(ended) => Err(ended.to_string()),
        }
    }

    fn try_on(&self) -> Result<(), Failure> {
        let mut setting = Setting::read(&self.env)?;
        if !setting.configured && !self.args.allow_unconfigured {
            return Err(Failure::config(format_args!(
                "there is no configuration {}",
                setting.paths.config_file.display()
            )));
        }
        door::door(&self.args, &self.env, &mut setting).map(drop)
    }
}

/// A second signal does not wait for turns that run.
fn wish(gateway: &Gateway, signal: &str) {
    if let Err(why) = allowed(&gateway.desk().config()) {
        tracing::warn!(target: "openclaw::gateway", "{signal} is ignored: {why}");
        return;
    }
    let first = gateway.restart().ask(Wish::WhenIdle) == Wish::None;
    if !first {
        gateway.restart().ask(Wish::Now);
    }
    match gateway.desk().live.active(None).len() {
        turns @ 1.. if first => tracing::info!(
            target: "openclaw::gateway",
            "restart by {signal} when {turns} turns have ended; a second signal does not wait for them"
        ),
        _ => tracing::info!(target: "openclaw::gateway", "restart by {signal}"),
    }
}

/// May the gateway be restarted while it runs?
pub(super) fn allowed(config: &Config) -> Result<(), &'static str> {
    match config.commands.restart() {
        true => Ok(()),
        false => Err("commands.restart is false"),
    }
}

/// Becomes the program that lies there now, with the same arguments, in the same process. Returns only if it can't.
pub(super) fn begin_anew(program: &Path) -> Failure {
    let error = Command::new(program).args(std::env::args_os().skip(1)).exec();
    Failure::io(format_args!("begin anew as {}", program.display()), error)
}
