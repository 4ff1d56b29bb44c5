//! From a channel's block to its accounts.
//!
//! Each account inherits the block's own keys, and its own win. Keys that say who an account is (`"x-credential": true` in
//! the channel's schema) belong together: an account that has one of them inherits none, so that it is never taken for
//! another. Credentials of the block that no account inherits are those of the account `default`.
use openclaw_plugin_api::Account;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The mark of a property that says who an account is.
const MARK: &str = "x-credential";
/// The account of the block itself.
const DEFAULT: &str = "default";

/// The accounts that are on.
pub(super) fn accounts(block: &Value, schema: Option<&Value>) -> Vec<Account> {
    let Some(block) = block
        .as_object()
        .filter(|block| block.get("enabled") != Some(&Value::Bool(false)))
    else {
        return Vec::new();
    };
    let mut root = block.clone();
    let mut named = match root.remove("accounts") {
        Some(Value::Object(accounts)) => accounts,
        _ => Map::new(),
    };
    let credentials = credentials(schema);
    // one that is off counts too: whose credentials it would have inherited are not to be used
    let unused = has(&root, &credentials) && named.values().all(|own| has_any(own, &credentials));
    if named.is_empty() || unused {
        let mut all = Map::from_iter([(DEFAULT.to_owned(), json!({}))]);
        all.extend(named);
        named = all;
    }
    let on = named.into_iter().filter(|(_, own)| own["enabled"] != false);
    on.map(|(id, own)| {
        let mut config = root.clone();
        if has_any(&own, &credentials) {
            config.retain(|key, _| !credentials.contains(key.as_str()));
        }
        config.extend(own.as_object().cloned().unwrap_or_default());
        Account {
            id,
            config: Value::Object(config),
        }
    })
    .collect()
}

fn credentials(schema: Option<&Value>) -> BTreeSet<&str> {
    let properties = schema.and_then(|schema| schema["properties"].as_object());
    let marked = properties
        .into_iter()
        .flatten()
        .filter(|(_, value)| value[MARK] == true);
    marked.map(|(key, _)| key.as_str()).collect()
}

fn has_any(own: &Value, keys: &BTreeSet<&str>) -> bool {
    own.as_object().is_some_and(|own| has(own, keys))
}

fn has(block: &Map<String, Value>, keys: &BTreeSet<&str>) -> bool {
    let says = |value: &Value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty());
    keys.iter().any(|key| block.get(*key).is_some_and(says))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(block: Value) -> Vec<(String, Value)> {
        let schema = json!({"properties": {
            "token": {"x-credential": true}, "tokenFile": {"x-credential": true}, "x": {}
        }});
        let all = accounts(&block, Some(&schema)).into_iter();
        all.map(|account| (account.id, account.config)).collect()
    }

    #[test]
    fn accounts_inherit_and_override() {
        let all = of(json!({"token": "root", "x": 1, "accounts": {"a": {"x": 2}, "b": {"enabled": false}}}));
        assert_eq!(all, [("a".to_owned(), json!({"token": "root", "x": 2}))]);
        assert_eq!(of(json!({"x": 1})), [("default".to_owned(), json!({"x": 1}))]);
        assert_eq!(of(json!({"x": 1, "accounts": {}})).len(), 1);
        assert!(of(json!({"enabled": false})).is_empty() && of(Value::Null).is_empty());
    }

    #[test]
    fn a_token_that_no_account_inherits_is_that_of_the_default_account() {
        let all = of(json!({"token": "root", "x": 1, "accounts": {"second": {"token": "own"}}}));
        let default = ("default".to_owned(), json!({"token": "root", "x": 1}));
        assert_eq!(
            all,
            [default, ("second".to_owned(), json!({"token": "own", "x": 1}))]
        );
        for accounts in [
            json!({"a": {}}),
            json!({"a": {"enabled": false}}),
            json!({"a": {"token": " "}}),
        ] {
            let all = of(json!({"token": "root", "accounts": accounts}));
            assert!(all.iter().all(|(id, _)| id == "a"), "{all:?}");
        }
        assert_eq!(
            of(json!({"token": "", "accounts": {"a": {"token": "own"}}})).len(),
            1
        );
        let off =
            of(json!({"token": "root", "accounts": {"default": {"enabled": false}, "a": {"token": "own"}}}));
        assert!(off.iter().all(|(id, _)| id == "a"), "{off:?}");
    }

    #[test]
    fn an_account_with_a_token_of_its_own_is_not_taken_for_another() {
        let all = of(json!({"tokenFile": "/root", "accounts": {"second": {"token": {"source": "env"}}}}));
        assert_eq!(all[1], ("second".to_owned(), json!({"token": {"source": "env"}})));
    }
}
