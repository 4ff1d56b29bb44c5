//! Who may call.
//!
//! Invariant: a caller is let in by the whole number or not at all; who hides the number is nobody on the list.
use crate::config::{Config, E164, InboundPolicy};

/// May this number call?
pub(crate) fn admits(config: &Config, from: &str) -> bool {
    match config.inbound_policy {
        InboundPolicy::Disabled => false,
        InboundPolicy::Open => true,
        InboundPolicy::Allowlist | InboundPolicy::Pairing => {
            E164::parse(from).is_some_and(|from| config.allow_from.contains(&from))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn policy(name: &str) -> Config {
        let allowed = ["+15550001111", "+4915112345678"];
        serde_json::from_value(json!({"inboundPolicy": name, "allowFrom": allowed})).expect("it fits")
    }

    #[test]
    fn only_the_whole_number_is_let_in() {
        for name in ["allowlist", "pairing"] {
            let policy = policy(name);
            for (from, admitted) in [
                ("+15550001111", true),
                ("+4915112345678", true),
                ("", false),
                ("+", false),
                ("anonymous", false),
                ("Anonymous", false),
                ("+266696687", false),
                ("15550001111", false),
                ("+1555000111", false),
                ("+155500011110", false),
                ("+915550001111", false),
                ("5550001111", false),
                ("0001111", false),
                (" +15550001111", false),
                ("+15550001111 ", false),
                ("+1 555 000 1111", false),
                ("+15550001111;ext=1", false),
                ("+15550001111,+19990000000", false),
                ("+１５５５０００１１１１", false),
                ("+1555000111\u{0661}", false),
                ("sip:+15550001111@example.com", false),
            ] {
                assert_eq!(admits(&policy, from), admitted, "{name} {from:?}");
            }
        }
    }

    #[test]
    fn disabled_is_the_default_and_open_is_open() {
        assert!(!admits(&Config::default(), "+15550001111"));
        assert!(!admits(&policy("disabled"), "+15550001111"));
        assert!(admits(&policy("open"), "anonymous"));
        let empty: Config = serde_json::from_value(json!({"inboundPolicy": "allowlist"})).expect("it fits");
        assert!(!admits(&empty, "") && !admits(&empty, "+15550001111"));
    }
}
