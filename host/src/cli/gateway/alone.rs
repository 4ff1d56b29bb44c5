//! One command of one plugin, by this process alone: where no gateway runs that could be asked.
//!
//! Invariant: as long as it takes the gateway's lock is held, and the files are read under it: no gateway, restore or
//! migration works on the same state.
use super::{Failure, lock::Lock};
use crate::{
    app::alone::{self, AloneOptions},
    backup,
    cli::setting::Setting,
    clock::Clock,
    config::{Env, Paths},
    plugins::plugin::Spec,
};
use openclaw_plugin_api::{CommandCall, CommandReply};

/// Runs the command. Only the plugin that has it is started; `why` is what came of asking a gateway.
pub(in crate::cli) fn run(
    env: &Env,
    name: &str,
    args: &[String],
    why: &Failure,
) -> Result<CommandReply, Failure> {
    let paths = Paths::resolve(env).map_err(Failure::config)?;
    paths.prepare_state_dir().map_err(Failure::config)?;
    // a gateway that runs and does not let us in is not one that does not run
    let lock = Lock::for_command(&paths, Clock::system().now_ms());
    let _lock = lock.map_err(|held| {
        Failure::new(format_args!(
            "{why}; nor can this command do it by itself: {held}"
        ))
    })?;
    if backup::is_broken_off(&paths) {
        return Err(Failure::new(
            "a restore was broken off, so the state is half of one and half of another: start the gateway, which brings it to \
             its end first, or run `openclaw doctor --fix`; then retry",
        ));
    }
    let setting = Setting::read(env)?;
    let call = CommandCall {
        name: name.to_owned(),
        args: args.to_vec(),
        text: args.join(" "),
        json: args.iter().any(|arg| arg == "--json"),
        alone: true,
        ..CommandCall::default()
    };
    let options = AloneOptions {
        spec: owner(setting.assembly.specs, name)?,
        state: paths.state_dir,
        program: setting.program,
        env: env.clone(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::io("start the runtime", e))?;
    runtime.block_on(alone::run(options, &call)).map_err(Failure::new)
}

/// The plugin that has the command and is on, by the files as they are now.
fn owner(specs: Vec<Spec>, name: &str) -> Result<Spec, Failure> {
    let mut specs = specs.into_iter();
    let has_it = |spec: &Spec| spec.reason.is_on() && spec.manifest.commands.iter().any(|own| own == name);
    specs.find(has_it).ok_or_else(|| {
        Failure::new(format_args!(
            "no plugin that is on has the command {name}; `openclaw plugins list` shows why"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    fn env(state: &Path) -> Env {
        let text = state.to_str().expect("a name");
        let pairs = [
            ("OPENCLAW_STATE_DIR", text),
            ("OPENCLAW_BUNDLED_PLUGINS_DIR", text),
        ];
        pairs.into_iter().collect()
    }

    fn alone(state: &Path) -> String {
        let why = Failure::new("no gateway answers");
        run(&env(state), "sing", &[], &why)
            .expect_err("no plugin has it")
            .to_string()
    }

    #[test]
    fn who_has_the_state_is_named_and_nothing_is_started_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::resolve(&env(folder.path())).expect("places");
        let gateway = Lock::take(&paths, false, 0).expect("free");
        let error = alone(folder.path());
        let pid = format!("PID {}", std::process::id());
        for words in ["no gateway answers", "a gateway is already running", &pid] {
            assert!(error.contains(words), "{words} is missing in: {error}");
        }
        drop(gateway);
        assert!(alone(folder.path()).contains("`openclaw plugins list`"));
    }

    #[test]
    fn a_restore_that_was_broken_off_comes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let work = folder.path().join(".restore");
        fs::create_dir(&work).expect("made");
        fs::write(work.join("plan.json"), "{}").expect("written");
        let error = alone(folder.path());
        assert!(
            error.contains("a restore was broken off") && error.contains("`openclaw doctor --fix`"),
            "{error}"
        );
        assert!(work.join("plan.json").is_file() && !folder.path().join("state.db").exists());
    }
}
