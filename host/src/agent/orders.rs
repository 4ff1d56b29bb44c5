//! Commands that people give in a chat: run at once, ahead of whatever waits, and answered without a model.
use super::{
    client::CLIENTS,
    commands::{
        self, Command, CommandContext, Effect, ModelChoice, ParseContext, Parsed, PluginCommand,
        SessionSettings, Tokens,
    },
    desk::Desk,
    gate,
    lane::Lanes,
    policy,
    prompt::PromptReport,
    standing::{self, Standing},
};
use crate::{
    access::Rights,
    approvals::{self, Wanted},
    config::{Agent, Config},
    gateway::random::uuid,
    journal::Session,
    route::Route,
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{
    CommandCall, CommandReply, CommandSpec, Error, ErrorKind, Inbound, InboundKind, surface::ids,
};
use std::sync::Arc;

/// What somebody wrote, with the commands in it carried out.
pub(super) enum Carried {
    /// Nothing is left for a model. What to answer, if anything.
    Out(Option<String>),
    /// Nothing is left for a model; what is to be done takes its time.
    Later(Errand),
    /// For a model, after the errand.
    On {
        /// What is to be done first.
        first: Option<Errand>,
        /// Without the commands in it.
        text: String,
        /// What holds for this message.
        settings: Box<SessionSettings>,
        /// To be answered at once.
        aside: Option<String>,
    },
    /// A command of somebody who may not give it.
    Ignored,
}

/// Something that takes longer than other conversations may have to wait.
pub(super) struct Errand {
    /// Gives what to answer.
    pub(super) work: BoxFuture<'static, Option<String>>,
    /// No turn of the conversation may run at the same time.
    pub(super) between: bool,
}

/// Somebody who may have given a command.
pub(super) struct Orders<'a> {
    pub(super) desk: &'a Arc<Desk>,
    pub(super) lanes: &'a Arc<Lanes>,
    pub(super) config: &'a Config,
    pub(super) agent: &'a Agent,
    pub(super) route: &'a Route,
    pub(super) event: &'a Inbound,
    pub(super) rights: Rights,
    pub(super) session: Session,
}

impl Orders<'_> {
    /// What a text asks for that begins with the name of a skill. Commands of the same name go first.
    async fn skill(&self, text: &str) -> Option<String> {
        let name = text.trim_start().strip_prefix('/')?.split_whitespace().next()?;
        if !self.rights.commands || commands::find(name).is_some() {
            return None;
        }
        let skills = self
            .desk
            .skills
            .get(&self.desk.config(), self.agent, &self.desk.paths)
            .await;
        crate::skills::asked(text, &skills)
    }

    /// Carries out what is a command in a text.
    pub(super) async fn carry_out(self, text: &str) -> Carried {
        if let Some(wanted) = approvals::wanted(text) {
            return Carried::Later(self.approve(wanted));
        }
        let mut settings: SessionSettings = serde_json::from_str(&self.session.settings).unwrap_or_default();
        let asked = self.skill(text).await;
        let text = asked.as_deref().unwrap_or(text);
        let quick = !text.contains('/') && text.len() > 16;
        let plugins = if quick { Vec::new() } else { self.plugins() };
        let models = if quick {
            Vec::new()
        } else {
            self.desk.asker.choices(self.agent)
        };
        // what comes from the platform's own menu is no text
        let heard = self.config.commands.text() || self.event.kind == InboundKind::Command;
        let parsed = commands::parse(
            text,
            &ParseContext {
                authorized: self.rights.commands && heard,
                plugins: &plugins,
                models: &models,
                reset_triggers: &self.config.session.reset_triggers,
            },
        );
        match parsed {
            Parsed::Ignored => Carried::Ignored,
            Parsed::Commands(list) => self.run(list, &plugins, &models, settings).await,
            Parsed::Text {
                text,
                directives,
                shortcuts,
            } => {
                let report = self.desk.briefings.report(&self.route.session_key);
                let context = self.context(&plugins, &models, report.as_ref());
                let for_now = commands::for_this_message(&directives, &context, &settings);
                let said = shortcuts
                    .iter()
                    .filter_map(|command| commands::run(command, &context, &mut settings).reply);
                let aside = join(said.collect());
                Carried::On {
                    first: None,
                    text,
                    settings: Box::new(for_now),
                    aside,
                }
            }
        }
    }

    /// Leaves a text as it is.
    pub(super) fn untouched(self, text: String) -> Carried {
        Carried::On {
            first: None,
            text,
            settings: Box::new(serde_json::from_str(&self.session.settings).unwrap_or_default()),
            aside: None,
        }
    }

    async fn run(
        self,
        list: Vec<Command>,
        plugins: &[PluginCommand],
        models: &[ModelChoice],
        mut settings: SessionSettings,
    ) -> Carried {
        let before = serde_json::to_string(&settings).unwrap_or_default();
        let mut said = Vec::new();
        let mut effects = Vec::new();
        {
            let report = self.desk.briefings.report(&self.route.session_key);
            let context = self.context(plugins, models, report.as_ref());
            for command in &list {
                let outcome = commands::run(command, &context, &mut settings);
                said.extend(outcome.reply);
                effects.push(outcome.effect);
            }
        }
        let after = serde_json::to_string(&settings).unwrap_or_default();
        if after != before {
            let (key, after) = (self.route.session_key.clone(), after);
            let (channel, event) = (self.route.delivery.channel.clone(), self.event.clone());
            let (activation, now) = (settings.group_activation, self.desk.clock.now_ms());
            let kept = self
                .desk
                .insist(move |j| {
                    if let Some(activation) = activation {
                        gate::choose(j, &channel, &event, activation, now)?;
                    }
                    j.change_session_settings(&key, &before, &after)
                })
                .await;
            if let Err(error) = kept {
                return Carried::Out(Some(format!("⚠️ The setting was not kept: {error}")));
            }
        }
        let (mut rest, mut errands, mut between) = (String::new(), Vec::new(), false);
        for effect in effects {
            match effect {
                Effect::None => {}
                Effect::Stop => drop(self.lanes.stop(&self.route.session_key).await),
                Effect::Reset { rest: first, .. } => {
                    self.lanes.stop(&self.route.session_key).await;
                    errands.push(self.reset());
                    (rest, between) = (first, true);
                }
                Effect::Compact { instructions } => {
                    errands.push(self.compact(instructions));
                    between = true;
                }
                Effect::Tools { name } => said.push(self.tools(&name, &settings)),
                Effect::Plugin { name, args } => errands.push(self.plugin(name, args)),
            }
        }
        let aside = (!rest.is_empty())
            .then(|| join(std::mem::take(&mut said)))
            .flatten();
        if errands.is_empty() {
            return Carried::Out(join(said));
        }
        let work = async move {
            for errand in errands {
                said.extend(errand.await);
            }
            join(said)
        };
        let errand = Errand {
            work: Box::pin(work),
            between,
        };
        if rest.is_empty() {
            return Carried::Later(errand);
        }
        Carried::On {
            first: Some(errand),
            text: rest,
            settings: Box::new(settings),
            aside,
        }
    }

    /// Gives the operator's answer to a question, if it is from somebody who may.
    fn approve(&self, wanted: Wanted) -> Errand {
        let (desk, event, rights) = (self.desk.clone(), self.event.clone(), self.rights);
        let channel = self.route.delivery.channel.clone();
        let work = async move { approvals::answer(&desk, &channel, &event, rights, wanted).await };
        Errand {
            work: Box::pin(work),
            between: false,
        }
    }

    fn reset(&self) -> BoxFuture<'static, Option<String>> {
        let (desk, key) = (self.desk.clone(), self.route.session_key.clone());
        Box::pin(async move {
            let now = desk.clock.now_ms();
            let reset = desk.insist(move |j| j.reset_session(&key, &uuid(), now)).await;
            reset
                .err()
                .map(|error| format!("⚠️ The conversation was not begun anew: {error}"))
        })
    }

    fn compact(&self, instructions: String) -> BoxFuture<'static, Option<String>> {
        let (desk, agent, key) = (
            self.desk.clone(),
            self.agent.clone(),
            self.route.session_key.clone(),
        );
        Box::pin(async move {
            let asked = Some(instructions).filter(|text| !text.is_empty());
            // as it is now: a turn may have ended, and a reset been made, since this was asked for
            let done = match desk.session(&key, &agent.id).await {
                Ok(session) => super::request::compact(&desk, &agent, &session, asked).await,
                Err(error) => Err(Error::new(ErrorKind::Overloaded, error)),
            };
            Some(match done {
                Ok(Some((context, window))) => commands::compacted(context, window),
                Ok(None) => "⚙️ There is nothing to compact.".to_owned(),
                Err(error) => format!("⚠️ The conversation was not compacted: {error}"),
            })
        })
    }

    fn plugin(&self, name: String, args: String) -> BoxFuture<'static, Option<String>> {
        let desk = self.desk.clone();
        let delivery = &self.route.delivery;
        let call = CommandCall {
            name: name.clone(),
            args: args.split_whitespace().map(str::to_owned).collect(),
            text: args,
            channel: delivery.channel.clone(),
            account_id: delivery.account_id.clone(),
            chat_id: delivery.chat_id.clone(),
            sender_id: self.event.sender.id.clone(),
            session_key: self.route.session_key.clone(),
            ..CommandCall::default()
        };
        Box::pin(async move {
            let Some(plugin) = desk.registry.offering("command/1", &name) else {
                return Some(format!("⚠️ The plugin with the command /{name} does not run."));
            };
            Some(
                match plugin.call::<CommandReply>(ids::command::RUN, &name, &call).await {
                    Ok(reply) => reply.text,
                    Err(error) => {
                        tracing::warn!(target: "openclaw::commands", command = name, %error, "failed");
                        format!("⚠️ /{name} failed.")
                    }
                },
            )
        })
    }

    /// Which tools a turn would have that answers here.
    fn tools(&self, name: &str, settings: &SessionSettings) -> String {
        let Orders { desk, route, .. } = self;
        let trust = standing::trust(self.rights.owner, self.rights.known);
        let permits = if route.delivery.channel == CLIENTS {
            let at = Standing {
                agent: &self.agent.id,
                session_key: &route.session_key,
                settings: &self.session.settings,
                trust,
            };
            standing::rules_of(desk, &at)
        } else {
            let chat = standing::Chat {
                agent: &self.agent.id,
                session_key: &route.session_key,
                channel: &route.delivery.channel,
                event: self.event,
            };
            standing::rules_in(desk, &chat, settings, trust)
        };
        let written = settings.model().or_else(|| self.agent.model.primary.clone());
        let model = written.unwrap_or_else(|| super::request::DEFAULT_MODEL.to_owned());
        policy::card(&permits.decisions(self.agent.reference(&model)), name)
    }

    fn plugins(&self) -> Vec<PluginCommand> {
        let offered = self.desk.registry.offered("command/1").into_iter();
        let specs = offered.filter_map(|(_, r)| serde_json::from_value::<CommandSpec>(r.spec).ok());
        specs
            .filter(|spec| spec.chat)
            .map(|spec| PluginCommand {
                name: spec.name,
                description: spec.description,
                require_auth: spec.require_auth,
            })
            .collect()
    }

    fn context<'c>(
        &'c self,
        plugins: &'c [PluginCommand],
        models: &'c [ModelChoice],
        prompt: Option<&'c PromptReport>,
    ) -> CommandContext<'c> {
        let (session, usage) = (&self.session, &self.session.usage);
        CommandContext {
            version: env!("CARGO_PKG_VERSION"),
            channel: &self.route.delivery.channel,
            chat: self.event.chat.clone(),
            sender: self.event.sender.clone(),
            session_key: &self.route.session_key,
            default_model: self
                .agent
                .model
                .primary
                .as_deref()
                .unwrap_or(super::request::DEFAULT_MODEL),
            models,
            models_only: self.agent.allowed_models.is_some(),
            plugins,
            tokens: Tokens {
                input: usage.input,
                output: usage.output,
                context: usage.context,
                window: self.desk.asker.window(self.agent, &session.model),
                compactions: session.compactions,
                cost: usage.cost,
            },
            queue: super::desk::queue_settings(self.config, &self.route.delivery.channel),
            running: self.lanes.is_open(&self.route.session_key),
            prompt,
            ..CommandContext::default()
        }
    }
}

/// One answer of all that was said; none if that is nothing, as where a plugin's command has no words.
fn join(mut said: Vec<String>) -> Option<String> {
    said.retain(|text| !text.trim().is_empty());
    (!said.is_empty()).then(|| said.join("\n\n"))
}
