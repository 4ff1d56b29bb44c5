//! Tokens by which a model says that there is nothing to say. They count at the edges of an answer, as whole words.

/// Nothing is to be sent.
pub const NO_REPLY: &str = "NO_REPLY";
/// Nobody is to hear of the end of a task.
pub const ANNOUNCE_SKIP: &str = "ANNOUNCE_SKIP";
/// A heartbeat found nothing.
pub const HEARTBEAT_OK: &str = "HEARTBEAT_OK";

/// Does the text begin or end with the token?
pub fn at_edge(text: &str, token: &str) -> bool {
    after(text, token).is_some() || before(text, token).is_some()
}

/// The text without the token at its edges; `None` if there is none.
pub fn stripped(text: &str, token: &str) -> Option<String> {
    let mut rest = text.trim();
    let mut found = false;
    while let Some(shorter) = after(rest, token).or_else(|| before(rest, token)) {
        rest = shorter.trim();
        found = true;
    }
    // What is left of `**TOKEN**.` says nothing either.
    let says = rest.chars().any(|c| !is_decoration(c) && !matches!(c, '.' | '!'));
    found.then(|| if says { rest.to_owned() } else { String::new() })
}

/// May the text turn out to begin with the token, or does it?
pub fn may_begin(text: &str, token: &str) -> bool {
    let text = text.trim_start_matches(is_decoration);
    token.starts_with(text) || after(text, token).is_some()
}

/// The text without a last word that may turn out to be the token, or is it.
pub fn without_partial_end<'a>(text: &'a str, token: &str) -> &'a str {
    let body = text.trim_end_matches(|c| !is_word(c));
    let start = body.char_indices().rev().take_while(|(_, c)| is_word(*c)).last();
    // After a finished word only the whole token counts.
    let finished = body.len() < text.len();
    match start {
        Some((at, _)) if &body[at..] == token || (!finished && token.starts_with(&body[at..])) => {
            body[..at].trim_end_matches(is_decoration)
        }
        _ => text,
    }
}

fn after<'a>(text: &'a str, token: &str) -> Option<&'a str> {
    let rest = text.trim_start_matches(is_decoration).strip_prefix(token)?;
    (!rest.starts_with(is_word)).then(|| rest.trim_start_matches(is_decoration))
}

fn before<'a>(text: &'a str, token: &str) -> Option<&'a str> {
    let rest = text.trim_end_matches(|c| !is_word(c)).strip_suffix(token)?;
    (!rest.ends_with(is_word)).then(|| rest.trim_end_matches(is_decoration))
}

/// White space and the marks of emphasis and code.
fn is_decoration(c: char) -> bool {
    c.is_whitespace() || matches!(c, '*' | '_' | '`' | '~' | '"')
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
