//! The user's service manager, asked by its own program. One question at a time, each with a limit.
use crate::{
    cli::{Failure, connect::block_on},
    config::Env,
};
use std::{io, process::Stdio, time::Duration};
use tokio::{process::Command, time::timeout};

const PROGRAM: &str = "systemctl";
/// How long one answer may take; stopping waits for what the gateway still has to do.
const PATIENCE: Duration = Duration::from_secs(90);
/// What it needs to find the user's manager, and nothing that may be a secret.
const ENVIRONMENT: [&str; 6] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// How a service is doing.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    /// `active`, `inactive`, `failed`, `activating` …
    pub(super) active: String,
    /// `running`, `dead`, `auto-restart` …
    pub(super) sub: String,
    /// `enabled`, `disabled`; empty if there is no such service.
    pub(super) unit_file: String,
    /// Its process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pid: Option<u32>,
    /// The exit code of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit_code: Option<i32>,
}

/// Gives an order, such as `["start", "x.service"]`.
pub(super) fn order(env: &Env, args: &[&str]) -> Result<(), Failure> {
    ask(env, args).map(drop)
}

/// How is the service doing?
pub(super) fn state(env: &Env, unit: &str) -> Result<State, Failure> {
    let properties = "--property=ActiveState,SubState,UnitFileState,MainPID,ExecMainStatus";
    ask(env, &["show", unit, properties]).map(|text| State::parse(&text))
}

fn ask(env: &Env, args: &[&str]) -> Result<String, Failure> {
    let line = format!("{PROGRAM} --user {}", args.join(" "));
    let mut command = Command::new(PROGRAM);
    command
        .arg("--user")
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
        .env_clear()
        .envs(ENVIRONMENT.iter().filter_map(|name| Some((name, env.var(name)?))));
    let output = block_on(async {
        match timeout(PATIENCE, command.output()).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Err(Failure::new(format_args!(
                "`{PROGRAM}` is not installed: services need systemd; let what starts programs on this machine run \
                 `openclaw gateway`"
            ))),
            Ok(Err(error)) => Err(Failure::io(format_args!("run `{line}`"), error)),
            Err(_) => Err(Failure::new(format_args!(
                "`{line}` did not end within {PATIENCE:?}; run it by hand"
            ))),
        }
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: String = said.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    Err(Failure::new(format_args!(
        "`{line}` failed: {}; `journalctl --user -u openclaw-gateway` may say more",
        said.trim().replace('\n', "; ")
    )))
}

// === impl State ===

impl State {
    fn parse(text: &str) -> Self {
        let mut state = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match name {
                "ActiveState" => state.active = value.to_owned(),
                "SubState" => state.sub = value.to_owned(),
                "UnitFileState" => state.unit_file = value.to_owned(),
                "MainPID" => state.pid = value.parse().ok().filter(|pid| *pid != 0),
                "ExecMainStatus" => state.exit_code = value.parse().ok().filter(|code| *code != 0),
                _ => {}
            }
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_from_properties() {
        let text = "MainPID=4711\nExecMainStatus=0\nActiveState=active\nSubState=running\nUnitFileState=enabled\nX\n";
        let state = State::parse(text);
        assert_eq!(
            (state.active.as_str(), state.pid, state.exit_code),
            ("active", Some(4711), None)
        );
        let failed = State::parse("MainPID=0\nExecMainStatus=78\nActiveState=failed\n");
        assert_eq!((failed.pid, failed.exit_code), (None, Some(78)));
    }
}
