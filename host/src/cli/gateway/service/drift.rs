//! What `openclaw doctor` asks of the service: does it start this program on this state, as it would be installed today?
use super::{MARK, Service, systemctl, unit};
use crate::{checkup::ServiceFacts, cli::setting::Setting, config::Env};
use std::{fs, path::Path};

/// The facts; none where no service is installed.
pub(in crate::cli) fn facts(env: &Env, setting: &Setting) -> Option<ServiceFacts> {
    let service = Service::of(env, &setting.paths).ok()?;
    let text = fs::read_to_string(&service.file).ok()?;
    let program = value(&text, "ExecStart=").and_then(|command| first_word(&command));
    let program = program.filter(|program| Path::new(program).is_absolute());
    let same = |program: &String| fs::canonicalize(program).is_ok_and(|path| path == setting.program);
    let exists = program.as_ref().is_none_or(|program| Path::new(program).exists());
    let state = value(&text, "Environment=OPENCLAW_STATE_DIR=")
        .or_else(|| value(&text, "Environment=\"OPENCLAW_STATE_DIR="));
    let state = state.map(|state| state.trim_end_matches('"').to_owned());
    let today = unit(&super::Install::plain(), env, setting, None).ok();
    let active = systemctl::state(env, &service.unit).ok();
    Some(ServiceFacts {
        file: service.file.display().to_string(),
        ours: text.starts_with(MARK),
        missing_program: program.clone().filter(|_| !exists),
        other_program: program.filter(|program| exists && !same(program)),
        other_state: state.filter(|state| Path::new(state) != setting.paths.state_dir),
        drifted: today.is_some_and(|today| !is_same(&today, &text)),
        active: active.map(|state| state.active),
    })
}

/// The rest of the first line that begins so.
fn value(text: &str, start: &str) -> Option<String> {
    text.lines()
        .find_map(|line| line.strip_prefix(start))
        .map(str::to_owned)
}

fn first_word(command: &str) -> Option<String> {
    match command.strip_prefix('"') {
        Some(rest) => rest.split('"').next().map(str::to_owned),
        None => command.split_whitespace().next().map(str::to_owned),
    }
}

/// Flags that it was installed with are its operator's: the port, and folders that tools may write to.
fn is_same(today: &str, installed: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        let own = text.lines().filter(|line| !line.starts_with("ReadWritePaths="));
        own.map(|line| line.split(" --port ").next().unwrap_or(line).to_owned())
            .collect()
    };
    lines(today) == lines(installed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_service_are_read() {
        let text = "ExecStart=\"/opt/open claw/openclaw\" gateway --port 1\nEnvironment=A=b\n";
        let command = value(text, "ExecStart=").expect("a command");
        assert_eq!(first_word(&command).as_deref(), Some("/opt/open claw/openclaw"));
        assert_eq!(
            first_word("/bin/openclaw gateway").as_deref(),
            Some("/bin/openclaw")
        );
        assert!(is_same(
            "A\nExecStart=x gateway\nReadWritePaths=/s\n",
            "A\nExecStart=x gateway --port 5\nReadWritePaths=/w\n"
        ));
        assert!(!is_same("A\n", "B\n"));
    }
}
