//! Rules for single groups, topics and spaces that let everybody write, whatever the channel itself says.
use super::{
    Finding, Severity,
    access::{Account, group_policy, has_star},
};
use crate::config::JsonPath;
use serde_json::Value;

/// Rules that are named one by one.
const SHOWN: usize = 8;

/// Rules of single places that let in everybody.
pub(super) fn rules_finding(account: &Account, value: &Value) -> Option<Finding> {
    let open = open_rules(account, value);
    let first = open.first()?.0.to_string();
    let keys: Vec<_> = open.iter().take(SHOWN).map(|(key, _)| key.to_string()).collect();
    let severity = match open.iter().any(|(_, everywhere)| *everywhere) {
        true => Severity::Critical,
        false => Severity::Warn,
    };
    let name = &account.name;
    Some(
        Finding::new(
            severity,
            format!("channels.{name}.groups.rule_open"),
            format!("everybody may write in some groups of {name}"),
        )
        .because(format!(
            "{} of its rules let in whoever is there: {}",
            open.len(),
            keys.join(", ")
        ))
        .remedy(format!(
            "name people by their ids there, or: openclaw config unset '{first}'"
        )),
    )
}

/// Where a rule for a group, a topic or every space lets everybody write, whatever the channel itself says; and whether it
/// is one for every place.
pub(super) fn open_rules(account: &Account, value: &Value) -> Vec<(JsonPath, bool)> {
    let (policy, mut found) = (group_policy(&account.value, value), Vec::new());
    for (id, rule) in fields(account.value.get("groups")) {
        let at = account.path.key("groups").key(id);
        if let Some(key) = opens([rule, &Value::Null], policy) {
            found.push((at.key(key), id == "*"));
        }
        for (topic, own) in fields(rule.get("topics")) {
            let key = opens([own, rule], policy).filter(|key| own.get(*key).is_some());
            found.extend(key.map(|key| (at.key("topics").key(topic).key(key), false)));
        }
    }
    for spaces in ["guilds", "teams"] {
        let rule = account.value.get(spaces).and_then(|rules| rules.get("*"));
        if policy != "disabled" && rule.is_some_and(takes_everybody) {
            found.push((account.path.key(spaces).key("*"), true));
        }
    }
    found
}

/// The key by which the first of these rules, or what it leaves to the next, lets in everybody.
fn opens(rules: [&Value; 2], policy: &str) -> Option<&'static str> {
    let said = |key: &str| rules.iter().find_map(|rule| rule.get(key));
    let own = said("groupPolicy").and_then(Value::as_str);
    if own.unwrap_or(policy) == "disabled" || rules.iter().any(|rule| rule["enabled"] == false) {
        return None;
    }
    match said("allowFrom") {
        Some(list) => has_star(Some(list)).then_some("allowFrom"),
        None => (own == Some("open")).then_some("groupPolicy"),
    }
}

/// A rule for every space, in a room of which anybody may write.
fn takes_everybody(rule: &Value) -> bool {
    let names = |rule: &Value| {
        let is_filled = |key: &str| rule[key].as_array().is_some_and(|list| !list.is_empty());
        !has_star(rule.get("users")) && (is_filled("users") || is_filled("roles"))
    };
    let is_on = |place: &Value| place["enabled"] != false && place["allow"] != false;
    let mut places = fields(rule.get("channels")).peekable();
    let anywhere = places.peek().is_none() || places.any(|(_, place)| is_on(place) && !names(place));
    !names(rule) && anywhere
}

fn fields(object: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    object.and_then(Value::as_object).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkup::{Ground, Written, access::access};
    use serde_json::json;

    fn rules(channel: &Value) -> Vec<(String, Severity)> {
        let ground = Ground {
            written: Written(json!({"channels": {"chat": channel}})),
            ..Ground::default()
        };
        let found = access(&ground).into_iter();
        found
            .filter(|finding| finding.id.contains("rule_open"))
            .map(|finding| (finding.detail, finding.severity))
            .collect()
    }

    #[test]
    fn rules_that_open_single_places_are_found() {
        use Severity::{Critical, Warn};
        for (channel, key, severity) in [
            (
                json!({"groups": {"7": {"groupPolicy": "open"}}}),
                "groups.7.groupPolicy",
                Warn,
            ),
            (
                json!({"groups": {"*": {"allowFrom": ["*"]}}}),
                "groups.*.allowFrom",
                Critical,
            ),
            (
                json!({"groups": {"7": {"topics": {"1": {"groupPolicy": "open"}}}}}),
                "topics.1.groupPolicy",
                Warn,
            ),
            (
                json!({"groupPolicy": "disabled", "groups": {"7": {"groupPolicy": "open"}}}),
                "groups.7",
                Warn,
            ),
            (json!({"guilds": {"*": {}}}), "guilds", Critical),
            (
                json!({"guilds": {"*": {"channels": {"1": {}}}}}),
                "guilds",
                Critical,
            ),
            (
                json!({"accounts": {"a": {"groups": {"7": {"allowFrom": ["*"]}}}}}),
                "accounts.a.groups.7",
                Warn,
            ),
        ] {
            let found = rules(&channel);
            assert!(found.len() == 1 && found[0].1 == severity, "{channel}: {found:?}");
            assert!(found[0].0.contains(key), "{key}: {found:?}");
        }
        for channel in [
            json!({"groups": {"7": {}, "8": {"allowFrom": ["1"], "groupPolicy": "open"}}}),
            json!({"groups": {"7": {"enabled": false, "allowFrom": ["*"]}}}),
            json!({"groupPolicy": "disabled", "groups": {"7": {"allowFrom": ["*"]}}}),
            json!({"groups": {"7": {"allowFrom": ["1"], "topics": {"1": {"groupPolicy": "open"}}}}}),
            json!({"guilds": {"5": {}, "*": {"users": ["1"]}}}),
            json!({"guilds": {"*": {"channels": {"1": {"users": ["1"]}, "2": {"enabled": false}}}}}),
        ] {
            assert!(rules(&channel).is_empty(), "{channel}");
        }
    }
}
