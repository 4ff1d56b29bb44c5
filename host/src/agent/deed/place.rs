//! The chat that somebody means.
use super::Deed;
use crate::{agent::Desk, config::Config, route::Delivery};
use openclaw_plugin_api::{ChannelInfo, Error, Result, ToolOrigin};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The names by which parameters give a chat. None of them reaches a plugin as it was written, so that it is asked about one
/// place only.
const CHATS: [&str; 4] = ["target", "to", CHANNEL_ID, "chatId"];
/// The one that says what something is done to, where a channel itself is changed. It reaches the plugin, as an id.
const CHANNEL_ID: &str = "channelId";

/// The channels that plugins which are on have.
pub fn channels(desk: &Desk) -> BTreeSet<String> {
    let plugins = desk.registry.all().into_iter().map(|plugin| plugin.spec());
    let on = plugins.filter(|spec| spec.reason.is_on());
    on.flat_map(|spec| spec.manifest.channels.clone()).collect()
}

/// The account of a channel that is meant where none is named.
pub fn usual_account(config: &Config, channel: &str) -> String {
    let block = &config.value()["channels"][channel];
    if let Some(usual) = block["defaultAccount"].as_str() {
        return usual.to_owned();
    }
    let accounts = block["accounts"].as_object();
    let first = accounts
        .filter(|all| !all.contains_key("default"))
        .and_then(|all| all.keys().next());
    first.cloned().unwrap_or_else(|| "default".to_owned())
}

/// The chat that an agent was asked in, with its thread, which a tool is not told. None: no chat.
pub async fn here(desk: &Desk, origin: &ToolOrigin) -> Option<Delivery> {
    if origin.channel.is_empty() {
        return None;
    }
    let key = origin.session_key.clone();
    let known = desk
        .journal
        .run(move |j| j.find_session(&key))
        .await
        .ok()
        .flatten();
    let route: Option<Delivery> = known.and_then(|session| serde_json::from_str(&session.route).ok());
    let same = |route: &Delivery| route.channel == origin.channel && route.chat_id == origin.chat_id;
    Some(route.filter(same).unwrap_or_else(|| Delivery {
        channel: origin.channel.clone(),
        account_id: origin.account_id.clone(),
        chat_id: origin.chat_id.clone(),
        thread_id: String::new(),
    }))
}

impl Deed {
    /// Finds the place in the parameters and takes it out of them. What is not named is that of `here`, the chat that it
    /// is asked for in, if there is one.
    pub fn place(desk: &Desk, params: &mut Map<String, Value>, here: Option<&Delivery>) -> Result<Delivery> {
        let text = |value: Value| match value {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let by_id = params.get(CHANNEL_ID).cloned().and_then(text).is_some();
        let mut take = |name: &str| params.remove(name).and_then(text);
        let (channel, account) = (take("channel"), take("accountId"));
        let mut chats: Vec<String> = CHATS.into_iter().filter_map(&mut take).collect();
        let named = take("threadId");
        let known = channels(desk);
        let prefix = |chat: &str| {
            let (channel, rest) = chat.split_once(':')?;
            (known.contains(channel) && !rest.is_empty()).then(|| channel.to_owned())
        };
        let by_chat = chats.iter().find_map(|chat| prefix(chat));
        let only = || known.first().filter(|_| known.len() == 1).cloned();
        let channel = channel
            .map(|name| name.to_lowercase())
            .or(by_chat)
            .or_else(|| here.map(|here| here.channel.clone()))
            .or_else(only)
            .ok_or_else(|| Error::invalid(format_args!("name the channel: {}", listed(&known))))?;
        if !known.contains(&channel) {
            let known = listed(&known);
            return Err(Error::invalid(format_args!(
                "unknown channel \"{channel}\"; there are {known}"
            )));
        }
        let info = desk.registry.channel_info(&channel);
        chats.dedup_by(|a, b| same_chat(&info, &channel, a, b));
        if chats.len() > 1 {
            return Err(Error::invalid(format_args!(
                "{} name different chats; name one, as \"target\"",
                chats.join(" and ")
            )));
        }
        let here = here.filter(|here| here.channel == channel);
        let chat = chats.pop();
        let stays = chat
            .as_ref()
            .is_none_or(|chat| here.is_some_and(|here| same_chat(&info, &channel, chat, &here.chat_id)));
        let own_thread = || here.filter(|_| stays).map(|here| here.thread_id.clone());
        let to = Delivery {
            account_id: account
                .or_else(|| here.map(|here| here.account_id.clone()))
                .unwrap_or_else(|| usual_account(&desk.config(), &channel)),
            thread_id: named.or_else(own_thread).unwrap_or_default(),
            chat_id: match (chat, here) {
                (Some(chat), _) if !stays => chat,
                (_, Some(here)) => here.chat_id.clone(),
                (chat, None) => chat.unwrap_or_default(),
            },
            channel,
        };
        if by_id {
            // what is done to a channel itself is not done to one that nobody named
            let chat = bare(&info, &to.channel, &to.chat_id).to_owned();
            params.insert(CHANNEL_ID.to_owned(), chat.into());
        }
        Ok(to)
    }
}

/// Are these two ways to write one chat?
fn same_chat(info: &ChannelInfo, channel: &str, a: &str, b: &str) -> bool {
    bare(info, channel, a) == bare(info, channel, b)
}

/// Without what may stand before an id. A person is no chat: what says that it is one stays.
fn bare<'c>(info: &ChannelInfo, channel: &str, chat: &'c str) -> &'c str {
    let mut rest = chat.trim();
    while let Some((prefix, inner)) = rest.split_once(':') {
        let known = info
            .id_prefixes
            .iter()
            .map(String::as_str)
            .chain([channel, "channel", "chat", "group"]);
        if inner.is_empty()
            || prefix == "user"
            || !known.into_iter().any(|known| known.eq_ignore_ascii_case(prefix))
        {
            break;
        }
        rest = inner;
    }
    rest
}

fn listed(known: &BTreeSet<String>) -> String {
    match known.is_empty() {
        true => "none; see `openclaw channels list --all`".to_owned(),
        false => known.iter().cloned().collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_chat_has_several_names_and_a_person_is_none() {
        let info = ChannelInfo {
            id_prefixes: vec!["tg".into()],
            ..ChannelInfo::default()
        };
        for (a, b, same) in [
            ("42", "42", true),
            ("chatter:42", "42", true),
            ("tg:group:42", "chatter:42", true),
            ("channel:42", "42", true),
            ("user:42", "42", false),
            ("42", "421", false),
            ("other:42", "42", false),
        ] {
            assert_eq!(same_chat(&info, "chatter", a, b), same, "{a} {b}");
        }
    }
}
