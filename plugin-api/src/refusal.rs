//! What a vendor of models says when it refuses, as an error of the gateway's.
use crate::{Error, ErrorKind, Secret};
use std::time::Duration;

/// What is kept of a service's own words, characters.
const MAX_WORDS: usize = 300;
/// What only keys have in them. Vendors repeat them in their answers.
const KEY_MARKS: [&str; 2] = ["sk-ant-", "AIza"];
/// How keys of many vendors begin, and other words too, which are shorter.
const KEY_BEGINS: &str = "sk-";
/// No such key is as short. Bytes.
const SHORTEST_KEY: usize = 9;

/// A refusal as a vendor of models told it. The plugin, which knows the vendor's words, decides what kind of error it is;
/// the text, without keys, is made here.
///
/// ```
/// use openclaw_plugin_api::{ErrorKind, Refusal};
///
/// let refusal = Refusal {
///     status: Some(402),
///     message: "Insufficient balance.".into(),
///     ..Default::default()
/// };
/// let kind = if refusal.says(&["balance"]) { ErrorKind::Billing } else { refusal.kind_by_status() };
/// assert_eq!(
///     refusal.into_error("Acme", kind, None).message(),
///     "Acme refused the request, status 402: Insufficient balance; check the account's balance and limits"
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Refusal {
    /// HTTP status; none if it came within an answer.
    pub status: Option<u16>,
    /// The vendor's own word for it, such as `context_length_exceeded`. May be empty.
    pub code: String,
    /// The vendor's word for errors of its class, such as `invalid_request_error`. May be empty. Clients are told it.
    pub class: String,
    /// For people. May be empty.
    pub message: String,
    /// How long it asks to wait.
    pub wait: Option<Duration>,
}

impl Refusal {
    /// Does the message have one of these in it? They are written in lower case.
    pub fn says(&self, words: &[&str]) -> bool {
        let message = self.message.to_ascii_lowercase();
        words.iter().any(|word| message.contains(word))
    }

    /// What the status alone means: of something that came within an answer, that the service failed.
    pub fn kind_by_status(&self) -> ErrorKind {
        self.status.map_or(ErrorKind::Server, ErrorKind::of_status)
    }

    /// The error for the host: who refused, why, and what to do next. `key` is what must not be in its text.
    pub fn into_error(self, who: &str, kind: ErrorKind, key: Option<&Secret>) -> Error {
        let mut text = match kind {
            ErrorKind::Server | ErrorKind::Overloaded | ErrorKind::Timeout => format!("{who} failed"),
            _ => format!("{who} refused the request"),
        };
        let status = self.status.map(|status| status.to_string());
        if let Some(status) = &status {
            text += &format!(", status {status}");
        }
        let [code, class, message] = [&self.code, &self.class, &self.message].map(|words| clean(words, key));
        let word = if code.is_empty() { &class } else { &code };
        if !word.is_empty() && status.as_ref() != Some(word) {
            text += &format!(" ({word})");
        }
        if !message.is_empty() {
            text += &format!(": {}", message.trim_end_matches('.'));
        }
        let mut error = Error::new(kind, text + next_step(kind));
        if let Some(status) = self.status {
            error = error.with("status", status);
        }
        for (field, word) in [("code", code), ("type", class)] {
            if !word.is_empty() {
                error = error.with(field, word);
            }
        }
        match self.wait.filter(|_| kind.is_transient()) {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }
}

fn next_step(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Auth => "; check the key, and that it may use this model",
        ErrorKind::Billing => "; check the account's balance and limits",
        ErrorKind::RateLimited | ErrorKind::Overloaded => "; wait or use another key or model",
        ErrorKind::NotFound => "; check the model's id and the address",
        ErrorKind::ContextOverflow => "; shorten the conversation",
        ErrorKind::Rejected | ErrorKind::InvalidInput => "; change the request",
        _ => "; try again",
    }
}

/// A service's words without keys, on one line, and not too many of them.
fn clean(words: &str, key: Option<&Secret>) -> String {
    let mut words = words.to_owned();
    if let Some(key) = key.filter(|key| !key.is_empty()) {
        words = words.replace(key.expose(), "***");
    }
    let masked = words
        .split_whitespace()
        .map(|word| if has_key(word) { "***" } else { word });
    let line = masked.collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(MAX_WORDS).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

fn has_key(word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut parts = word.split(|c| !is_part(c));
    KEY_MARKS.iter().any(|mark| word.contains(mark))
        || parts.any(|part| part.len() >= SHORTEST_KEY && part.starts_with(KEY_BEGINS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_gets_into_the_text() {
        let refusal = Refusal {
            status: Some(401),
            code: "bad_hunter2".into(),
            class: "of_hunter2".into(),
            message: "bad key hunter2, `sk-proj-0123456789`,\n?key=AIzaSyA-0123 my_AIza1 a-sk-ant-1 in task-management"
                .into(),
            ..Refusal::default()
        };
        let error = refusal.into_error("Acme", ErrorKind::Auth, Some(&Secret::new("hunter2")));
        assert_eq!(
            error.message(),
            "Acme refused the request, status 401 (bad_***): bad key ***, *** *** *** *** in task-management; \
             check the key, and that it may use this model"
        );
        assert_eq!(error.detail()["code"], "bad_***");
        assert_eq!(error.detail()["type"], "of_***");
    }

    #[test]
    fn only_what_may_pass_is_waited_for() {
        let refusal = Refusal {
            wait: Some(Duration::from_secs(7)),
            ..Refusal::default()
        };
        let wait = |kind| refusal.clone().into_error("Acme", kind, None).retry_after();
        assert_eq!(wait(ErrorKind::RateLimited), Some(Duration::from_secs(7)));
        assert_eq!(wait(ErrorKind::Billing), None);
    }

    #[test]
    fn long_words_are_cut_and_a_status_is_told_once() {
        let refusal = Refusal {
            status: Some(500),
            code: "500".into(),
            message: "ä".repeat(1000),
            ..Refusal::default()
        };
        let kind = refusal.kind_by_status();
        let error = refusal.into_error("Acme", kind, None);
        let whole = format!("Acme failed, status 500: {}…; try again", "ä".repeat(300));
        assert_eq!((kind, error.message()), (ErrorKind::Server, whole.as_str()));
    }
}
