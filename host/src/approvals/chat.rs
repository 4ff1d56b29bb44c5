//! `/approve <id> allow-once|allow-always|deny` in a chat, and the buttons that say the same.
use super::{Decision, ResolveError, may_answer};
use crate::{access::Rights, agent::Desk};
use openclaw_plugin_api::{Inbound, InboundKind};
use std::sync::Arc;

/// What somebody writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which question.
    pub id: String,
    /// What he says to it. None: it can't be understood.
    pub decision: Option<Decision>,
}

/// The answer to a question that a text is. None: it is something else.
pub fn wanted(text: &str) -> Option<Wanted> {
    let mut words = text.split_whitespace();
    let name = words.next()?.strip_prefix('/')?;
    // some platforms write the bot's name behind that of the command
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    if !name.trim_end_matches(':').eq_ignore_ascii_case("approve") {
        return None;
    }
    Some(Wanted {
        id: words.next().unwrap_or_default().to_owned(),
        decision: words
            .next()
            .and_then(Decision::parse)
            .filter(|_| words.next().is_none()),
    })
}

/// Gives an answer for somebody who writes in a chat, if he may. What to say to him: nothing where the question itself
/// shows what became of it.
pub async fn answer(
    desk: &Arc<Desk>,
    channel: &str,
    event: &Inbound,
    rights: Rights,
    wanted: Wanted,
) -> Option<String> {
    let (config, info) = (desk.config(), desk.registry.channel_info(channel));
    let who = format!("{channel}:{}", event.sender.id);
    if !may_answer(&config, channel, &info, event, rights) {
        tracing::warn!(
            target: "openclaw::approvals", id = wanted.id, by = who, chat = event.chat.id,
            "refused: somebody answered who may not"
        );
        return Some("⛔ You may not answer approvals here.".to_owned());
    }
    let (Some(decision), false) = (wanted.decision, wanted.id.is_empty()) else {
        return Some("⚙️ Usage: /approve <id> allow-once|allow-always|deny".to_owned());
    };
    match desk.approvals.resolve(desk, &wanted.id, decision, &who).await {
        Ok(_) if event.kind == InboundKind::Button => None,
        Ok(record) => {
            let sentence = record
                .outcome
                .map(|outcome| outcome.sentence())
                .unwrap_or_default();
            Some(format!("⚙️ Approval {}: {sentence}.", short(&record.id)))
        }
        Err(error) => {
            if let ResolveError::Decided(_) = &error {
                tracing::info!(target: "openclaw::approvals", id = wanted.id, by = who, "answered once more, without effect");
            }
            Some(format!("⚠️ {error}."))
        }
    }
}

/// Enough of an id for people.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_in_each_of_its_forms() {
        let of = |text: &str| wanted(text).map(|wanted| (wanted.id, wanted.decision));
        let id = || "abc-1".to_owned();
        for (text, expected) in [
            (
                "/approve abc-1 allow-once",
                Some((id(), Some(Decision::AllowOnce))),
            ),
            (
                " /Approve abc-1  always ",
                Some((id(), Some(Decision::AllowAlways))),
            ),
            ("/approve@my_bot abc-1 deny", Some((id(), Some(Decision::Deny)))),
            ("/approve: abc-1 no", Some((id(), Some(Decision::Deny)))),
            ("/approve abc-1", Some((id(), None))),
            ("/approve abc-1 perhaps", Some((id(), None))),
            ("/approve abc-1 deny not", Some((id(), None))),
            ("/approve", Some((String::new(), None))),
            ("/approved abc-1 deny", None),
            ("please /approve abc-1 deny", None),
            ("approve abc-1 deny", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
