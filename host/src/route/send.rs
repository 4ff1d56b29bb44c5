//! `session.sendPolicy`: whether a conversation may be answered at all.
use super::Route;
use crate::config::{SendAction, SendMatch, SendPolicy};

/// Whether answers may go out on a route: the first `deny` that applies wins, then any `allow`, then the default.
pub fn may_send(policy: &SendPolicy, route: &Route) -> bool {
    let applying = || policy.rules.iter().filter(|rule| applies(&rule.r#match, route));
    if applying().any(|rule| rule.action == SendAction::Deny) {
        return false;
    }
    applying().next().is_some() || policy.default == SendAction::Allow
}

fn applies(rule: &SendMatch, route: &Route) -> bool {
    let is = |written: &Option<String>, holds: &dyn Fn(&str) -> bool| {
        written
            .as_deref()
            .is_none_or(|written| holds(&written.trim().to_lowercase()))
    };
    let key = &route.session_key;
    let behind_agent = key
        .strip_prefix("agent:")
        .and_then(|rest| rest.split_once(':'))
        .map_or(key.as_str(), |(_, rest)| rest);
    is(&rule.channel, &|channel| {
        route.delivery.channel.eq_ignore_ascii_case(channel)
    }) && rule.chat_type.is_none_or(|kind| kind == route.kind)
        && is(&rule.key_prefix, &|prefix| {
            behind_agent.starts_with(prefix) || key.starts_with(prefix)
        })
        && is(&rule.raw_key_prefix, &|prefix| key.starts_with(prefix))
}
