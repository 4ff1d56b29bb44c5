//! The schema of `channels.discord`: both forms pass, unknown keys and numbers for ids don't.
use super::*;

fn check(config: &Value) -> std::result::Result<(), String> {
    let schema: Value = serde_json::from_str(openclaw_plugin_api::config_schema!("discord")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let problems: Vec<_> = validator
        .iter_errors(config)
        .map(|error| error.to_string())
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; "))
    }
}

#[test]
fn the_forms_of_february_and_september_pass() {
    for config in [
        json!({}),
        json!({
            "enabled": true, "token": "x", "groupPolicy": "allowlist", "historyLimit": 20, "textChunkLimit": 2000,
            "dm": { "enabled": true, "policy": "pairing", "allowFrom": ["7", "user:8"], "groupEnabled": true, "groupChannels": ["9"] },
            "guilds": { "1": {
                "slug": "home", "requireMention": false, "reactionNotifications": "own", "users": ["7"], "roles": ["6"],
                "channels": { "general": { "allow": true, "autoThread": true, "skills": ["x"], "systemPrompt": "Be brief." } }
            } },
            "streaming": "partial", "streamMode": "block", "draftChunk": { "minChars": 200, "maxChars": 800, "breakPreference": "paragraph" },
            "retry": { "attempts": 3, "minDelayMs": 500, "maxDelayMs": 30000, "jitter": 0.1 }, "ui": { "components": { "accentColor": "#fff" } },
            "actions": { "reactions": true, "roles": false }, "threadBindings": { "enabled": true, "ttlHours": 24 },
            "pluralkit": { "enabled": true, "token": "pk" }, "intents": { "presence": false, "guildMembers": true },
            "replyToMode": "first", "chunkMode": "newline", "maxLinesPerMessage": 17, "mediaMaxMb": 8, "allowBots": true
        }),
        json!({
            "token": { "source": "env", "provider": "default", "id": "TOKEN" }, "applicationId": "77", "proxy": "http://127.0.0.1:1",
            "dmPolicy": "open", "allowFrom": ["*"], "allowBots": "mentions", "suppressEmbeds": false, "defaultAccount": "work",
            "guilds": { "*": { "ignoreOtherMentions": true, "presenceEvents": { "enabled": true },
                "channels": { "10": { "enabled": false, "autoThreadName": "generated", "autoArchiveDuration": 1440 }, "11": { "autoArchiveDuration": "60" } } } },
            "streaming": { "mode": "progress", "preview": { "toolProgress": true }, "block": { "enabled": true } },
            "agentComponents": { "enabled": true, "ttlMs": 60000 }, "execApprovals": { "enabled": "auto", "approvers": ["7"], "target": "dm" },
            "autoPresence": { "enabled": true, "intervalMs": 30000 }, "activityType": 4, "activity": "x", "status": "idle",
            "slashCommand": { "ephemeral": false }, "commands": { "native": "auto", "nativeSkills": false },
            "accounts": { "work": { "token": "y", "name": "Work", "apiRoot": "http://127.0.0.1:1", "gatewayUrl": "ws://127.0.0.1:1" } }
        }),
    ] {
        assert_eq!(check(&config), Ok(()), "{config}");
        serde_json::from_value::<crate::config::Config>(config).expect("it can be read too");
    }
}

#[test]
fn typing_mistakes_and_numbers_are_found_at_every_level() {
    for config in [
        json!({ "tokn": "x" }),
        json!({ "accounts": { "work": { "tokn": "x" } } }),
        json!({ "guilds": { "1": { "requiremention": true } } }),
        json!({ "guilds": { "1": { "channels": { "general": { "x": 1 } } } } }),
        json!({ "guilds": { "1": { "users": [123] } } }),
        json!({ "guilds": { "1": { "channels": { "10": { "roles": [5] } } } } }),
        json!({ "allowFrom": [123] }),
        json!({ "dm": { "allowFrom": [123] } }),
        json!({ "dm": { "groupChannels": [9] } }),
        json!({ "execApprovals": { "approvers": [7] } }),
        json!({ "applicationId": 77 }),
        json!({ "dmPolicy": "everybody" }),
        json!({ "activityType": 6 }),
        json!({ "accounts": { "work": { "accounts": {} } } }),
    ] {
        check(&config).expect_err(&config.to_string());
    }
}

#[test]
fn tokens_are_sensitive_and_addresses_ask_for_egress() {
    let schema: Value = serde_json::from_str(openclaw_plugin_api::config_schema!("discord")).expect("JSON");
    for place in [
        &schema["properties"],
        &schema["properties"]["accounts"]["additionalProperties"]["properties"],
    ] {
        assert_eq!(place["token"]["writeOnly"], true);
        assert_eq!(place["token"]["x-credential"], true);
        for key in ["apiRoot", "gatewayUrl", "proxy"] {
            assert_eq!(place[key]["x-egress"], true, "{key}");
        }
    }
}

/// Every key of OpenClaw's own list is in the schema; the list is not part of this repository.
#[test]
fn every_known_key_has_a_place() {
    let Ok(list) = std::fs::read_to_string("../../../shared/reference/config-keys.tsv") else {
        eprintln!("skipped: ../shared/reference/config-keys.tsv is not here");
        return;
    };
    let schema: Value = serde_json::from_str(openclaw_plugin_api::config_schema!("discord")).expect("JSON");
    let missing: Vec<_> = list
        .lines()
        .filter_map(|line| line.split('\t').next()?.strip_prefix("channels.discord."))
        .filter(|key| !has(&schema, key))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// A schema and all that it may be instead, at any depth.
fn add_forms<'s>(schema: &'s Value, forms: &mut Vec<&'s Value>) {
    forms.push(schema);
    for key in ["anyOf", "oneOf"] {
        for form in schema[key].as_array().into_iter().flatten() {
            add_forms(form, forms);
        }
    }
}

/// Does the schema know a dotted path?
fn has(schema: &Value, path: &str) -> bool {
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
    let mut forms = Vec::new();
    add_forms(schema, &mut forms);
    forms.iter().any(|form| {
        let next = match name {
            "*" => &form["additionalProperties"],
            name => &form["properties"][name],
        };
        // what is taken as it is has everything in it
        if next == &Value::Bool(true)
            || next
                .as_object()
                .is_some_and(|next| next.keys().all(|key| key == "description" || key == "default"))
        {
            return true;
        }
        if next.is_null() {
            return false;
        }
        let _ = is_list;
        rest.is_empty() || has(next, rest)
    })
}
