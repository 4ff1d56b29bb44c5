//! What an agent may do where: `tools.message`, and who it does it for.
//!
//! Invariant: for somebody who does not own the gateway, nothing is read or changed outside of the chat that he writes in.
use super::Deed;
use crate::{
    agent::CLIENTS,
    config::{Config, MessageTool},
    route::Delivery,
};
use openclaw_plugin_api::{Error, ErrorKind, Result};
use serde_json::Value;

/// In front of a message that comes from another chat.
const MARKER: &str = "[from {channel}] ";
/// Actions that show a message.
const SHOWS: &[&str] = &["poll", "sticker"];

/// Where an agent was asked.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The chat. None: nobody wrote (a schedule, the operator's own client).
    pub here: Option<&'a Delivery>,
    /// Whoever wrote owns the gateway.
    pub owner: bool,
}

/// Lets it pass, with a mark if it goes to another chat.
pub fn permit(config: &Config, context: &Context<'_>, deed: &mut Deed) -> Result<()> {
    let rules = rules(config, &deed.agent_id);
    let meant = |name: &String| name == "*" || *name == deed.action;
    if let Some(allowed) = &rules.actions.allow
        && !allowed.iter().any(meant)
    {
        return Err(refused(format!(
            "tools.message.actions.allow does not have {}",
            deed.action
        )));
    }
    let Some(here) = context.here.filter(|here| here.channel != CLIENTS) else {
        return Ok(());
    };
    let cross = &rules.cross_context;
    let to = &deed.to;
    let same_channel = to.channel == here.channel && to.account_id == here.account_id;
    let same_chat = same_channel && to.chat_id == here.chat_id && to.thread_id == here.thread_id;
    let elsewhere = deed.params.contains_key("guildId");
    if same_chat && (context.owner || !elsewhere) {
        return Ok(());
    }
    let shows = deed.is_message() || SHOWS.contains(&deed.action.as_str());
    if !context.owner && !shows {
        return Err(refused(format!(
            "{} in another chat is only for an owner of this gateway (commands.ownerAllowFrom)",
            deed.action
        )));
    }
    if to.channel == here.channel && !cross.allow_within_provider.unwrap_or(true) {
        return Err(refused(
            "tools.message.crossContext.allowWithinProvider keeps it in the chat that it was asked in".into(),
        ));
    }
    if to.channel != here.channel && !cross.allow_across_providers.unwrap_or(false) {
        return Err(refused(format!(
            "it was asked on {}, and tools.message.crossContext.allowAcrossProviders does not let it go to {}",
            here.channel, to.channel
        )));
    }
    if deed.is_message() && cross.marker.enabled.unwrap_or(true) {
        let word = |written: &Option<String>, usual: &str| {
            let written = written.as_deref().unwrap_or(usual);
            written.replace("{channel}", &here.channel)
        };
        let (prefix, suffix) = (word(&cross.marker.prefix, MARKER), word(&cross.marker.suffix, ""));
        mark(deed, &prefix, &suffix);
    }
    Ok(())
}

fn mark(deed: &mut Deed, prefix: &str, suffix: &str) {
    for name in ["message", "text", "content", "caption"] {
        if let Some(Value::String(text)) = deed.params.get_mut(name) {
            *text = format!("{prefix}{text}{suffix}");
            return;
        }
    }
}

/// What `tools.message` says: the agent's own, else that for all.
fn rules(config: &Config, agent: &str) -> MessageTool {
    let (agents, all) = (config.agents(), &config.tools.message);
    match agents.get(agent) {
        Some(agent) => agent.tools.message.or(all),
        None => all.clone(),
    }
}

fn refused(text: String) -> Error {
    Error::new(ErrorKind::Refused, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chat(channel: &str, chat: &str, thread: &str) -> Delivery {
        Delivery {
            channel: channel.into(),
            account_id: "default".into(),
            chat_id: chat.into(),
            thread_id: thread.into(),
        }
    }

    fn deed(action: &str, to: Delivery) -> Deed {
        Deed {
            action: action.into(),
            to,
            params: serde_json::from_value(json!({ "message": "hi" })).expect("a map"),
            agent_id: "main".into(),
            sender_id: "ada".into(),
            from_owner: false,
            key: "k".into(),
        }
    }

    fn passes(config: Value, owner: bool, mut deed: Deed) -> Option<String> {
        let config = Config::from_value(config).expect("valid");
        let here = chat("chat", "1", "");
        let context = Context {
            here: Some(&here),
            owner,
        };
        permit(&config, &context, &mut deed).ok()?;
        deed.params["message"].as_str().map(str::to_owned)
    }

    #[test]
    fn messages_stay_with_their_channel_unless_the_operator_says_otherwise() {
        let cross = |rules: Value| json!({ "tools": { "message": { "crossContext": rules } } });
        let hi = |text: &str| Some(text.to_owned());
        for (config, to, expected) in [
            (json!({}), chat("chat", "1", ""), hi("hi")),
            (json!({}), chat("chat", "2", ""), hi("[from chat] hi")),
            (json!({}), chat("other", "1", ""), None),
            (
                cross(json!({ "allowWithinProvider": false })),
                chat("chat", "1", ""),
                hi("hi"),
            ),
            (
                cross(json!({ "allowWithinProvider": false })),
                chat("chat", "2", ""),
                None,
            ),
            (
                cross(json!({ "allowAcrossProviders": true })),
                chat("other", "1", ""),
                hi("[from chat] hi"),
            ),
            (
                cross(json!({ "marker": { "prefix": "({channel}) ", "suffix": "!" } })),
                chat("chat", "2", ""),
                hi("(chat) hi!"),
            ),
            (
                cross(json!({ "marker": { "enabled": false } })),
                chat("chat", "2", ""),
                hi("hi"),
            ),
            (
                json!({
                    "tools": { "message": { "crossContext": { "allowAcrossProviders": true, "marker": { "suffix": "!" } } } },
                    "agents": { "entries": { "main": { "tools": { "message": { "crossContext": { "marker": { "prefix": "> " } } } } } } },
                }),
                chat("other", "1", ""),
                hi("> hi!"),
            ),
            (
                json!({ "tools": { "message": { "actions": { "allow": ["react"] } } } }),
                chat("chat", "1", ""),
                None,
            ),
        ] {
            assert_eq!(
                passes(config.clone(), true, deed("send", to.clone())),
                expected,
                "{config} {to:?}"
            );
        }
    }

    #[test]
    fn nobody_but_an_owner_reads_or_changes_other_chats() {
        for (action, to, owner, expected) in [
            ("read", chat("chat", "1", ""), false, true),
            ("read", chat("chat", "2", ""), false, false),
            ("read", chat("chat", "2", ""), true, true),
            ("read", chat("chat", "1", "9"), false, false),
            ("delete", chat("chat", "2", ""), false, false),
            ("poll", chat("chat", "2", ""), false, true),
            ("send", chat("chat", "2", ""), false, true),
        ] {
            let passed = passes(json!({}), owner, deed(action, to.clone())).is_some();
            assert_eq!(passed, expected, "{action} {to:?} {owner}");
        }
        let mut elsewhere = deed("member-info", chat("chat", "1", ""));
        elsewhere.params.insert("guildId".into(), json!("5"));
        assert!(passes(json!({}), false, elsewhere.clone()).is_none());
        assert!(passes(json!({}), true, elsewhere).is_some());
    }

    #[test]
    fn what_nobody_wrote_for_goes_anywhere() {
        let config = Config::default();
        let mut deed = deed("send", chat("chat", "2", ""));
        let context = Context {
            here: None,
            owner: false,
        };
        assert!(permit(&config, &context, &mut deed).is_ok());
    }
}
