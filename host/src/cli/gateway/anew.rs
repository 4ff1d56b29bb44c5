//! `openclaw gateway restart` where the gateway is no service: the one that runs on this state is told to begin anew, and
//! waited for.
use super::{end, lock};
use crate::{
    cli::{
        Failure,
        output::{self, Working},
        setting::Setting,
    },
    config::Env,
};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::json;
use std::time::{Duration, Instant};

/// Longest that it may take; the gateway itself waits for turns for five minutes.
const PATIENCE: Duration = Duration::from_secs(330);

/// Restarts it. With `force`, it does not wait for turns that run.
pub(super) fn restart(force: bool, as_json: bool, env: &Env) -> Result<(), Failure> {
    // what it would not start with is told here, where somebody reads it
    let setting = Setting::look(env)?;
    end::allowed(&setting.config).map_err(|why| {
        Failure::config(format_args!(
            "the gateway may not be restarted while it runs: {why}; stop it and start it again"
        ))
    })?;
    let state = setting.paths.state_dir.display();
    let (pid, since) = lock::gateway(&setting.paths).ok_or_else(|| {
        Failure::new(format_args!(
            "no gateway runs on {state} as far as can be seen from here; start one with `openclaw gateway`"
        ))
    })?;
    let tell = || kill_process(pid, Signal::USR2).map_err(|e| Failure::io("tell the gateway", e.into()));
    tell()?;
    let working = Working::at("waiting for the gateway to begin anew", as_json);
    let (begun, mut hurry, mut holder) = (Instant::now(), force, Some((pid, since)));
    while !holder.is_some_and(|now| now != (pid, since)) && begun.elapsed() < PATIENCE && is_alive(pid) {
        lock::moment();
        holder = lock::gateway(&setting.paths);
        // only the one that was told already: a process that has just begun would not know what is meant
        if hurry && holder == Some((pid, since)) {
            tell()?;
            hurry = false;
        }
    }
    drop(working);
    if holder.is_none_or(|now| now == (pid, since)) {
        return Err(Failure::new(format_args!(
            "the gateway (PID {}) {}; `openclaw logs` shows why",
            pid.as_raw_nonzero(),
            match is_alive(pid) {
                true => "has not begun anew",
                false => "ended and did not begin anew",
            }
        )));
    }
    if as_json {
        return output::json(&json!({ "ok": true, "action": "restart", "pid": pid.as_raw_nonzero().get() }));
    }
    anstream::println!("The gateway (PID {}) has begun anew.", pid.as_raw_nonzero());
    Ok(())
}

fn is_alive(pid: Pid) -> bool {
    test_kill_process(pid).is_ok()
}
