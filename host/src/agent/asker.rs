//! Asks models in their order until one answers, each by its own plugin, with the keys that it has.
use super::{
    compaction,
    failover::{Budget, Driver, Failure, Progress, Stopped, Try},
    pictures,
    request::DEFAULT_MODEL,
    survey::Survey,
    tokens::{self, Window},
    turn::{Answer, Asker, Failed, History, Turn, TurnEvents, attempt},
};
use crate::{
    clock::Clock,
    config::{Config, Env, Paths},
    models::{Catalogue, Cooldowns, Offer, Served, Snapshot, priced},
    plugins::registry::Registry,
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{CompletionRequest, Error, ErrorKind, Result, ToolSpec};
use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// How long all models together may take until one begins to answer.
const BUDGET: Duration = Duration::from_secs(120);

/// Field of an error with the words for the person who waits.
pub(super) const FOR_PERSON: &str = "forPerson";

/// Asks models through the plugins that have them.
pub struct Models {
    pub(super) registry: Arc<Registry>,
    config: watch::Receiver<Arc<Config>>,
    clock: Clock,
    paths: Paths,
    env: Env,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) cooldowns: Cooldowns,
    /// With the plugins' revision that it was made of.
    known: Mutex<Option<(u64, Arc<Survey>)>>,
}

impl Models {
    /// Models of these plugins.
    pub fn new(
        registry: Arc<Registry>,
        config: watch::Receiver<Arc<Config>>,
        clock: Clock,
        paths: Paths,
        env: Env,
        resting: Snapshot,
    ) -> Self {
        let rules = config.borrow().auth.cooldowns.clone();
        Self {
            registry,
            config,
            cooldowns: Cooldowns::new(clock.clone(), rules, resting),
            clock,
            paths,
            env,
            catalogue: Arc::default(),
            known: Mutex::default(),
        }
    }

    /// What is known of models now. Made anew when the configuration or the plugins have changed.
    pub fn survey(&self) -> Arc<Survey> {
        let config = self.config.borrow().clone();
        // asked before the plugins: what changes in between is seen next time
        let revision = self.registry.revision();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, survey)) = known
            .as_ref()
            .filter(|(of, survey)| Arc::ptr_eq(&survey.config, &config) && *of == revision)
        {
            return survey.clone();
        }
        if known
            .as_ref()
            .is_some_and(|(_, survey)| is_new_to_vendors(&survey.config, &config))
        {
            self.cooldowns.clear();
        }
        self.cooldowns.follow(&config.auth.cooldowns);
        let plugins = self.registry.all().into_iter();
        let on = plugins
            .map(|plugin| plugin.spec())
            .filter(|spec| spec.reason.is_on());
        let offers: Vec<_> = on.map(|spec| Offer::of(&spec.manifest, &self.env)).collect();
        let (catalogue, clock) = (self.catalogue.clone(), self.clock.clone());
        let survey = Arc::new(Survey::new(config, offers, &self.paths, catalogue, clock));
        *known = Some((revision, survey.clone()));
        survey
    }

    /// The model of an agent that has none configured: the first one of a vendor whose key is in the environment, else
    /// one that needs no account. That one only stands in where there is a key and its vendor does not say what it has: the
    /// catalogue asks again after a while.
    pub(super) async fn usual(&self) -> String {
        let snap = self.survey();
        if let Some(known) = snap.usual.get() {
            return known.clone();
        }
        let found = self.first_of_environment(&snap).await;
        let has_keys = snap.offers.iter().any(|offer| offer.in_environment);
        if found.is_none() && has_keys {
            return DEFAULT_MODEL.to_owned();
        }
        let usual = found.unwrap_or_else(|| DEFAULT_MODEL.to_owned());
        snap.usual.get_or_init(|| usual).clone()
    }

    /// See [`Models::usual`].
    pub async fn default_model(&self) -> String {
        self.usual().await
    }

    async fn first_of_environment(&self, snap: &Survey) -> Option<String> {
        let agent = snap.agents.default_agent();
        for offer in snap.offers.iter().filter(|offer| offer.in_environment) {
            let Some(provider) = offer.providers.first() else {
                continue;
            };
            let any = snap.resolver.resolve(agent, &format!("{provider}/any"), None);
            let Ok(any) = any else { continue };
            if self.catalogue.load(&self.registry, &any, false).await.is_err() {
                continue;
            }
            if let Some(model) = self.catalogue.first(provider) {
                return Some(format!("{provider}/{model}"));
            }
        }
        None
    }

    /// What rests, if that has changed.
    pub(super) fn resting(&self) -> Option<Snapshot> {
        self.cooldowns.news()
    }

    /// The model that goes on with a turn, and its window.
    pub(super) async fn first(&self, turn: &Turn) -> Result<(Arc<Served>, Window)> {
        let plan = self.plan(turn).await?;
        let window = Window::new(&plan[0].info, turn.context_cap, turn.reserve_floor);
        Ok((plan[0].clone(), window))
    }

    /// The models that a turn may ask, in their order, with what is known of them.
    async fn plan(&self, turn: &Turn) -> Result<Vec<Arc<Served>>> {
        let snap = self.survey();
        let agents = &snap.agents;
        let agent = agents
            .get(&turn.origin.agent_id)
            .unwrap_or_else(|| agents.default_agent());
        let profile = Some(turn.profile.as_str()).filter(|profile| !profile.is_empty());
        let references = || turn.models.iter().map(String::as_str);
        let (plan, errors) = snap.resolver.plan(agent, references(), profile);
        for error in &errors {
            tracing::warn!(target: "openclaw::models", "{error}");
        }
        if plan.is_empty() {
            let none = || {
                Error::new(
                    ErrorKind::Config,
                    "no model is configured; set agents.defaults.model",
                )
            };
            return Err(errors.first().map_or_else(none, |error| error.to_error()));
        }
        // limits and prices: a turn goes on without them
        let routes = plan.iter().map(|served| &**served);
        if self.catalogue.load_all(&self.registry, routes).await {
            return Ok(snap.resolver.plan(agent, references(), profile).0);
        }
        Ok(plan)
    }

    async fn ask(
        &self,
        turn: &Turn,
        history: &mut History,
        tools: &[Arc<ToolSpec>],
        events: &TurnEvents,
    ) -> Result<Answer> {
        let plan = self.plan(turn).await?;
        let window = Window::new(&plan[0].info, turn.context_cap, turn.reserve_floor);
        window.check(&plan[0].reference)?;
        let prefix = tokens::of_prefix(&turn.system, tools);
        if turn.shortening.automatic && window.is_full(prefix + history.tokens) {
            self.shorten(turn, history, &plan[0], window, events).await?;
        }
        match self.drive(&plan, turn, history, tools, events).await {
            Err(Stopped::Overflow(served, _)) => {
                let window = Window::new(&served.info, turn.context_cap, turn.reserve_floor);
                self.shorten(turn, history, &served, window, events).await?;
                let again = self.drive(&plan, turn, history, tools, events).await;
                again.map_err(told)
            }
            outcome => outcome.map_err(told),
        }
    }

    async fn shorten(
        &self,
        turn: &Turn,
        history: &mut History,
        served: &Arc<Served>,
        window: Window,
        events: &TurnEvents,
    ) -> Result<()> {
        let tell = |on| events.run.iter().for_each(|run| run.compacting(on));
        tell(true);
        let shortened = compaction::shorten(self, turn, history, served, window).await;
        tell(false);
        shortened
    }

    /// Asks models one after the other, in so much time.
    pub(super) fn driver(&self, total: Duration) -> Driver<'_> {
        Driver {
            cooldowns: &self.cooldowns,
            budget: Budget::of(total),
            jitter,
        }
    }

    async fn drive(
        &self,
        plan: &[Arc<Served>],
        turn: &Turn,
        history: &History,
        tools: &[Arc<ToolSpec>],
        events: &TurnEvents,
    ) -> std::result::Result<Answer, Stopped> {
        // a model that is not heard of must leave time to those behind it within the turn
        let left = turn
            .ends
            .map(|ends| ends.saturating_duration_since(Instant::now()));
        let driver = self.driver(left.map_or(BUDGET, |left| left.min(BUDGET)));
        let answered = driver
            .run(plan, |now| self.attempt(now, turn, history, tools, events))
            .await?;
        let mut answer = answered.answer;
        answer.usage = priced(answer.usage, &answered.served.info);
        answer.about.usage = Some(answer.usage);
        if let Some(run) = &events.run {
            run.said(answer.usage, answer.stop, !answer.calls.is_empty());
        }
        answer
            .notices
            .extend(answered.fallback.map(|fallback| fallback.to_string()));
        Ok(answer)
    }

    async fn attempt(
        &self,
        now: Try,
        turn: &Turn,
        history: &History,
        tools: &[Arc<ToolSpec>],
        events: &TurnEvents,
    ) -> std::result::Result<Answer, Failure> {
        let served = &now.served;
        let plugin = self.registry.get(&served.plugin).ok_or_else(|| {
            let text = format!("plugin {} is not there any more", served.plugin);
            Failure::early(Error::new(ErrorKind::Closed, text))
        })?;
        let mut request = served.request(&now.credential);
        request.system.clone_from(&turn.system);
        let folder = self.paths.state_dir.join("media");
        let mut messages = history.for_model();
        if let Some(pruning) = &turn.pruning {
            let window = Window::new(&served.info, turn.context_cap, turn.reserve_floor);
            compaction::prune(&mut messages, pruning, window, turn.idle);
        }
        request.messages = pictures::develop(messages, &folder, served.takes_images()).await;
        request.tools = permitted(turn, tools, &served.reference.to_string());
        request.session_id.clone_from(&turn.session_id);
        request.thinking = turn.thinking;
        request.max_tokens = turn.max_tokens.or(request.max_tokens);
        let asked = attempt(
            &plugin,
            &served.target,
            &served.reference.to_string(),
            &request,
            events,
            &now.begun,
        )
        .await;
        asked.map_err(|Failed { error, began }| Failure {
            error,
            progress: if began { Progress::Shown } else { Progress::Nothing },
        })
    }

    /// One answer of one model, unheard by anybody: for the gateway's own purposes. `begun` is set with the first of it.
    pub(super) async fn aside(
        &self,
        served: &Served,
        request: CompletionRequest,
        begun: &AtomicBool,
    ) -> Result<Answer> {
        let plugin = self.registry.get(&served.plugin).ok_or_else(|| {
            let text = format!("plugin {} is not there any more", served.plugin);
            Error::new(ErrorKind::Closed, text)
        })?;
        let events = TurnEvents::new(tokio::sync::mpsc::channel(1).0, None);
        let asked = attempt(
            &plugin,
            &served.target,
            &served.reference.to_string(),
            &request,
            &events,
            begun,
        )
        .await;
        asked.map_err(|failed| failed.error)
    }
}

impl Asker for Models {
    fn ask<'a>(
        &'a self,
        turn: &'a Turn,
        history: &'a mut History,
        tools: &'a [Arc<ToolSpec>],
        events: &'a TurnEvents,
    ) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            self.registry.settling.settled().await;
            self.ask(turn, history, tools, events).await
        })
    }
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Models").finish_non_exhaustive()
    }
}

/// May keys, addresses or models be others than they were? Then whoever changed them wants them tried.
fn is_new_to_vendors(before: &Config, now: &Config) -> bool {
    let differs = |part: &&str| before.value()[*part] != now.value()[*part];
    ["models", "auth", "env"].iter().any(differs)
}

/// The error that a turn ends with, with what the person is told of it.
pub(super) fn told(stopped: Stopped) -> Error {
    let text = stopped.for_person();
    stopped.into_error().with(FOR_PERSON, text)
}

/// The tools that this model may use: those of the caller, and those that the policy leaves to it.
fn permitted(turn: &Turn, tools: &[Arc<ToolSpec>], model: &str) -> Vec<ToolSpec> {
    let of_caller = |tool: &ToolSpec| turn.callers_tools.iter().any(|own| own.name == tool.name);
    let on = |tool: &&Arc<ToolSpec>| of_caller(tool) || turn.permits.verdict(&tool.name, model).is_on();
    let on = tools.iter().filter(on);
    on.map(|tool| ToolSpec::clone(tool)).collect()
}

/// From 0 to 1. Without randomness of the system all pauses are equal, which is no fault.
fn jitter() -> f64 {
    let mut bytes = [0_u8; 4];
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
