//! Mappings: what becomes of a call to a name of the operator's own. The first that fits counts; presets come last.
use crate::{
    config::{Action, Gmail, Hooks, Mapping, Match, WakeMode},
    content,
    request::{Order, id, millis},
    session::Rules,
    template::{Scope, render},
};
use openclaw_plugin_api::{Announce, HttpCall, Submission, SystemEvent};
use serde_json::Value;

/// Name of a mapping that nobody named.
const UNNAMED: &str = "Hook";

/// The mappings that can be served.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mappings(Vec<Mapping>);

impl Mappings {
    /// Those of the configuration, without those that can't be served; why they can't is logged.
    pub(crate) fn new(hooks: &Hooks) -> Self {
        let mut served = Vec::new();
        for (number, mapping) in hooks.mappings.iter().enumerate() {
            match unserved(mapping) {
                None => served.push(mapping.clone()),
                Some(why) => tracing::warn!("hooks.mappings[{number}] is not served: {why}"),
            }
        }
        for preset in &hooks.presets {
            match preset.as_str() {
                "gmail" => served.push(gmail(&hooks.gmail)),
                other => tracing::warn!("hooks.presets: there is no preset {other}; there is gmail"),
            }
        }
        Self(served)
    }

    /// The mapping of a call to this name.
    pub(crate) fn find(&self, name: &str, body: &Value) -> Option<&Mapping> {
        self.0.iter().find(|mapping| {
            let Match { path, source } = &mapping.matching;
            let path = path.as_ref().map(|path| path.trim_matches('/'));
            path.is_none_or(|path| path == name)
                && source.as_ref().is_none_or(|source| body["source"] == **source)
        })
    }
}

fn unserved(mapping: &Mapping) -> Option<&'static str> {
    if mapping.transform.is_some() {
        return Some("nothing here runs a transform; say it with messageTemplate, and remove transform");
    }
    if mapping.for_each.is_some() {
        return Some("forEach has no equivalent here; remove it to get one message for the whole call");
    }
    None
}

/// Mail that a watcher of Gmail reports.
fn gmail(set: &Gmail) -> Mapping {
    let template = "New mail.\nFrom: {{messages[0].from}}\nSubject: {{messages[0].subject}}\n\n{{messages[0].snippet}}\n\
                    {{messages[0].body}}";
    Mapping {
        id: Some("gmail".to_owned()),
        matching: Match {
            path: Some("gmail".to_owned()),
            source: None,
        },
        name: Some("Gmail".to_owned()),
        session_key: Some("hook:gmail:{{messages[0].id}}".to_owned()),
        message_template: Some(template.to_owned()),
        model: set.model.clone(),
        thinking: set.thinking.clone(),
        allow_unsafe_external_content: set.allow_unsafe_external_content,
        ..Mapping::default()
    }
}

impl Mapping {
    /// What a call asks for by this mapping.
    pub(crate) fn order(
        &self,
        rules: &Rules,
        call: &HttpCall,
        key: &str,
        scope: Scope<'_>,
    ) -> Result<Order, String> {
        let show = |template: &Option<String>| match template {
            None => Ok(String::new()),
            Some(template) => {
                render(template, scope).ok_or("what the template makes of this call is too long")
            }
        };
        let name = match show(&self.name)? {
            name if name.trim().is_empty() => self.id.clone().unwrap_or_else(|| UNNAMED.to_owned()),
            name => name,
        };
        let template = match self.action {
            Action::Wake => self.text_template.as_ref().or(self.message_template.as_ref()),
            Action::Agent => self.message_template.as_ref().or(self.text_template.as_ref()),
        };
        let text = show(&template.cloned())?;
        if text.trim().is_empty() {
            let missing = match self.action {
                Action::Wake => "text required: the mapping's textTemplate is empty for this call",
                Action::Agent => "message required: the mapping's messageTemplate is empty for this call",
            };
            return Err(missing.to_owned());
        }
        let text = match self.allow_unsafe_external_content {
            true => text,
            false => content::outside(&name, &call.request_id, text.trim()),
        };
        let agent_id = rules.agent(self.agent_id.as_deref())?;
        let session_key = show(&self.session_key)?;
        if self.action == Action::Wake {
            return Ok(Order::Wake(SystemEvent {
                agent_id,
                session_key: match session_key.is_empty() {
                    true => String::new(),
                    false => rules.of_mapping(Some(&session_key), id(key, call))?,
                },
                text,
                wake: self.wake_mode == WakeMode::Now,
            }));
        }
        let announce = Announce {
            channel: self.channel.clone().unwrap_or_default(),
            to: show(&self.to)?,
            ..Announce::default()
        };
        Ok(Order::Ask(Box::new(Submission {
            agent_id,
            session_key: rules.of_mapping(Some(&session_key), id(key, call))?,
            text,
            model: self.model.clone().unwrap_or_default(),
            thinking: self.thinking.clone().unwrap_or_default(),
            timeout_ms: millis(self.timeout_seconds),
            announce: (self.deliver != Some(false)).then_some(announce),
            idempotency_key: key.to_owned(),
            sender_id: format!("hook:{}", content::label(&name)),
            ..Submission::default()
        })))
    }
}
