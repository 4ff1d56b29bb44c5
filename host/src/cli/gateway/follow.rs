//! Applies a changed configuration to the running gateway: plugin by plugin, and only to those that it concerns.
use super::{door, end};
use crate::{
    app::{Gateway, restart::Wish},
    cli::setting::Setting,
    config::{Asked, Change, Config, Env, JsonPath, Loaded, News, ReloadMode, Watch, keep_last_good},
    gateway::Doorkeeper,
    plugins::{
        places,
        plugin::Spec,
        registry::{Registry, refuse_clashes},
    },
};
use std::sync::Arc;
use tokio::sync::watch;

/// Changed keys that one line of the log names.
const MAX_NAMED: usize = 8;

/// Applies what a configuration says of the log.
pub(super) type Relog = Box<dyn Fn(&Config) + Send + Sync>;

/// Follows the files until the gateway ends.
pub(super) async fn follow(
    gateway: Arc<Gateway>,
    env: Env,
    loaded: Loaded,
    running: watch::Sender<Arc<Config>>,
    asked: Asked,
    doorkeeper: Doorkeeper,
    relog: Relog,
) {
    let paths = gateway.paths().clone();
    keep(&loaded, &gateway);
    let mut news = Watch::new(paths, env.clone(), &loaded).run(asked);
    while let Some(news) = news.recv().await {
        match news {
            News::Changed(change) if is_off(&change) => {
                tracing::warn!(target: "openclaw::config", "changed, and not applied: gateway.reload.mode is \"off\"; restart the gateway");
            }
            News::Changed(change) => {
                relog(&change.after);
                gateway.registry.relog().await;
                admit(&doorkeeper, &change.after);
                apply(&gateway, &env, &change, &running).await;
            }
            News::Broken(why) => {
                tracing::error!(target: "openclaw::config", "the changed configuration is not used, the old one goes on: {why}");
            }
            News::Answer(asker, outcome) => drop(asker.send(outcome)),
            News::Mended => tracing::info!(target: "openclaw::config", "the configuration is as it was"),
        }
    }
}

/// Changes wait for the next start; only a change of this very key does not.
fn is_off(change: &Change) -> bool {
    [&change.before, &change.after]
        .iter()
        .all(|config| config.gateway.reload.mode == Some(ReloadMode::Off))
}

/// Who may come in is decided by the new rules from here on.
fn admit(doorkeeper: &Doorkeeper, config: &Config) {
    match (door::rules(config), door::proxy(&config.gateway)) {
        (Ok(rules), Ok(proxy)) => doorkeeper.change(rules, proxy.as_ref()),
        (Err(why), _) | (_, Err(why)) => {
            tracing::error!(target: "openclaw::config", "who may come in is as it was: {why}");
        }
    }
}

/// Turns that begin meanwhile wait: each has a configuration and the plugins that belong to it.
async fn apply(gateway: &Arc<Gateway>, env: &Env, change: &Change, running: &watch::Sender<Arc<Config>>) {
    let (env, config, paths) = (env.clone(), change.after.clone(), gateway.paths().clone());
    let specs = tokio::task::spawn_blocking(move || {
        places::make_workspaces(&paths, &config);
        Setting::of((*config).clone(), &env)
    });
    let specs = specs.await;
    let _unsettled = gateway.registry.settling.begin();
    running.send_replace(change.after.clone());
    gateway.desk().reconfigured();
    let paths: Vec<_> = change
        .paths
        .iter()
        .take(MAX_NAMED)
        .map(ToString::to_string)
        .collect();
    tracing::info!(target: "openclaw::config", "changed: {}", paths.join(", "));
    let mut waiting: Vec<_> = change.needs_restart().collect();
    if let Ok(Ok(setting)) = &specs {
        for warning in setting.unread(change.warnings.clone()) {
            tracing::warn!(target: "openclaw::config", "{warning}");
            // a key without effect has none after a restart either; what is said of the file is said of no key
            waiting.retain(|path| warning.path.is_root() || !warning.path.holds(path));
        }
    }
    match specs {
        Ok(Ok(setting)) => replace(&gateway.registry, setting.assembly.specs).await,
        Ok(Err(failure)) => {
            tracing::error!(target: "openclaw::config", "plugins stay as they are: {failure}")
        }
        Err(ended) => tracing::error!(target: "openclaw::config", "plugins stay as they are: {ended}"),
    }
    keep(&change.loaded, gateway);
    restart(gateway, &change.after, &waiting);
}

/// What only a start takes up is taken up by one, as soon as no turn runs.
fn restart(gateway: &Gateway, config: &Config, waiting: &[&JsonPath]) {
    if waiting.is_empty() {
        return;
    }
    let paths: Vec<_> = waiting.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    let paths = paths.join(", ");
    if let Err(why) = end::allowed(config) {
        tracing::warn!(target: "openclaw::config", "{paths}: in effect after the next start of the gateway; it does not restart by itself: {why}");
        return;
    }
    gateway.restart().ask(Wish::WhenIdle);
    match gateway.desk().live.active(None).len() {
        0 => tracing::info!(target: "openclaw::config", "restart for {paths}"),
        turns => {
            tracing::info!(target: "openclaw::config", "restart for {paths} when {turns} turns have ended")
        }
    }
}

/// Reloads the plugins whose settings are others now. The rest don't notice.
async fn replace(registry: &Registry, specs: Vec<Spec>) {
    let mut specs = refuse_clashes(specs);
    // what one lets go of another may take up
    specs.sort_by_key(|spec| spec.reason.is_on());
    for spec in specs {
        let id = spec.manifest.id.clone();
        let current = registry.get(&id).map(|plugin| plugin.spec());
        let same = current.is_some_and(|old| {
            // what was set aside stays there until somebody changes something of it
            (old.reason.is_on() == spec.reason.is_on() || old.reason.is_set_aside() && spec.reason.is_on())
                && old.settings == spec.settings
                && old.path == spec.path
        });
        let idle = registry.get(&id).is_none() && !spec.reason.is_on();
        if same || idle {
            continue;
        }
        if let Err(why) = registry.reload(&id, Some(spec)).await {
            tracing::error!(target: "openclaw::plugins", plugin = id, "not reloaded: {why}");
        }
    }
}

fn keep(loaded: &Loaded, gateway: &Gateway) {
    gateway.applied().now(&loaded.sources);
    if let Err(error) = keep_last_good(gateway.paths(), &loaded.sources) {
        tracing::warn!(target: "openclaw::config", %error, "no copy of the configuration is kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::{fake, plugin::State};
    use openclaw_plugin_api::Manifest;

    /// Two plugins that declare the same tool, each on or off.
    fn specs(first: bool, second: bool) -> Vec<Spec> {
        let spec = |id: &str, on| {
            let manifest = Manifest {
                id: id.into(),
                tools: vec!["dice".into()],
                ..Manifest::default()
            };
            fake::spec(manifest, on)
        };
        vec![spec("first", first), spec("second", second)]
    }

    #[tokio::test]
    async fn of_two_plugins_that_clash_the_second_stays_off_after_a_change_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let (registry, _) = Registry::start(fake::workshop(folder.path()), specs(true, false)).await;
        let second = registry.get("second").expect("it is known");
        replace(&registry, specs(true, true)).await;
        assert_eq!(second.state(), State::Off);
        // when the first lets go of it, the second takes it up; there is no file that it could be loaded from
        replace(&registry, specs(false, true)).await;
        assert!(
            matches!(second.state(), State::Failed { .. }),
            "{:?}",
            second.state()
        );
        assert_eq!(registry.get("first").expect("known").state(), State::Off);
    }
    #[tokio::test]
    async fn what_one_plugin_lets_go_of_another_takes_up_after_that() {
        let folder = tempfile::tempdir().expect("a folder");
        let (registry, _) = Registry::start(fake::workshop(folder.path()), specs(false, true)).await;
        let [first, second] = ["first", "second"].map(|id| registry.get(id).expect("it is known"));
        assert_ne!(second.state(), State::Off);
        let taken_up = async {
            while first.state() == State::Off {
                tokio::task::yield_now().await;
            }
            second.state()
        };
        let (then, ()) = tokio::join!(taken_up, replace(&registry, specs(true, false)));
        assert_eq!(then, State::Off);
    }
}
