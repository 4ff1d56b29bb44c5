//! A conversation as OpenClaw keeps it, as one of ours: its key, what is set in it, and where its messages came from.
use super::{message::millis, stores::number};
use crate::{
    agent::commands::SessionSettings,
    config::agent_id,
    journal::{Session, SessionUsage},
    route::Delivery,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Longest key.
const MAX_KEY: usize = 512;

/// What an entry says. Anything may stand anywhere: what is none is left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Stored {
    session_id: Value,
    session_file: Value,
    updated_at: Value,
    delivery_context: Value,
    delivery: Value,
    last_channel: Value,
    last_to: Value,
    last_account_id: Value,
    last_thread_id: Value,
    input_tokens: Value,
    output_tokens: Value,
    total_tokens: Value,
    compaction_count: Value,
    model_provider: Value,
    model: Value,
    thinking_level: Value,
    verbose_level: Value,
    reasoning_level: Value,
    response_usage: Value,
    provider_override: Value,
    model_override: Value,
    auth_profile_override: Value,
    auth_profile_override_source: Value,
    queue_mode: Value,
    queue_debounce_ms: Value,
    queue_cap: Value,
    queue_drop: Value,
    group_activation: Value,
    send_policy: Value,
    label: Value,
    display_name: Value,
    category: Value,
    icon: Value,
    color: Value,
    parent_session_key: Value,
    spawned_by: Value,
    elevated_level: Value,
    exec_host: Value,
    exec_security: Value,
    exec_ask: Value,
    tts_auto: Value,
}

/// The key under which a conversation goes on here.
pub(super) fn session_key(written: &str, agent: &str, main_key: &str) -> Option<String> {
    let key = written.trim().to_lowercase();
    if key.is_empty() || key.len() > MAX_KEY || key == "unknown" || key.chars().any(char::is_control) {
        return None;
    }
    if key == "global" {
        return Some(key);
    }
    let rest = match key.strip_prefix("agent:").and_then(|rest| rest.split_once(':')) {
        Some((_, rest)) => rest,
        None => key.as_str(),
    };
    let main = rest == "main" || rest == main_key;
    // as private chats were called before February 2026
    let rest = if main {
        "main".to_owned()
    } else {
        rest.replace(":dm:", ":direct:")
    };
    Some(format!("agent:{agent}:{rest}"))
}

fn word(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|word| !word.is_empty())
}

// === impl Stored ===

impl Stored {
    /// An entry of which nothing is known but its transcript.
    pub(super) fn of(id: &str, updated_ms: Option<i64>) -> Self {
        Self {
            session_id: json!(id),
            updated_at: json!(updated_ms),
            ..Self::default()
        }
    }

    pub(super) fn id(&self) -> Option<String> {
        let plain = |id: &&str| !id.contains(['/', '\\', '\0']) && *id != "." && *id != "..";
        word(&self.session_id).filter(plain).map(str::to_owned)
    }

    /// The name of its file; the folder may be one of another machine.
    pub(super) fn file_name(&self) -> Option<String> {
        let path = word(&self.session_file)?;
        Path::new(path).file_name()?.to_str().map(str::to_owned)
    }

    /// The conversation as ours. Gives what is set in it and has no place here, too.
    pub(super) fn session(
        &self,
        key: &str,
        agent: &str,
        id: &str,
        began_ms: i64,
        now_ms: i64,
    ) -> (Session, Vec<String>) {
        let (settings, lost) = self.settings();
        let updated_ms = millis(&self.updated_at).filter(|ms| *ms > 0).unwrap_or(now_ms);
        let provider = word(&self.model_provider).unwrap_or_default();
        let model = match word(&self.model) {
            Some(model) if !provider.is_empty() => format!("{provider}/{model}"),
            _ => String::new(),
        };
        let route = self.route().and_then(|route| serde_json::to_string(&route).ok());
        let session = Session {
            key: key.to_owned(),
            session_id: id.to_owned(),
            agent: agent_id(agent),
            settings: serde_json::to_string(&settings).unwrap_or_else(|_| "{}".to_owned()),
            route: route.unwrap_or_else(|| "{}".to_owned()),
            usage: SessionUsage {
                input: number(&self.input_tokens),
                output: number(&self.output_tokens),
                context: number(&self.total_tokens),
                cost: 0.0,
            },
            compactions: u32::try_from(number(&self.compaction_count)).unwrap_or(u32::MAX),
            model,
            created_ms: if began_ms > 0 {
                began_ms.min(updated_ms)
            } else {
                updated_ms
            },
            updated_ms,
        };
        (session, lost)
    }

    /// Each setting that means something here.
    fn settings(&self) -> (SessionSettings, Vec<String>) {
        let named = [
            ("thinkingLevel", &self.thinking_level),
            ("verboseLevel", &self.verbose_level),
            ("reasoningLevel", &self.reasoning_level),
            ("responseUsage", &self.response_usage),
            ("providerOverride", &self.provider_override),
            ("modelOverride", &self.model_override),
            ("authProfileOverride", &self.auth_profile_override),
            ("authProfileOverrideSource", &self.auth_profile_override_source),
            ("queueMode", &self.queue_mode),
            ("queueDebounceMs", &self.queue_debounce_ms),
            ("queueCap", &self.queue_cap),
            ("queueDrop", &self.queue_drop),
            ("groupActivation", &self.group_activation),
            ("sendPolicy", &self.send_policy),
            ("label", &self.label),
            ("displayName", &self.display_name),
            ("category", &self.category),
            ("icon", &self.icon),
            ("color", &self.color),
        ];
        let (mut all, mut lost) = (Map::new(), Vec::new());
        for (name, value) in named.into_iter().filter(|(_, value)| !value.is_null()) {
            let one = json!({ name: value });
            match serde_json::from_value::<SessionSettings>(one) {
                Ok(_) => drop(all.insert(name.to_owned(), value.clone())),
                Err(_) => lost.push(format!("{name} {value}")),
            }
        }
        let without = [
            ("elevatedLevel", &self.elevated_level),
            ("execHost", &self.exec_host),
            ("execSecurity", &self.exec_security),
            ("execAsk", &self.exec_ask),
            ("ttsAuto", &self.tts_auto),
        ];
        let without = without.into_iter().filter(|(_, value)| !value.is_null());
        lost.extend(without.map(|(name, value)| format!("{name} {value}")));
        let parent = word(&self.parent_session_key).or_else(|| word(&self.spawned_by));
        if let Some(parent) = parent {
            all.insert("parentSessionKey".to_owned(), json!(parent.to_lowercase()));
        }
        let settings = serde_json::from_value(Value::Object(all)).unwrap_or_default();
        (settings, lost)
    }

    /// Where its last message came from, if that was a chat.
    fn route(&self) -> Option<Delivery> {
        let contexts = [&self.delivery_context, &self.delivery["context"]];
        let context = contexts.into_iter().find(|context| context.is_object());
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let of = |name: &str, last: &Value| {
            context
                .and_then(|context| text(&context[name]))
                .or_else(|| text(last))
        };
        let channel = of("channel", &self.last_channel)?.to_lowercase();
        let to = of("to", &self.last_to)?;
        if matches!(channel.as_str(), "webchat" | "last" | "internal" | "unknown") {
            return None;
        }
        let own = format!("{channel}:");
        let chat_id = to.strip_prefix(&own).unwrap_or(&to).to_owned();
        Some(Delivery {
            account_id: of("accountId", &self.last_account_id).unwrap_or_else(|| "default".to_owned()),
            thread_id: of("threadId", &self.last_thread_id).unwrap_or_default(),
            channel,
            chat_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_events_find() {
        for (written, key) in [
            ("agent:main:main", Some("agent:main:main")),
            ("main", Some("agent:main:main")),
            ("agent:main:home", Some("agent:main:main")),
            (
                "agent:main:Chatter:Group:-1:topic:5",
                Some("agent:main:chatter:group:-1:topic:5"),
            ),
            ("agent:main:chatter:dm:7", Some("agent:main:chatter:direct:7")),
            ("chatter:group:-1", Some("agent:main:chatter:group:-1")),
            ("global", Some("global")),
            ("unknown", None),
            ("", None),
        ] {
            assert_eq!(session_key(written, "main", "home").as_deref(), key, "{written}");
        }
    }

    #[test]
    fn settings_that_mean_nothing_here_are_named() {
        let stored: Stored = serde_json::from_value(json!({
            "sessionId": "s", "updatedAt": 5, "thinkingLevel": "high", "verboseLevel": "wild", "execHost": "node",
            "label": "x", "inputTokens": 7, "modelProvider": "p", "model": "m/n",
            "deliveryContext": { "channel": "chatter", "to": "chatter:42", "threadId": 9 },
        }))
        .expect("an entry");
        let (session, lost) = stored.session("agent:main:main", "main", "s", 2, 9);
        assert_eq!(lost, ["verboseLevel \"wild\"", "execHost \"node\""]);
        assert_eq!(
            (session.created_ms, session.updated_ms, session.usage.input),
            (2, 5, 7)
        );
        assert_eq!(session.model, "p/m/n");
        let settings: SessionSettings = serde_json::from_str(&session.settings).expect("settings");
        assert!(settings.thinking_level.is_some() && settings.other.contains_key("label"));
        let route: Delivery = serde_json::from_str(&session.route).expect("a route");
        assert_eq!((route.chat_id.as_str(), route.thread_id.as_str()), ("42", "9"));
    }

    #[test]
    fn a_name_leads_out_of_no_folder() {
        let stored = |id: &str, file: &str| Stored {
            session_id: json!(id),
            session_file: json!(file),
            ..Stored::default()
        };
        assert_eq!(stored("../x", "").id(), None);
        assert_eq!(
            stored("s", "/other/machine/s-topic-5.jsonl")
                .file_name()
                .as_deref(),
            Some("s-topic-5.jsonl")
        );
        assert_eq!(stored("s", "..").file_name(), None);
    }
}
