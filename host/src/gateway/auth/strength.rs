//! How good a secret of the gateway has to be; the door refuses by it, and the audit warns by it.

/// Shortest secret that others may try to guess, characters.
pub(crate) const MIN_SECRET: usize = 16;
/// What stands for a secret in examples and broken scripts.
const PLACEHOLDERS: [&str; 8] = [
    "undefined",
    "null",
    "none",
    "changeme",
    "change-me",
    "secret",
    "token",
    "your-token-here",
];

/// Is this a word that everybody tries first?
pub(crate) fn is_placeholder(secret: &str) -> bool {
    PLACEHOLDERS.iter().any(|word| secret.eq_ignore_ascii_case(word))
}
