//! Is a text HTML as Telegram takes it?

/// What Telegram knows.
const TAGS: &[&str] = &[
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "a",
    "code",
    "pre",
    "blockquote",
    "tg-spoiler",
    "span",
];

/// The text without its tags, or what is wrong with them.
pub(super) fn plain(html: &str) -> Result<String, String> {
    let (mut open, mut plain, mut rest) = (Vec::new(), String::new(), html);
    while let Some(at) = rest.find(['<', '&']) {
        plain += &rest[..at];
        rest = &rest[at..];
        let end = if rest.starts_with('<') { '>' } else { ';' };
        let length = rest
            .find(end)
            .ok_or_else(|| format!("can't find the end of {:.20}", rest))?;
        let inner = &rest[1..length];
        rest = &rest[length + 1..];
        if end == ';' {
            plain.push(match inner {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                _ => return Err(format!("unknown entity {inner:.20}")),
            });
        } else if let Some(name) = inner.strip_prefix('/') {
            match open.pop() {
                Some(last) if last == name => {}
                _ => return Err(format!("unmatched end tag {name:.20}")),
            }
        } else {
            let name = inner.split(' ').next().unwrap_or_default();
            if !TAGS.contains(&name) {
                return Err(format!("unsupported start tag {name:.20}"));
            }
            open.push(name);
        }
    }
    plain += rest;
    match open.last() {
        Some(name) => Err(format!("can't find end tag of {name}")),
        None => Ok(plain),
    }
}
