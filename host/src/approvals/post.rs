//! Questions in chats: where they go, how they get there, and what they look like when they have ended.
use super::{ExecApprovals, Posted, Question, Record, card, people::Target};
use crate::{
    agent::{CLIENTS, Desk, deed::usual_account},
    config::{ApprovalMode, Config},
    deliver::{Body, lane_to},
    journal::{Outcome, Settled},
    route::Delivery,
};
use openclaw_plugin_api::{Edit, MessageTarget, Outbound, Receipt, surface::ids};
use regex::RegexBuilder;
use std::{sync::Arc, time::Duration};

/// Chats that one question is shown in.
const MAX_PLACES: usize = 8;
/// How long the message with the question is waited for, so that it can be changed.
const SENT_WITHIN: Duration = Duration::from_secs(60);
/// Waits before the tries of a change; the first comes at once.
const WAITS: [u64; 3] = [0, 2, 8];
/// Memory that one filter may take, compiled.
const MAX_FILTER: usize = 1 << 16;

/// Where a question is shown.
pub(super) fn places(desk: &Desk, question: &Question) -> Vec<Delivery> {
    let config = desk.config();
    let known = |channel: &str| desk.registry.channel(channel).is_ok();
    wanted_places(&config, question)
        .into_iter()
        .filter(|place| known(&place.channel))
        .take(MAX_PLACES)
        .collect()
}

/// The same, whether or not there is a plugin for each channel.
fn wanted_places(config: &Config, question: &Question) -> Vec<Delivery> {
    let mut all: Vec<Delivery> = Vec::new();
    let mut add = |place: Delivery| {
        if !place.chat_id.is_empty() && !all.contains(&place) {
            all.push(place);
        }
    };
    let origin = question.turn.as_ref().filter(|turn| turn.channel != CLIENTS);
    let forwarding = &config.approvals.exec;
    if forwarding.enabled && meant(&forwarding.agent_filter, &forwarding.session_filter, question) {
        if matches!(forwarding.mode, ApprovalMode::Session | ApprovalMode::Both) {
            origin.cloned().into_iter().for_each(&mut add);
        }
        if matches!(forwarding.mode, ApprovalMode::Targets | ApprovalMode::Both) {
            for target in &forwarding.targets {
                let usual = || usual_account(config, &target.channel);
                add(Delivery {
                    channel: target.channel.clone(),
                    account_id: target.account_id.clone().unwrap_or_else(usual),
                    chat_id: target.to.clone(),
                    thread_id: target
                        .thread_id
                        .as_ref()
                        .map(|id| id.0.clone())
                        .unwrap_or_default(),
                });
            }
        }
    }
    let channels = config.value()["channels"].as_object().into_iter().flatten();
    for channel in channels
        .map(|(channel, _)| channel)
        .filter(|channel| *channel != "defaults")
    {
        let here = origin.filter(|turn| turn.channel == *channel);
        let account = here.map_or_else(|| usual_account(config, channel), |turn| turn.account_id.clone());
        let own = ExecApprovals::of(config, channel, &account);
        let asks = own.asks_about(channel, origin.map(|turn| turn.channel.as_str()));
        if !asks || !meant(&own.agent_filter, &own.session_filter, question) {
            continue;
        }
        let people = own.people(config, channel);
        if people.is_empty() {
            continue;
        }
        if matches!(own.target, Target::Channel | Target::Both) {
            here.cloned().into_iter().for_each(&mut add);
        }
        if matches!(own.target, Target::Dm | Target::Both) {
            for person in people {
                add(in_private(channel, &account, &person, here, question));
            }
        }
    }
    all
}

/// The private chat of somebody: the one that he writes in, if that is where the agent was asked.
fn in_private(
    channel: &str,
    account: &str,
    person: &str,
    here: Option<&Delivery>,
    question: &Question,
) -> Delivery {
    let id = person.rsplit(':').next().unwrap_or(person);
    let same = here.filter(|_| question.sender_id == id && question.session_key.contains(":direct:"));
    same.cloned().unwrap_or_else(|| Delivery {
        channel: channel.to_owned(),
        account_id: account.to_owned(),
        // behind the channel's name an id is a person's, on every channel
        chat_id: format!("{channel}:{id}"),
        thread_id: String::new(),
    })
}

/// Puts a question into chats.
pub(super) async fn post(desk: &Arc<Desk>, record: &Record, places: &[Delivery]) -> Vec<Posted> {
    let mut posts = Vec::new();
    for (number, to) in places.iter().enumerate() {
        let message = message(record, to, format!("approval-{}-{number}", record.id));
        match put(desk, to, message).await {
            Some(row) => posts.push(Posted { to: to.clone(), row }),
            None => tracing::warn!(
                target: "openclaw::approvals", id = record.id, channel = to.channel, chat = to.chat_id,
                "this chat is not asked: the message can't be kept"
            ),
        }
    }
    posts
}

/// Shows in chats how a question ended.
pub(super) async fn amend(desk: &Arc<Desk>, record: &Record) {
    for (number, posted) in record.posts.iter().enumerate() {
        if !changed(desk, record, posted).await {
            let to = &posted.to;
            let message = Outbound {
                buttons: Vec::new(),
                text: card::ended(record),
                ..message(record, to, format!("approval-{}-{number}-end", record.id))
            };
            put(desk, to, message).await;
        }
    }
}

/// Changes the message that asks into one that tells.
async fn changed(desk: &Desk, record: &Record, posted: &Posted) -> bool {
    let to = &posted.to;
    if !desk.registry.channel_info(&to.channel).edit {
        return false;
    }
    let Ok(Some(Outcome::Sent(receipt))) = desk.outbox.settled(posted.row, SENT_WITHIN).await else {
        return false;
    };
    let receipt: Receipt = serde_json::from_str(&receipt).unwrap_or_default();
    let Some(message_id) = receipt.message_ids.into_iter().next_back() else {
        return false;
    };
    let edit = Edit {
        target: MessageTarget {
            account_id: to.account_id.clone(),
            chat_id: to.chat_id.clone(),
            thread_id: to.thread_id.clone(),
            message_id,
        },
        text: card::ended(record),
        buttons: Vec::new(),
    };
    for wait in WAITS {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        let Ok(plugin) = desk.registry.channel(&to.channel) else {
            continue;
        };
        let done = plugin
            .call::<Receipt>(ids::channel::EDIT, &to.channel, &edit)
            .await;
        match done {
            Ok(_) => return true,
            Err(error) => {
                tracing::debug!(target: "openclaw::approvals", id = record.id, %error, "not changed")
            }
        }
    }
    false
}

fn message(record: &Record, to: &Delivery, key: String) -> Outbound {
    Outbound {
        idempotency_key: key,
        account_id: to.account_id.clone(),
        chat_id: to.chat_id.clone(),
        thread_id: to.thread_id.clone(),
        text: card::asks(record),
        buttons: card::buttons(record),
        ..Outbound::default()
    }
}

async fn put(desk: &Desk, to: &Delivery, message: Outbound) -> Option<i64> {
    let lane = lane_to(to);
    let replies = [Body::new(message).once(&lane, &to.channel)];
    let now = desk.clock.now_ms();
    let write = move |j: &crate::journal::Journal| j.reply(&[], &Settled::Done, &replies, "", &[], now);
    let written = desk.journal.run(write).await.ok()?;
    desk.outbox.wake(&lane);
    written.first().map(|delivery| delivery.id)
}

/// Is a question among those that are to be shown?
fn meant(agents: &Option<Vec<String>>, sessions: &Option<Vec<String>>, question: &Question) -> bool {
    let agent = |wanted: &String| wanted == "*" || wanted.eq_ignore_ascii_case(&question.agent_id);
    let session = |wanted: &String| {
        let key = &question.session_key;
        let matches = || {
            let built = RegexBuilder::new(wanted).size_limit(MAX_FILTER).build();
            built.is_ok_and(|regex| regex.is_match(key))
        };
        key.contains(wanted) || matches()
    };
    let empty = |list: &Option<Vec<String>>| list.as_ref().is_none_or(Vec::is_empty);
    (empty(agents) || agents.iter().flatten().any(agent))
        && (empty(sessions) || sessions.iter().flatten().any(session))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn question(channel: &str) -> Question {
        Question {
            agent_id: "main".into(),
            session_key: format!("agent:main:{channel}:group:7"),
            turn: Some(Delivery {
                channel: channel.into(),
                account_id: "default".into(),
                chat_id: "7".into(),
                thread_id: "t".into(),
            }),
            ..Question::default()
        }
    }

    fn shown(config: Value, channel: &str) -> Vec<String> {
        let config = Config::from_value(config).expect("valid");
        let places = wanted_places(&config, &question(channel)).into_iter();
        places
            .map(|to| format!("{}/{}/{}/{}", to.channel, to.account_id, to.chat_id, to.thread_id))
            .collect()
    }

    #[test]
    fn the_operator_says_where_he_is_asked() {
        let exec = |exec: Value| json!({ "approvals": { "exec": exec } });
        let target = json!([{ "channel": "pager", "to": "42", "threadId": 3 }]);
        for (config, channel, expected) in [
            (json!({}), "chat", vec![]),
            (
                exec(json!({ "enabled": false, "mode": "session" })),
                "chat",
                vec![],
            ),
            (exec(json!({ "enabled": true })), "chat", vec!["chat/default/7/t"]),
            (exec(json!({ "enabled": true })), CLIENTS, vec![]),
            (
                exec(json!({ "enabled": true, "mode": "targets", "targets": target })),
                "chat",
                vec!["pager/default/42/3"],
            ),
            (
                exec(json!({ "enabled": true, "mode": "both", "targets": target })),
                "chat",
                vec!["chat/default/7/t", "pager/default/42/3"],
            ),
            (
                exec(json!({ "enabled": true, "agentFilter": ["other"] })),
                "chat",
                vec![],
            ),
            (
                exec(json!({ "enabled": true, "sessionFilter": ["^agent:.*:group:"] })),
                "chat",
                vec!["chat/default/7/t"],
            ),
            (
                exec(json!({ "enabled": true, "sessionFilter": ["cron"] })),
                "chat",
                vec![],
            ),
        ] {
            assert_eq!(shown(config.clone(), channel), expected, "{config}");
        }
    }

    #[test]
    fn a_channel_asks_its_approvers_in_private() {
        let owner = json!({ "ownerAllowFrom": ["chat:1"] });
        let of = |approvals: Value| json!({ "commands": owner, "channels": { "chat": { "execApprovals": approvals } } });
        for (config, channel, expected) in [
            (
                json!({ "commands": owner, "channels": { "chat": {} } }),
                "chat",
                vec!["chat/default/chat:1/"],
            ),
            (
                json!({ "commands": owner, "channels": { "chat": {} } }),
                "other",
                vec![],
            ),
            (
                of(json!({ "enabled": true })),
                "other",
                vec!["chat/default/chat:1/"],
            ),
            (of(json!({ "enabled": false })), "chat", vec![]),
            (
                of(json!({ "approvers": ["5", 6] })),
                "chat",
                vec!["chat/default/chat:5/", "chat/default/chat:6/"],
            ),
            (
                of(json!({ "target": "channel" })),
                "chat",
                vec!["chat/default/7/t"],
            ),
            (
                of(json!({ "target": "both" })),
                "chat",
                vec!["chat/default/7/t", "chat/default/chat:1/"],
            ),
            (of(json!({ "approvers": "nonsense" })), "chat", vec![]),
        ] {
            assert_eq!(shown(config.clone(), channel), expected, "{config} {channel}");
        }
    }
}
