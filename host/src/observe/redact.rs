//! Hides in a log line what looks like a secret. Secrets don't get into log lines by our own code; this is for what
//! plugins, platforms and libraries write.
use regex::Regex;
use std::{
    borrow::Cow,
    sync::{LazyLock, PoisonError, RwLock},
};

/// Stands for a secret.
const HIDDEN: &str = "***";
/// Shortest word that may be a key, characters.
const KEY: usize = 30;

/// `Bearer x`, `token=x`, `"apiKey": "x"`, and the last one in a text of JSON that is in JSON or was written by `Debug`.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    let words = r#"(?i)(\b(?:bearer|basic)\s+|(?:token|secret|password|passwd|api[_-]?key)\\*["']?\s*[=:]\s*\\*["']?)(?:[^\s"'&,;\\]|\\[^\s"'&,;]){4,}"#;
    Regex::new(words).expect("the expression is valid")
});

/// How names of fields end whose values are secrets.
const SECRET_NAMES: [&str; 7] = [
    "token", "secret", "password", "passwd", "apikey", "api_key", "api-key",
];

/// `https://user:x@host`.
static USERINFO: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(://[^/\s:@]*:)[^\s/@]+@").expect("the expression is valid"));

/// Runs of what keys are made of.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9_\-:]{30,}").expect("the expression is valid"));

/// What is hidden beside what is known as a secret.
#[derive(Debug, Clone, Default)]
pub struct Redaction {
    /// What only looks like a secret stays.
    pub only_patterns: bool,
    /// What these match is hidden.
    pub patterns: Vec<Regex>,
}

static RULES: RwLock<Redaction> = RwLock::new(Redaction {
    only_patterns: false,
    patterns: Vec::new(),
});

/// From now on. Process-wide, as the log is.
pub(super) fn set_rules(rules: Redaction) {
    *RULES.write().unwrap_or_else(PoisonError::into_inner) = rules;
}

/// The text without what is to be hidden in every line of the log.
pub(crate) fn redact(text: &str) -> String {
    let rules = RULES.read().unwrap_or_else(PoisonError::into_inner);
    rules.apply(text)
}

/// The same for the value of a field: what it is called may say that it is a secret.
pub(super) fn redact_field(name: &str, text: &str) -> String {
    let rules = RULES.read().unwrap_or_else(PoisonError::into_inner);
    if !rules.only_patterns && names_secret(name) {
        HIDDEN.to_owned()
    } else {
        rules.apply(text)
    }
}

/// The same for people's eyes: only what the operator wants hidden.
pub(super) fn redact_patterns(text: String) -> String {
    let rules = RULES.read().unwrap_or_else(PoisonError::into_inner);
    if rules.patterns.is_empty() {
        text
    } else {
        rules.hide(&text)
    }
}

// === impl Redaction ===

impl Redaction {
    fn apply(&self, text: &str) -> String {
        let text = self.hide(text);
        if self.only_patterns {
            text
        } else {
            hide_secrets(&text)
        }
    }

    fn hide(&self, text: &str) -> String {
        let mut text = Cow::Borrowed(text);
        for pattern in &self.patterns {
            if let Cow::Owned(hidden) = pattern.replace_all(&text, HIDDEN) {
                text = Cow::Owned(hidden);
            }
        }
        text.into_owned()
    }
}

/// Does it look like a secret, or hold one that does?
pub(crate) fn looks_secret(text: &str) -> bool {
    hide_secrets(text) != text
}

fn names_secret(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|name| field.ends_with(name))
}

/// The text without what looks like a secret.
fn hide_secrets(text: &str) -> String {
    let named = NAMED.replace_all(text, format!("${{1}}{HIDDEN}"));
    let named = USERINFO.replace_all(&named, format!("${{1}}{HIDDEN}@"));
    WORD.replace_all(&named, |found: &regex::Captures<'_>| {
        let word = &found[0];
        if is_key(word) {
            HIDDEN.to_owned()
        } else {
            word.to_owned()
        }
    })
    .into_owned()
}

/// Keys mix small letters, capitals and digits; ids and hashes don't.
fn is_key(word: &str) -> bool {
    let has = |kind: fn(&char) -> bool| word.chars().any(|c| kind(&c));
    word.len() >= KEY
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_uppercase)
        && has(char::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_hidden_and_the_rest_is_not() {
        for (text, shown) in [
            ("Authorization: Bearer abcd1234", "Authorization: Bearer ***"),
            ("GET /x?token=abcd1234&page=2", "GET /x?token=***&page=2"),
            (r#"{"apiKey": "abcd1234"}"#, r#"{"apiKey": "***"}"#),
            (
                r#"body="{\"apiKey\": \"abcd1234\",\"n\":1}""#,
                r#"body="{\"apiKey\": \"***\",\"n\":1}""#,
            ),
            (r"password=ab\cd\ef then", "password=*** then"),
            (
                "https://bot:hunter22@example.org/x",
                "https://bot:***@example.org/x",
            ),
            ("key AbCdEfGhIjKlMnOpQrStUvWxYz0123456789 given", "key *** given"),
            (
                "run 0a1b2c3d-1111-2222-3333-444455556666 of 9f86d081884c7d659a2feaa0c55ad015",
                "run 0a1b2c3d-1111-2222-3333-444455556666 of 9f86d081884c7d659a2feaa0c55ad015",
            ),
            (
                "listening on ws://127.0.0.1:18789 (PID 4711)",
                "listening on ws://127.0.0.1:18789 (PID 4711)",
            ),
        ] {
            assert_eq!(hide_secrets(text), shown);
        }
    }

    #[test]
    fn a_field_that_is_called_a_secret_is_one() {
        for name in [
            "token",
            "accessToken",
            "gateway_password",
            "X-Api-Key",
            "client_secret",
        ] {
            assert_eq!(redact_field(name, "hunter22"), "***", "{name}");
        }
        for name in ["tokens", "max_tokens", "secret_names", "password_mode", "message"] {
            assert_eq!(redact_field(name, "hunter22"), "hunter22", "{name}");
        }
    }

    #[test]
    fn the_operator_says_what_else_is_hidden() {
        let mut rules = Redaction {
            only_patterns: false,
            patterns: vec![Regex::new("[0-9]{4}").expect("valid")],
        };
        assert_eq!(rules.apply("Bearer abcd1234, pin 4711"), "Bearer ***, pin ***");
        rules.only_patterns = true;
        assert_eq!(
            rules.apply("Bearer abcdefgh, pin 4711"),
            "Bearer abcdefgh, pin ***"
        );
    }
}
