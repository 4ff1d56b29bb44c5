//! Takes an answer apart, line by line: directives, files, thoughts, and the text that is left.
use super::{MediaSource, Payload, ReplyTo};
use crate::agent::chunk::fence;

/// Files that one answer may bring; further lines are dropped.
const MAX_MEDIA: usize = 20;
/// Longest path or address.
const MAX_SOURCE: usize = 4096;
/// Longest message id in a directive.
const MAX_ID: usize = 256;
/// Longest tag that is looked at.
const MAX_TAG: usize = 16;
const MEDIA: &str = "MEDIA:";
/// Elements in which some models write what they think.
const THOUGHTS: [&str; 3] = ["think", "thinking", "thought"];

/// Reads an answer. `partial`: more may follow, and what may turn out to be no text is left out.
pub fn read(text: &str, partial: bool) -> Payload {
    let mut payload = Payload::default();
    let mut lines = Vec::new();
    let (mut open, mut thinking) = (None, false);
    let count = text.split('\n').count();
    for (n, line) in text.split('\n').enumerate() {
        let unfinished = partial && n + 1 == count;
        if !thinking {
            let was_open = open.is_some();
            open = fence::after_line(line, open);
            if was_open || open.is_some() {
                lines.push(line.to_owned());
                continue;
            }
        }
        let visible = without_thoughts(line, &mut thinking, unfinished);
        if unfinished && MEDIA.starts_with(visible.trim()) && !visible.trim().is_empty() {
            continue;
        }
        if let Some(sources) = media(&visible) {
            let room = MAX_MEDIA - payload.media.len();
            // A path that is still being written is none.
            let room = if unfinished { 0 } else { room };
            payload.media.extend(sources.into_iter().take(room));
            continue;
        }
        if unfinished && visible.trim_start().starts_with(MEDIA) {
            continue;
        }
        let said = without_directives(&visible, &mut payload, unfinished);
        // A line of nothing but directives leaves no blank line behind.
        if line.trim().is_empty() || !said.trim().is_empty() {
            lines.push(said);
        }
    }
    payload.text = lines.join("\n").trim_matches(['\n', '\r']).trim_end().to_owned();
    if payload.text.trim().is_empty() {
        payload.text.clear();
    }
    payload
}

/// The files of a `MEDIA:` line; `None` if it is an ordinary line.
fn media(line: &str) -> Option<Vec<MediaSource>> {
    let rest = line.trim().strip_prefix(MEDIA)?.trim();
    if rest.len() > MAX_SOURCE * 4 {
        return None;
    }
    if let Some(one) = source(rest) {
        return Some(vec![one]);
    }
    let several: Option<Vec<_>> = rest.split_whitespace().map(source).collect();
    several.filter(|sources| !sources.is_empty())
}

/// A path or an address. Words of a sentence are neither.
fn source(text: &str) -> Option<MediaSource> {
    let marks = [('`', '`'), ('"', '"'), ('\'', '\''), ('<', '>')];
    let inner = marks
        .iter()
        .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close))
        .filter(|inner| !inner.contains(['`', '"']));
    let (quoted, text) = (inner.is_some(), inner.unwrap_or(text).trim());
    if text.is_empty() || text.len() > MAX_SOURCE || text.chars().any(char::is_control) {
        return None;
    }
    let spaced = text.contains(char::is_whitespace);
    let scheme = text
        .split_once("://")
        .map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    match scheme {
        Some((scheme, _)) if matches!(scheme.as_str(), "http" | "https") => {
            (!spaced).then(|| MediaSource::Url(text.to_owned()))
        }
        Some((scheme, path)) if scheme == "file" => Some(MediaSource::Path(path.to_owned())),
        Some(_) => None,
        None => {
            let rooted = ["/", "./", "../", "~/"].iter().any(|root| text.starts_with(root));
            let named = !spaced && text.contains(['.', '/']);
            // Two paths in a row are two paths.
            let row = spaced
                && !quoted
                && text
                    .split_whitespace()
                    .skip(1)
                    .any(|word| word.starts_with(['/', '.', '~']));
            ((quoted || rooted || named) && !row).then(|| MediaSource::Path(text.to_owned()))
        }
    }
}

/// The line without its directives, which go where they belong.
fn without_directives(line: &str, payload: &mut Payload, unfinished: bool) -> String {
    let (mut out, mut rest, mut in_code) = (String::with_capacity(line.len()), line, false);
    let mut removed = false;
    while let Some(at) = rest.find(['`', '[']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('`') {
            in_code = !in_code;
        } else if !in_code {
            if let Some(after) = directive(rest, payload) {
                rest = after;
                removed = true;
                // The space on one side was for the directive.
                if out.is_empty() || out.ends_with(char::is_whitespace) {
                    rest = rest.trim_start_matches([' ', '\t']);
                }
                continue;
            }
            if unfinished && may_be_directive(rest) {
                rest = "";
                break;
            }
        }
        // Both marks are one byte.
        out.push_str(&rest[..1]);
        rest = &rest[1..];
    }
    out.push_str(rest);
    if removed { out.trim_end().to_owned() } else { out }
}

/// What follows the directive that the text begins with.
fn directive<'a>(text: &'a str, payload: &mut Payload) -> Option<&'a str> {
    let (inner, rest) = element(text, "[[", "]]", MAX_ID + 32)?;
    let (name, value) = match inner.split_once(':') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (inner.trim(), None),
    };
    match (name.to_ascii_lowercase().as_str(), value) {
        ("reply_to_current", None) => {
            if payload.reply_to == ReplyTo::None {
                payload.reply_to = ReplyTo::Current;
            }
        }
        ("reply_to", Some(id)) if !id.is_empty() && id.len() <= MAX_ID => {
            payload.reply_to = ReplyTo::Id(id.to_owned());
        }
        // Without an id there is nothing to refer to, but neither is it text.
        ("reply_to", _) => {}
        ("audio_as_voice", None) => payload.audio_as_voice = true,
        _ => return None,
    }
    Some(rest)
}

/// May the text, which goes on, turn out to begin with a directive?
fn may_be_directive(text: &str) -> bool {
    let Some(inner) = text.strip_prefix("[[") else {
        return text == "[";
    };
    if inner.len() > MAX_ID + 32 {
        return false;
    }
    let inner = inner.trim_start().to_ascii_lowercase();
    let names = ["reply_to_current", "reply_to:", "reply_to", "audio_as_voice"];
    !inner.contains("]]")
        && inner.len() <= MAX_ID + 16
        && names.iter().any(|name| {
            let open = inner.trim_end().trim_end_matches(']').trim_end();
            name.starts_with(open) || (open.starts_with("reply_to") && open.contains(':'))
        })
}

/// The line without what stands in the elements in which some models think.
fn without_thoughts(line: &str, thinking: &mut bool, unfinished: bool) -> String {
    let (mut out, mut rest, mut in_code) = (String::with_capacity(line.len()), line, false);
    while let Some(at) = rest.find(['<', '`']) {
        if !*thinking {
            out.push_str(&rest[..at]);
        }
        rest = &rest[at..];
        if rest.starts_with('`') {
            in_code = !in_code && !*thinking;
        } else if let Some((closing, after)) = tag(rest).filter(|_| !in_code) {
            *thinking = !closing;
            rest = after;
            continue;
        } else if unfinished && !in_code && may_be_tag(rest) {
            return out;
        }
        if !*thinking {
            out.push_str(&rest[..1]);
        }
        rest = &rest[1..];
    }
    if !*thinking {
        out.push_str(rest);
    }
    out
}

/// The tag of a thought that the text begins with: does it close, and what follows.
fn tag(text: &str) -> Option<(bool, &str)> {
    let (inner, rest) = element(text, "<", ">", MAX_TAG)?;
    let (closing, name) = inner
        .strip_prefix('/')
        .map_or((false, inner), |name| (true, name));
    let known = THOUGHTS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name.trim()));
    known.then_some((closing, rest))
}

/// What stands between two marks, and what follows. It looks no further than the closing one can sensibly be, so that a
/// line full of opening marks costs no more than any other.
fn element<'a>(text: &'a str, open: &str, close: &str, most: usize) -> Option<(&'a str, &'a str)> {
    let inner = text.strip_prefix(open)?;
    let near = &inner[..inner.floor_char_boundary(most)];
    let end = near.find(close)?;
    Some((&inner[..end], &inner[end + close.len()..]))
}

fn may_be_tag(text: &str) -> bool {
    if text.len() > MAX_TAG {
        return false;
    }
    let name = text
        .trim_start_matches('<')
        .trim_start_matches('/')
        .to_ascii_lowercase();
    THOUGHTS.iter().any(|known| known.starts_with(name.trim_end()))
}
