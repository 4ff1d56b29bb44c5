//! Policies in tables: what is on, what is off, and why.
use super::*;
use crate::config::{Config, ToolNames, ToolRules};
use openclaw_plugin_api::ToolSpec;
use serde_json::{Value, json};
use std::sync::Arc;

const CORE: &[&str] = &[
    "read",
    "write",
    "edit",
    "apply_patch",
    "exec",
    "process",
    "web_fetch",
    "web_search",
    "message",
    "cron",
    "gateway",
    "sessions_list",
    "sessions_spawn",
    "session_status",
    "agents_list",
];

fn tool(name: &str, plugin: Option<&str>) -> Offered {
    Offered {
        spec: Arc::new(ToolSpec {
            name: name.into(),
            side_effects: !matches!(
                name,
                "read" | "web_fetch" | "web_search" | "sessions_list" | "session_status"
            ),
            ..ToolSpec::default()
        }),
        plugin: plugin.map(str::to_owned),
        owner_only: matches!(name, "cron" | "gateway"),
    }
}

fn tools() -> Vec<Offered> {
    let own = CORE.iter().map(|name| match *name {
        "read" | "write" | "edit" | "apply_patch" => tool(name, Some("files")),
        "exec" | "process" => tool(name, Some("shell")),
        name => tool(name, None),
    });
    own.chain([
        tool("lobster", Some("sea")),
        tool("crab", Some("sea")),
        tool("bird", Some("sky")),
    ])
    .collect()
}

struct Asked<'a> {
    config: Value,
    key: &'a str,
    trust: Trust,
    model: &'a str,
    chat: Option<Value>,
    sender: &'a str,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Self {
            config: json!({}),
            key: "agent:main:main",
            trust: Trust::Owner,
            model: "vendor/model",
            chat: None,
            sender: "",
        }
    }
}

impl Asked<'_> {
    fn policy(&self) -> Policy {
        let config = Config::from_value(self.config.clone()).expect("valid");
        let agents = config.agents();
        let names: Vec<_> = tools()
            .into_iter()
            .map(|tool| tool.spec.name.clone())
            .chain(["sea".into(), "sky".into()])
            .collect();
        let known = ToolNames::new(names);
        let rules: Option<ToolRules> = self
            .chat
            .clone()
            .map(|rules| serde_json::from_value(rules).expect("rules"));
        let is_sender = |key: &str| key == self.sender;
        Policy::of(&Subject {
            config: &config,
            agent: agents.default_agent(),
            session_key: self.key,
            place: Some(Place {
                chat: rules
                    .as_ref()
                    .map(|rules| ("channels.chat.groups.g.tools".into(), rules)),
                sender: Some(Sender(&is_sender)),
            }),
            trust: self.trust,
            known: &known,
        })
    }

    fn on(&self) -> String {
        let policy = self.policy();
        let on = tools()
            .into_iter()
            .filter(|tool| policy.judge(tool, self.model).is_on());
        on.map(|tool| tool.spec.name.clone())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn why(&self, name: &str) -> String {
        let tool = tools()
            .into_iter()
            .find(|tool| tool.spec.name == name)
            .expect("there");
        match self.policy().judge(&tool, self.model) {
            Verdict::On => "on".into(),
            Verdict::Off(why) => why.to_string(),
        }
    }
}

fn everything_but(off: &[&str]) -> String {
    let names = tools().into_iter().map(|tool| tool.spec.name.clone());
    names
        .filter(|name| !off.contains(&name.as_str()))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn lists_profiles_and_groups() {
    for (tools, on) in [
        (json!({}), everything_but(&[])),
        (json!({ "profile": "full" }), everything_but(&[])),
        (json!({ "profile": "minimal" }), "session_status".into()),
        (
            json!({ "profile": "messaging" }),
            "message sessions_list session_status".into(),
        ),
        (
            json!({ "profile": "minimal", "alsoAllow": ["Read", "sea"] }),
            "read session_status lobster crab".into(),
        ),
        (
            json!({ "allow": ["group:fs"] }),
            "read write edit apply_patch".into(),
        ),
        (json!({ "allow": ["BASH"] }), "apply_patch exec".into()),
        (
            json!({ "allow": ["web_*", "group:plugins"] }),
            "web_fetch web_search lobster crab bird".into(),
        ),
        (
            json!({ "allow": ["shell"] }),
            everything_but(&["lobster", "crab", "bird"]),
        ),
        (json!({ "allow": ["*"], "deny": ["*"] }), String::new()),
        (
            json!({ "deny": ["group:openclaw"] }),
            "read write edit apply_patch exec process lobster crab bird".into(),
        ),
        (
            json!({ "deny": ["apply-patch", "sea"] }),
            everything_but(&["apply_patch", "lobster", "crab"]),
        ),
        (
            json!({ "allow": ["read", "write"], "deny": ["write"] }),
            "read".into(),
        ),
        // nothing but tools of plugins, known or not: the usual ones stay
        (json!({ "allow": ["lobster"] }), everything_but(&["crab", "bird"])),
        (
            json!({ "allow": ["something-absent"] }),
            everything_but(&["lobster", "crab", "bird"]),
        ),
        (json!({ "allow": [] }), everything_but(&[])),
        // what looks like a mistake opens nothing, and forbids what was meant
        (json!({ "allow": ["exce"] }), String::new()),
        (json!({ "allow": ["group:nope"] }), String::new()),
        (json!({ "deny": ["exce"] }), everything_but(&["exec"])),
    ] {
        let asked = Asked {
            config: json!({ "tools": tools }),
            ..Asked::default()
        };
        assert_eq!(asked.on(), on, "{}", asked.config);
    }
}

#[test]
fn agents_providers_and_models_narrow_what_there_is() {
    let config = json!({
        "tools": { "deny": ["crab"], "byProvider": {
            "vendor": { "profile": "minimal" }, "Vendor/Big": { "deny": ["exec"] }, "other": { "allow": ["read"] },
        } },
        "agents": { "list": [{ "id": "main", "tools": { "allow": ["group:fs", "exec", "crab", "session_status"],
            "byProvider": { "other/small": { "deny": ["*"] } } } }] },
    });
    for (model, on) in [
        ("vendor/model", "session_status"),
        ("vendor/big", "read write edit apply_patch session_status"),
        ("other/x", "read"),
        ("other/small", ""),
        ("third/x", "read write edit apply_patch exec session_status"),
    ] {
        let asked = Asked {
            config: config.clone(),
            model,
            ..Asked::default()
        };
        assert_eq!(asked.on(), on, "{model}");
    }
}

#[test]
fn chats_and_people_have_rules_of_their_own() {
    let config = json!({ "tools": { "toolsBySender": { "ada": { "deny": ["read"] }, "*": { "deny": ["message"] } } } });
    let chat = Some(json!({ "allow": ["read", "message", "exec"] }));
    for (sender, on) in [
        ("ada", "apply_patch exec message"),
        ("bob", "read apply_patch exec"),
    ] {
        let asked = Asked {
            config: config.clone(),
            chat: chat.clone(),
            sender,
            ..Asked::default()
        };
        assert_eq!(asked.on(), on, "{sender}");
    }
}

#[test]
fn strangers_change_nothing_unless_their_place_allows_it() {
    let stranger = |config: Value, chat: Option<Value>| Asked {
        config,
        chat,
        trust: Trust::Stranger,
        ..Asked::default()
    };
    let harmless = "read web_fetch web_search sessions_list session_status";
    assert_eq!(stranger(json!({}), None).on(), harmless);
    // what is allowed to everybody was not allowed with strangers in mind
    assert_eq!(
        stranger(json!({ "tools": { "allow": ["*"] } }), None).on(),
        harmless
    );
    assert_eq!(
        stranger(json!({}), Some(json!({ "alsoAllow": ["message"] }))).on(),
        format!(
            "{} message {}",
            "read web_fetch web_search", "sessions_list session_status"
        )
    );
    assert_eq!(
        stranger(json!({}), Some(json!({ "allow": ["exec", "cron"] }))).on(),
        "apply_patch exec"
    );
    let known = Asked {
        trust: Trust::Known,
        ..Asked::default()
    };
    assert_eq!(known.on(), everything_but(&["cron", "gateway"]));
}

#[test]
fn sandboxes_and_subagents_have_less() {
    let sandbox = json!({ "agents": { "defaults": { "sandbox": { "mode": "non-main" } } } });
    let in_group = Asked {
        config: sandbox.clone(),
        key: "agent:main:chat:group:g",
        ..Asked::default()
    };
    assert_eq!(
        in_group.on(),
        "read write edit apply_patch exec process sessions_list sessions_spawn session_status"
    );
    assert_eq!(
        Asked {
            config: sandbox,
            ..Asked::default()
        }
        .on(),
        everything_but(&[])
    );
    let key = "agent:main:subagent:1";
    let below = |config: Value, key| {
        Asked {
            config,
            key,
            ..Asked::default()
        }
        .on()
    };
    let usual = everything_but(&[
        "cron",
        "gateway",
        "sessions_list",
        "sessions_spawn",
        "session_status",
        "agents_list",
    ]);
    assert_eq!(below(json!({}), key), usual);
    let deeper = json!({ "agents": { "defaults": { "subagents": { "maxSpawnDepth": 2 } } } });
    assert!(below(deeper.clone(), key).contains("sessions_spawn"));
    assert!(!below(deeper, "agent:main:subagent:1:subagent:2").contains("sessions_spawn"));
    let opened = json!({ "tools": { "subagents": { "tools": { "alsoAllow": ["session_status"], "deny": ["exec"] } } } });
    assert!(below(opened.clone(), key).contains("session_status") && !below(opened, key).contains("exec"));
}

#[test]
fn it_is_said_which_key_decides() {
    let config = json!({ "tools": { "profile": "coding", "deny": ["group:runtime"], "byProvider": { "vendor": { "allow": ["read"] } } } });
    let why = |name, trust| {
        Asked {
            config: config.clone(),
            trust,
            ..Asked::default()
        }
        .why(name)
    };
    assert_eq!(why("exec", Trust::Owner), "tools.deny has \"group:runtime\"");
    assert_eq!(
        why("message", Trust::Owner),
        "tools.profile \"coding\" does not allow it"
    );
    assert_eq!(
        why("write", Trust::Owner),
        "tools.byProvider.vendor.allow does not allow it"
    );
    assert_eq!(
        why("gateway", Trust::Known),
        "it is for the owner alone (commands.ownerAllowFrom)"
    );
    assert!(
        Asked {
            trust: Trust::Stranger,
            ..Asked::default()
        }
        .why("write")
        .starts_with("it changes something")
    );
    assert_eq!(why("read", Trust::Owner), "on");
}

#[test]
fn nobody_in_particular_may_use_nothing() {
    let policy = Policy::default();
    assert!(tools().iter().all(|tool| !policy.judge(tool, "a/b").is_on()));
    let somebody = Asked::default().policy();
    assert_eq!(
        somebody.clone().meet(&policy),
        policy,
        "nor what is brought together with it"
    );
    assert_eq!(policy.clone().meet(&somebody), policy);
}

/// Policies of many kinds, from a seed.
fn policies() -> Vec<Policy> {
    let names = [
        "read",
        "exec",
        "group:fs",
        "group:plugins",
        "sea",
        "*",
        "web_*",
        "absent",
        "exce",
        "message",
        "cron",
    ];
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).expect("small")
    };
    let mut made = Vec::new();
    for _ in 0..60 {
        let mut list = |most: usize| {
            let count = random(most + 1);
            (0..count).map(|_| names[random(names.len())]).collect::<Vec<_>>()
        };
        let (allow, deny, own, also) = (list(3), list(2), list(3), list(2));
        let profile = ["minimal", "coding", "messaging", "full"][random(4)];
        let config = json!({
            "tools": { "profile": profile, "alsoAllow": also, "deny": deny },
            "agents": { "list": [{ "id": "main", "tools": { "allow": allow } }] },
        });
        let trust = [Trust::Stranger, Trust::Known, Trust::Owner][random(3)];
        let key = ["agent:main:main", "agent:main:subagent:1"][random(2)];
        let chat = (random(2) == 0).then(|| json!({ "allow": own }));
        made.push(
            Asked {
                config,
                trust,
                key,
                chat,
                ..Asked::default()
            }
            .policy(),
        );
    }
    made
}

/// S32: what a conversation starts has at most what it has itself, whatever is asked for.
#[test]
fn two_policies_together_never_allow_what_one_of_them_does_not() {
    let (policies, tools) = (policies(), tools());
    let on = |policy: &Policy, tool: &Offered| policy.judge(tool, "vendor/model").is_on();
    for a in &policies {
        assert_eq!(a.clone().meet(a), *a, "together with itself it is itself");
        for b in &policies {
            let (ab, ba) = (a.clone().meet(b), b.clone().meet(a));
            for tool in &tools {
                assert_eq!(on(&ab, tool), on(a, tool) && on(b, tool));
                assert_eq!(on(&ab, tool), on(&ba, tool));
            }
        }
    }
    // and it survives being written down
    for policy in &policies {
        let kept = serde_json::from_str::<Policy>(&json!(policy).to_string()).expect("read");
        assert_eq!(kept, *policy);
    }
}

#[test]
fn a_request_that_names_its_tools_gets_no_others_and_no_more_than_the_policy() {
    let config = json!({"tools": {"deny": ["web_fetch"]}});
    let own = Asked {
        config,
        trust: Trust::Stranger,
        ..Asked::default()
    };
    let own = own.policy();
    let on = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let both = own
            .clone()
            .meet(&Policy::only("request", Trust::Stranger, &names));
        let tools = tools();
        let on = tools.iter().filter(|tool| both.judge(tool, "a/b").is_on());
        on.map(|tool| tool.spec.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        on(&["read", "web_search", "web_fetch", "exec"]),
        ["read", "web_search"]
    );
    // a list of a plugin's tools alone is no door for the usual ones
    assert_eq!(on(&["memory_search"]), [""; 0]);
    assert_eq!(on(&[]), [""; 0]);
}
