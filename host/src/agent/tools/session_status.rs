//! `session_status`: how a conversation is, and which model answers in it.
use super::{Bench, HostTool, reach::unusable};
use crate::agent::{
    commands::{SessionSettings, thinking_word},
    policy::Trust,
};
use openclaw_plugin_api::{Content, Error, ErrorKind, Result, ToolOrigin, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// The word for the model that the configuration names.
const DEFAULT: &str = "default";

pub(super) struct SessionStatus;

/// Arguments.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Args {
    /// The conversation. Default: this one.
    session_key: Option<String>,
    /// Chooses the model of the conversation, provider/model; `default` takes the choice back.
    model: Option<String>,
}

impl HostTool for SessionStatus {
    const NAME: &'static str = "session_status";
    const DESCRIPTION: &'static str = "Shows how a conversation (session) is: time, model, tokens, cost. With model it chooses the model that answers.";
    // reading changes nothing; choosing a model is refused to strangers below
    const SIDE_EFFECTS: bool = false;
    const IDEMPOTENT: bool = true;
    type Args = Args;

    async fn invoke(&self, args: Args, origin: ToolOrigin, bench: Bench) -> Result<ToolOutput> {
        let named = args.session_key.unwrap_or_default();
        let session = bench.reached(&origin, &named).await?;
        let (desk, config) = (&bench.desk, bench.desk.config());
        let agents = config.agents();
        let agent = agents
            .get(&session.agent)
            .unwrap_or_else(|| agents.default_agent());
        let mut settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
        let mut changed = false;
        if let Some(model) = args
            .model
            .as_deref()
            .map(str::trim)
            .filter(|model| !model.is_empty())
        {
            if bench.permits.policy().trust() < Trust::Known {
                return Err(Error::new(
                    ErrorKind::Refused,
                    "the model is not for strangers to choose",
                ));
            }
            let chosen = match model {
                DEFAULT => None,
                model => Some(desk.asker.judge(agent, model).map_err(Error::invalid)?),
            };
            settings.provider_override = chosen.as_ref().map(|model| model.provider.clone());
            settings.model_override = chosen.map(|model| model.model);
            let (key, before) = (session.key.clone(), session.settings.clone());
            let after = serde_json::to_string(&settings)?;
            let kept = desk
                .journal
                .run(move |j| j.change_session_settings(&key, &before, &after))
                .await;
            kept.map_err(unusable)?;
            desk.live.changed(&session.key, &session.agent, "patch");
            changed = true;
        }
        let usual = agent
            .model
            .primary
            .clone()
            .unwrap_or(desk.asker.default_model().await);
        let model = settings
            .model()
            .unwrap_or_else(|| agent.reference(&usual).to_owned());
        let now = desk.clock.now_ms();
        let time = jiff::Timestamp::from_millisecond(now)
            .map(|time| time.strftime("%A %Y-%m-%d %H:%M UTC").to_string());
        let usage = &session.usage;
        let thinking = settings
            .thinking_level
            .or(agent.thinking.map(Into::into))
            .unwrap_or_default();
        let text = format!(
            "📊 Session {}\nTime: {}\nModel: {model} · Think: {}\nTokens: {} in / {} out · Context: {} · Compactions: {}\n\
             Cost: ${:.4}",
            session.key,
            time.unwrap_or_default(),
            thinking_word(thinking),
            usage.input,
            usage.output,
            usage.context,
            session.compactions,
            usage.cost
        );
        let details = json!({
            "ok": true, "sessionKey": session.key, "agentId": session.agent, "changedModel": changed, "model": model,
            "statusText": text,
        });
        Ok(ToolOutput {
            content: vec![Content::text(text)],
            details,
            is_error: false,
        })
    }
}
