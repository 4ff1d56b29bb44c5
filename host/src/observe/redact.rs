//! Hides in a log line what looks like a secret. Secrets don't get into log lines by our own code; this is for what
//! plugins, platforms and libraries write.
use regex::Regex;
use std::sync::LazyLock;

/// Stands for a secret.
const HIDDEN: &str = "***";
/// Shortest word that may be a key, characters.
const KEY: usize = 30;

/// `Bearer x`, `token=x`, `"apiKey": "x"`.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    let words = r#"(?i)(\b(?:bearer|basic)\s+|(?:token|secret|password|passwd|api[_-]?key)["']?\s*[=:]\s*["']?)[^\s"'&,;]{4,}"#;
    Regex::new(words).expect("the expression is valid")
});

/// `https://user:x@host`.
static USERINFO: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(://[^/\s:@]*:)[^\s/@]+@").expect("the expression is valid"));

/// Runs of what keys are made of.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9_\-:]{30,}").expect("the expression is valid"));

/// The text without what looks like a secret.
pub(super) fn redact(text: &str) -> String {
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
            assert_eq!(redact(text), shown);
        }
    }
}
