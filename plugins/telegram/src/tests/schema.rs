//! The schema of `channels.telegram`: both forms pass, unknown keys don't.
use super::*;

fn check(config: &Value) -> std::result::Result<(), String> {
    let schema: Value = serde_json::from_str(openclaw_plugin_api::config_schema!("telegram")).expect("JSON");
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
            "enabled": true, "botToken": "123:abc", "dmPolicy": "pairing", "allowFrom": [7, "tg:8", "*"],
            "groupPolicy": "allowlist", "groups": { "*": { "requireMention": true }, "-100": { "topics": { "9": { "enabled": false } } } },
            "streaming": "partial", "streamMode": "block", "draftChunk": { "minChars": 1, "maxChars": 800, "breakPreference": "newline" },
            "capabilities": ["inlineButtons"], "replyToMode": "first", "timeoutSeconds": 500, "textChunkLimit": 4000,
            "retry": { "attempts": 3, "minDelayMs": 400, "maxDelayMs": 30000, "jitter": 0.1 },
            "customCommands": [{ "command": "x", "description": "y" }], "linkPreview": false, "mediaMaxMb": 5
        }),
        json!({
            "botToken": { "source": "env", "provider": "default", "id": "TOKEN" }, "streaming": { "mode": "progress", "preview": { "toolProgress": true } },
            "capabilities": { "inlineButtons": "all" }, "apiRoot": "http://127.0.0.1:8081", "proxy": "http://127.0.0.1:1",
            "direct": { "7": { "requireTopic": true, "dmPolicy": "open" } }, "defaultAccount": "work", "errorPolicy": "once",
            "execApprovals": { "enabled": "auto", "approvers": [7], "target": "dm" }, "autoTopicLabel": true, "markdown": { "tables": "bullets" },
            "accounts": { "work": { "tokenFile": "/run/secrets/telegram", "name": "Work", "webhookUrl": "https://example.org/telegram-webhook", "webhookSecret": "0123456789" } }
        }),
    ] {
        assert_eq!(check(&config), Ok(()), "{config}");
        serde_json::from_value::<crate::config::Config>(config).expect("it can be read too");
    }
}

#[test]
fn typing_mistakes_are_found_at_every_level() {
    for config in [
        json!({ "botTokn": "x" }),
        json!({ "accounts": { "work": { "botTokn": "x" } } }),
        json!({ "groups": { "-100": { "requiremention": true } } }),
        json!({ "groups": { "-100": { "topics": { "9": { "x": 1 } } } } }),
        json!({ "dmPolicy": "everybody" }),
        json!({ "streaming": "fast" }),
        json!({ "allowFrom": "7" }),
        json!({ "accounts": { "work": { "accounts": {} } } }),
    ] {
        check(&config).expect_err(&config.to_string());
    }
}

#[test]
fn tokens_are_sensitive_and_addresses_ask_for_egress() {
    let schema: Value = serde_json::from_str(openclaw_plugin_api::config_schema!("telegram")).expect("JSON");
    for place in [
        &schema["properties"],
        &schema["properties"]["accounts"]["additionalProperties"]["properties"],
    ] {
        assert_eq!(
            (
                &place["botToken"]["writeOnly"],
                &place["webhookSecret"]["writeOnly"]
            ),
            (&json!(true), &json!(true))
        );
        assert_eq!(
            (&place["apiRoot"]["x-egress"], &place["proxy"]["x-egress"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(
            (
                &place["botToken"]["x-credential"],
                &place["tokenFile"]["x-credential"]
            ),
            (&json!(true), &json!(true))
        );
    }
}
