//! All plugins of a running gateway: which there are, who offers what, and starting and stopping them together.
use super::{
    generation::Workshop,
    offered,
    plugin::{Event, Plugin, Spec, State},
    settling::Settling,
    supervise::supervise,
    view::PluginView,
};
use openclaw_plugin_api::{ChannelInfo, Error, ErrorKind, OFFERED_TOOLS, Registration};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::oneshot;

/// All plugins.
#[derive(Debug)]
pub struct Registry {
    workshop: Workshop,
    plugins: RwLock<BTreeMap<String, Arc<Plugin>>>,
    /// Plugins that are being replaced to fit a configuration.
    pub settling: Settling,
}

/// A plugin that the gateway may not start without, and why it doesn't run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("plugin {id} is required and does not run: {why}")]
pub struct RequiredFailed {
    /// The plugin.
    pub id: String,
    /// Why.
    pub why: String,
}

impl Registry {
    /// Starts everything that is on, side by side, and waits until each has started or failed.
    pub async fn start(workshop: Workshop, specs: Vec<Spec>) -> (Self, Vec<RequiredFailed>) {
        let mut plugins = BTreeMap::new();
        let mut starting = Vec::new();
        for spec in refuse_clashes(specs) {
            let required = spec.settings.required && spec.reason.is_on();
            let (plugin, started) = supervise(&workshop, spec);
            starting.push((plugin.clone(), required, started));
            plugins.insert(plugin.id().to_owned(), plugin);
        }
        let mut failed = Vec::new();
        for (plugin, required, started) in starting {
            let outcome = started
                .await
                .unwrap_or_else(|_| Err("its supervisor ended".into()));
            if let (true, Err(why)) = (required, outcome) {
                failed.push(RequiredFailed {
                    id: plugin.id().to_owned(),
                    why,
                });
            }
        }
        (
            Self {
                workshop,
                plugins: RwLock::new(plugins),
                settling: Settling::default(),
            },
            failed,
        )
    }

    /// One plugin.
    pub fn get(&self, id: &str) -> Option<Arc<Plugin>> {
        self.plugins
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// All plugins, by id.
    pub fn all(&self) -> Vec<Arc<Plugin>> {
        self.plugins
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// All plugins, for people and machines.
    pub fn views(&self) -> Vec<PluginView> {
        self.all().iter().map(|plugin| plugin.view()).collect()
    }

    /// The plugin that offers something, now or as soon as it is replaced.
    pub fn offering(&self, capability: &str, id: &str) -> Option<Arc<Plugin>> {
        let plugins = self.plugins.read().unwrap_or_else(PoisonError::into_inner);
        let declared = plugins.values().find(|plugin| plugin.may_offer(capability, id));
        let offered = || plugins.values().find(|plugin| plugin.may_offer_tool(id));
        let offering = declared.or_else(|| if capability == "tool/1" { offered() } else { None });
        offering.cloned()
    }

    /// Everything of one capability that is offered now.
    pub fn offered(&self, capability: &str) -> Vec<(Arc<Plugin>, Registration)> {
        let mut all = Vec::new();
        for plugin in self.all() {
            let Some(generation) = plugin.current() else {
                continue;
            };
            let registered = &generation.registrations.registrations;
            let offered = registered.iter().filter(|r| r.capability == capability);
            all.extend(offered.map(|registration| (plugin.clone(), registration.clone())));
        }
        if capability == "tool/1" {
            self.add_offered(&mut all);
        }
        all
    }

    /// Puts what plugins offer while they run in the place of the entry that stands for it. A name that is taken stays
    /// whose it is.
    fn add_offered(&self, all: &mut Vec<(Arc<Plugin>, Registration)>) {
        let sets = all.extract_if(.., |(_, registration)| offered::is_placeholder(registration));
        for (plugin, _) in sets.collect::<Vec<_>>() {
            for tool in plugin.offered.now().iter() {
                if self
                    .offering("tool/1", &tool.name)
                    .is_some_and(|owner| owner.id() == plugin.id())
                {
                    all.push((plugin.clone(), offered::registration(tool)));
                }
            }
        }
    }

    /// Another number whenever a plugin was added, replaced, or changed its state.
    pub fn revision(&self) -> u64 {
        let plugins = self.plugins.read().unwrap_or_else(PoisonError::into_inner);
        plugins.values().map(|plugin| 1 + *plugin.changes.borrow()).sum()
    }

    /// The same for the tools that there are, also for those that plugins offer while they run.
    pub fn tools_revision(&self) -> u64 {
        let plugins = self.plugins.read().unwrap_or_else(PoisonError::into_inner);
        let changes = |plugin: &Arc<Plugin>| 1 + *plugin.changes.borrow() + plugin.offered.changes();
        plugins.values().map(changes).sum()
    }

    /// The plugin that has a channel, or an error that is worth another try.
    pub fn channel(&self, channel: &str) -> Result<Arc<Plugin>, Error> {
        self.offering("channel/1", channel).ok_or_else(|| {
            let text = format!("no running plugin offers the channel {channel}; see `openclaw plugins list`");
            Error::new(ErrorKind::Closed, text)
        })
    }

    /// What a channel can do; nothing while its plugin does not run.
    pub fn channel_info(&self, channel: &str) -> Arc<ChannelInfo> {
        let mut generations = self.all().into_iter().filter_map(|plugin| plugin.current());
        let info = generations.find_map(|generation| generation.channels.get(channel).cloned());
        info.unwrap_or_default()
    }

    /// Loads a plugin's file and settings anew; without a new spec, the same ones.
    pub async fn reload(&self, id: &str, spec: Option<Spec>) -> Result<PluginView, String> {
        let plugin = match (self.get(id), spec) {
            (Some(plugin), spec) => {
                let (done, outcome) = oneshot::channel();
                let event = Event::Reload {
                    spec: spec.map(Box::new),
                    done,
                };
                plugin
                    .events
                    .send(event)
                    .await
                    .map_err(|_| format!("plugin {id} has been stopped"))?;
                outcome
                    .await
                    .map_err(|_| format!("plugin {id} was stopped meanwhile"))??;
                plugin
            }
            (None, Some(spec)) => {
                let (plugin, started) = supervise(&self.workshop, spec);
                self.insert(&plugin);
                started
                    .await
                    .map_err(|_| format!("plugin {id} was stopped meanwhile"))??;
                plugin
            }
            (None, None) => {
                return Err(format!(
                    "there is no plugin {id}; `openclaw plugins list` shows them"
                ));
            }
        };
        Ok(plugin.view())
    }

    fn insert(&self, plugin: &Arc<Plugin>) {
        let mut plugins = self.plugins.write().unwrap_or_else(PoisonError::into_inner);
        plugins.insert(plugin.id().to_owned(), plugin.clone());
    }

    /// Tells all of them that the log's levels are others now.
    pub async fn relog(&self) {
        for plugin in self.all() {
            // one that has been stopped logs nothing
            let _ = plugin.events.send(Event::Relog).await;
        }
    }

    /// Stops everything, side by side.
    pub async fn stop(&self) {
        let mut stopping = Vec::new();
        for plugin in self.all() {
            let (done, stopped) = oneshot::channel();
            if plugin.events.send(Event::Stop { done }).await.is_ok() {
                stopping.push(stopped);
            }
        }
        for stopped in stopping {
            let _ = stopped.await;
        }
    }

    /// Plugins that are on and don't serve, with the reason.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        for plugin in self.all() {
            match plugin.state() {
                State::Failed { why, .. } | State::Quarantined { why, .. } => {
                    problems.push((plugin.id().to_owned(), why))
                }
                State::Off if plugin.spec().reason.is_set_aside() => {
                    problems.push((plugin.id().to_owned(), plugin.spec().reason.to_string()))
                }
                State::Starting => problems.push((plugin.id().to_owned(), "is still starting".into())),
                State::Off | State::Running | State::Stopped => {}
            }
        }
        problems
    }
}

/// Two plugins that declare the same thing can't both run: the one with the later id is switched off, loudly.
pub fn refuse_clashes(mut specs: Vec<Spec>) -> Vec<Spec> {
    let mut taken: BTreeMap<(String, String), String> = BTreeMap::new();
    specs.sort_by(|a, b| a.manifest.id.cmp(&b.manifest.id));
    for spec in specs.iter_mut().filter(|spec| spec.reason.is_on()) {
        let declared = spec.manifest.declared();
        let clash = declared
            .iter()
            .filter(|(_, id)| *id != OFFERED_TOOLS)
            .find_map(|(kind, id)| {
                let owner = taken.get(&((*kind).to_owned(), (*id).to_owned()))?;
                Some((format!("{kind} {id}"), owner.clone()))
            });
        match clash {
            Some((what, owner)) => {
                let id = &spec.manifest.id;
                tracing::error!(target: "openclaw::plugins", "{id} is off: it declares {what}, and so does {owner}");
                spec.reason = super::ladder::Reason::Clash { what, owner };
            }
            None => taken.extend(
                declared
                    .iter()
                    .map(|(kind, id)| (((*kind).to_owned(), (*id).to_owned()), spec.manifest.id.clone())),
            ),
        }
    }
    specs
}
