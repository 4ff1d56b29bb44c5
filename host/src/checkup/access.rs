//! Who may write to agents: open private chats, open groups, lists with `*`.
use super::{
    Finding, Ground, Mend,
    open_rules::{open_rules, rules_finding},
};
use crate::config::{Edit, JsonPath};
use serde_json::{Map, Value, json};

/// An account of a channel, as it is with what it inherits.
pub(super) struct Account {
    /// `irc`, or `irc/work`.
    pub(super) name: String,
    /// Where its own keys stand.
    pub(super) path: JsonPath,
    pub(super) value: Map<String, Value>,
    /// It says itself who may write.
    decides: bool,
    /// It has rules of its own for single groups or spaces.
    has_rules: bool,
}

/// Judges who may write.
pub(super) fn access(ground: &Ground) -> Vec<Finding> {
    let value = ground.value();
    let mut findings = Vec::new();
    let mut strangers = 0;
    let (deciding, rules) = (accounts(value), accounts_with_rules(value));
    let opened: Vec<_> = rules
        .iter()
        .filter_map(|account| rules_finding(account, value))
        .collect();
    strangers += opened.len();
    findings.extend(opened);
    for account in deciding {
        let (dm, group) = (dm_policy(&account.value), group_policy(&account.value, value));
        let everybody = has_star(allow_from(&account.value));
        if dm == "open" && everybody {
            strangers += 1;
            findings.push(
                Finding::critical(
                    format!("channels.{}.dm.open", account.name),
                    format!("everybody may write to the agent on {}", account.name),
                )
                .because(format!(
                    "{}.dmPolicy is \"open\" and allowFrom has \"*\"",
                    account.path
                ))
                .remedy(format!("openclaw config set '{}.dmPolicy' pairing", account.path)),
            );
        } else if dm == "open" {
            findings.push(
                Finding::warn(
                    format!("channels.{}.dm.open_invalid", account.name),
                    format!("{} is open to nobody", account.name),
                )
                .because(format!(
                    "{}.dmPolicy is \"open\", which needs \"*\" in allowFrom",
                    account.path
                ))
                .remedy(format!("openclaw config set '{}.dmPolicy' pairing", account.path)),
            );
        } else if everybody && dm != "disabled" {
            strangers += 1;
            findings.push(
                Finding::critical(
                    format!("channels.{}.allow_from_wildcard", account.name),
                    format!("everybody is on the list of {}", account.name),
                )
                .because(format!(
                    "{}.allowFrom has \"*\", so dmPolicy \"{dm}\" keeps nobody out",
                    account.path
                ))
                .remedy(format!(
                    "name people by their ids in '{}.allowFrom'",
                    account.path
                )),
            );
        }
        if group == "open" {
            strangers += 1;
            findings.push(open_groups(&account));
        }
        if has_star(account.value.get("groupAllowFrom")) && group == "allowlist" {
            strangers += 1;
            findings.push(
                Finding::warn(
                    format!("channels.{}.group_allow_from_wildcard", account.name),
                    format!("everybody in the groups of {} may give orders", account.name),
                )
                .because(format!("{}.groupAllowFrom has \"*\"", account.path))
                .remedy(format!(
                    "name people by their ids in '{}.groupAllowFrom'",
                    account.path
                )),
            );
        }
        if account.value.get("dangerouslyAllowNameMatching") == Some(&json!(true)) {
            findings.push(
                Finding::warn(
                    format!("channels.{}.name_matching", account.name),
                    format!("lists of {} go by names", account.name),
                )
                .because("names change hands; who takes the name of somebody on the list is let in")
                .remedy(format!(
                    "openclaw config unset '{}.dangerouslyAllowNameMatching'",
                    account.path
                )),
            );
        }
    }
    if let Some(finding) = default_groups(value) {
        findings.push(finding);
    }
    let scope = value["session"]["dmScope"].as_str().unwrap_or("main");
    if strangers > 0 && scope == "main" {
        findings.push(
            Finding::warn("channels.dm.scope_main_multiuser", "people share one conversation")
                .because("session.dmScope is \"main\" while strangers may write, so one hears what another told the agent")
                .remedy("openclaw config set session.dmScope per-channel-peer"),
        );
    }
    if strangers > 0 {
        findings.push(
            Finding::warn(
                "security.trust_model.multi_user_heuristic",
                "strangers use an agent that is made for one person",
            )
            .because(format!("{strangers} places are open to people that nobody chose"))
            .remedy(
                "pair people instead, or give strangers an agent of their own whose tools can do no harm",
            ),
        );
    }
    findings
}

/// The closed form may leave groups out that were meant; nobody gets in who was not in before.
fn open_groups(account: &Account) -> Finding {
    let key = account.path.key("groupPolicy");
    let finding = Finding::critical(
        format!("channels.{}.groups.open", account.name),
        format!("the agent answers in every group on {}", account.name),
    );
    let finding = finding
        .because(format!(
            "{key} is \"open\": who can add the bot to a group can talk to the agent there"
        ))
        .remedy(format!(
            "openclaw config set '{key}' allowlist, and name the groups"
        ));
    // what is inherited is mended where it is written
    match account
        .value
        .get("groupPolicy")
        .is_some_and(|policy| policy == "open")
    {
        true => finding.mended_by(Mend::Edits(vec![Edit::Set {
            path: key,
            value: json!("allowlist"),
        }])),
        false => finding,
    }
}

fn default_groups(value: &Value) -> Option<Finding> {
    (value["channels"]["defaults"]["groupPolicy"] == "open").then(|| {
        let path = JsonPath::root()
            .key("channels")
            .key("defaults")
            .key("groupPolicy");
        Finding::warn(
            "channels.defaults.groups.open",
            "channels that say nothing take every group",
        )
        .because("channels.defaults.groupPolicy is \"open\"")
        .remedy("openclaw config set channels.defaults.groupPolicy allowlist")
        .mended_by(Mend::Edits(vec![Edit::Set {
            path,
            value: json!("allowlist"),
        }]))
    })
}

/// Places where strangers can speak to an agent, by name.
pub(super) fn open_places(value: &Value) -> Vec<String> {
    let mut open = Vec::new();
    for account in accounts(value) {
        if dm_policy(&account.value) != "disabled" && has_star(allow_from(&account.value)) {
            open.push(format!("private chats of {}", account.name));
        }
        if group_policy(&account.value, value) == "open" || has_star(account.value.get("groupAllowFrom")) {
            open.push(format!("groups of {}", account.name));
        }
    }
    for account in accounts_with_rules(value) {
        let keys = open_rules(&account, value).into_iter();
        open.extend(keys.map(|(key, _)| key.to_string()));
    }
    open
}

/// Groups in which strangers can speak to an agent.
pub(super) fn has_open_groups(value: &Value) -> bool {
    accounts(value)
        .iter()
        .any(|account| group_policy(&account.value, value) == "open")
}

/// Accounts that are on and say who may write, each with what it inherits. A policy of the channel is told once, not by
/// each account.
fn accounts(value: &Value) -> Vec<Account> {
    let mut all = all_accounts(value);
    all.retain(|account| account.decides);
    all
}

/// The same for rules of single places, which an account has all of its own or inherits.
fn accounts_with_rules(value: &Value) -> Vec<Account> {
    let mut all = all_accounts(value);
    all.retain(|account| account.has_rules);
    all
}

fn all_accounts(value: &Value) -> Vec<Account> {
    let mut found = Vec::new();
    let is_off = |block: &Map<String, Value>| block.get("enabled") == Some(&json!(false));
    let blocks = value["channels"].as_object().into_iter().flatten();
    for (id, block) in blocks.filter(|(id, _)| !["defaults", "modelByChannel"].contains(&id.as_str())) {
        let Some(block) = block.as_object().filter(|block| !is_off(block)) else {
            continue;
        };
        let path = JsonPath::root().key("channels").key(id);
        let mut root = block.clone();
        let accounts = root.shift_remove("accounts");
        found.push(Account {
            name: id.clone(),
            path: path.clone(),
            value: root.clone(),
            decides: true,
            has_rules: true,
        });
        for (name, own) in accounts.iter().filter_map(Value::as_object).flatten() {
            const DECIDES: [&str; 5] = ["dmPolicy", "allowFrom", "dm", "groupPolicy", "groupAllowFrom"];
            const RULES: [&str; 3] = ["groups", "guilds", "teams"];
            let Some(own) = own.as_object().filter(|own| !is_off(own)) else {
                continue;
            };
            let has = |keys: &[&str]| keys.iter().any(|key| own.contains_key(*key));
            let mut value = root.clone();
            value.extend(own.clone());
            found.push(Account {
                name: format!("{id}/{name}"),
                path: path.key("accounts").key(name),
                value,
                decides: has(&DECIDES),
                has_rules: has(&RULES),
            });
        }
    }
    found
}

fn dm_policy(account: &Map<String, Value>) -> &str {
    let older = || account.get("dm").and_then(|dm| dm.get("policy"));
    let policy = account.get("dmPolicy").or_else(older);
    policy.and_then(Value::as_str).unwrap_or("pairing")
}

fn allow_from(account: &Map<String, Value>) -> Option<&Value> {
    let older = || account.get("dm").and_then(|dm| dm.get("allowFrom"));
    account.get("allowFrom").or_else(older)
}

pub(super) fn group_policy<'v>(account: &'v Map<String, Value>, value: &'v Value) -> &'v str {
    let own = account.get("groupPolicy").and_then(Value::as_str);
    own.or_else(|| value["channels"]["defaults"]["groupPolicy"].as_str())
        .unwrap_or("allowlist")
}

pub(super) fn has_star(list: Option<&Value>) -> bool {
    let entries = list.and_then(Value::as_array).into_iter().flatten();
    entries.into_iter().any(|entry| entry == "*")
}
