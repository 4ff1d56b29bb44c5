//! One command of one plugin, by this process alone: where no gateway runs that could be asked.
use super::{Failure, lock::Lock, options};
use crate::{app::Gateway, cli::setting::Setting, clock::Clock, config::Env};
use openclaw_plugin_api::{CommandCall, CommandReply, surface::ids};
use std::sync::Arc;
use tokio::sync::watch;

/// Runs the command. Only the plugin that has it is started; `why` is what came of asking a gateway.
pub(in crate::cli) fn run(
    env: &Env,
    name: &str,
    args: &[String],
    why: &Failure,
) -> Result<CommandReply, Failure> {
    let mut setting = Setting::read(env)?;
    setting.paths.prepare_state_dir().map_err(Failure::config)?;
    // a gateway that runs and does not let us in is not one that does not run
    let lock = Lock::take(&setting.paths, false, Clock::system().now_ms());
    let _lock = lock.map_err(|_| Failure::new(format_args!("the gateway runs and can't be asked: {why}")))?;
    let specs = &mut setting.assembly.specs;
    specs.retain(|spec| spec.manifest.commands.iter().any(|own| own == name));
    let call = CommandCall {
        name: name.to_owned(),
        args: args.to_vec(),
        text: args.join(" "),
        json: args.iter().any(|arg| arg == "--json"),
        alone: true,
        ..CommandCall::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::io("start the runtime", e))?;
    runtime.block_on(async {
        let (_running, config) = watch::channel(Arc::new(setting.config.clone()));
        let gateway = Gateway::start(options(setting, env, config))
            .await
            .map_err(Failure::new)?;
        let reply = match gateway.registry.offering("command/1", name) {
            Some(plugin) => plugin
                .call(ids::command::RUN, name, &call)
                .await
                .map_err(Failure::new),
            None => Err(Failure::new(format_args!(
                "the plugin of {name} does not start; `openclaw plugins list` shows why"
            ))),
        };
        gateway.stop().await;
        reply
    })
}
