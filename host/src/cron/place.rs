//! Where a result goes: the chat that a job names, or where its agent was spoken to last.
use super::job::JobDelivery;
use crate::{
    agent::{CLIENTS, Desk},
    journal::JournalError,
    route::Delivery,
};

/// Conversations that are looked at for where an agent was spoken to last.
const LOOKED_AT: u32 = 200;
/// Stands for the chat where the agent was spoken to last.
const LAST: &str = "last";
/// The account of whoever names none.
const USUAL: &str = "default";

/// Where an agent was spoken to last, on this channel or on any: in its main conversation if that is in a chat, else in
/// the one that was used last.
pub async fn last_route(
    desk: &Desk,
    agent: &str,
    channel: Option<&str>,
) -> Result<Option<Delivery>, JournalError> {
    let main = crate::route::main_key(agent);
    let sessions = desk.journal.run(|j| j.sessions(LOOKED_AT)).await?;
    let fits = |route: &Delivery| {
        !route.channel.is_empty()
            && route.channel != CLIENTS
            && !route.chat_id.is_empty()
            && channel.is_none_or(|channel| channel == route.channel)
    };
    let of = |key: &str, route: &str| -> Option<Delivery> {
        let route: Delivery = serde_json::from_str(route).ok()?;
        (key == main || key.starts_with(&format!("agent:{agent}:")))
            .then_some(route)
            .filter(fits)
    };
    let first = sessions.iter().find(|session| session.key == main);
    let first = first.and_then(|session| of(&session.key, &session.route));
    Ok(first.or_else(|| {
        sessions
            .iter()
            .find_map(|session| of(&session.key, &session.route))
    }))
}

/// The chat that a job's result goes to. None: nobody has written yet.
pub(crate) async fn chat(
    desk: &Desk,
    agent: &str,
    wanted: &JobDelivery,
) -> Result<Option<Delivery>, JournalError> {
    let channel = wanted
        .channel
        .as_deref()
        .filter(|channel| !channel.is_empty() && *channel != LAST);
    let (channel, to) = match wanted.to.as_deref().filter(|to| !to.is_empty()) {
        Some(to) => split(desk, channel, to),
        None => (channel.map(str::to_owned), None),
    };
    let last = last_route(desk, agent, channel.as_deref()).await?;
    let place = match (to, last) {
        (None, last) => last,
        (Some(chat_id), last) => {
            let known = last.as_ref().map(|last| last.account_id.clone());
            let channel = channel.or(last.map(|last| last.channel));
            channel.map(|channel| Delivery {
                channel,
                account_id: known.unwrap_or_else(|| USUAL.to_owned()),
                chat_id,
                thread_id: String::new(),
            })
        }
    };
    Ok(place.map(|place| Delivery {
        account_id: wanted.account_id.clone().unwrap_or(place.account_id),
        thread_id: wanted.thread_id.clone().unwrap_or(place.thread_id),
        ..place
    }))
}

/// `chat:123` may name its channel, as everywhere.
fn split(desk: &Desk, channel: Option<&str>, to: &str) -> (Option<String>, Option<String>) {
    if let Some((head, rest)) = to.split_once(':')
        && channel.is_none_or(|channel| channel == head)
        && desk.registry.channel(head).is_ok()
    {
        return (Some(head.to_owned()), Some(rest.to_owned()));
    }
    (channel.map(str::to_owned), Some(to.to_owned()))
}
