//! What a schema says of one key, in words for the columns of a table. Pure.
use serde_json::{Map, Value};

/// The default in a description that ends one of its sentences with it, and the description without it.
pub(crate) fn without_default(text: &str) -> (String, String) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((before, rest)) = text.split_once("Default: ") {
        let (default, after) = rest.split_once(". ").unwrap_or((rest, ""));
        let default = default.strip_suffix('.').unwrap_or(default);
        return (joined(before, after), marked(default));
    }
    for words in [" if nothing is said", " by default"] {
        let Some((before, rest)) = text.split_once(words) else {
            continue;
        };
        let begin = [". ", "; "].iter().filter_map(|end| before.rfind(end)).max();
        let (before, default) = begin.map_or(("", before), |at| (&before[..at], &before[at + 2..]));
        if words == " by default" && default.contains(' ') {
            continue; // it tells what happens, not what is set
        }
        let (more, after) = rest.split_once('.').unwrap_or((rest, ""));
        let end = if before.is_empty() { "" } else { "." };
        return (
            joined(&format!("{before}{end}"), after),
            marked(&format!("{default}{more}")),
        );
    }
    (text, String::new())
}

/// The default that the schema itself names, if it says something.
pub(crate) fn default_of(property: &Map<String, Value>) -> String {
    match property.get("default") {
        Some(Value::Bool(value)) => format!("`{value}`"),
        Some(value @ Value::Number(_)) => number(value),
        Some(Value::String(text)) if !text.is_empty() => format!("`{text}`"),
        Some(Value::Array(items)) if !items.is_empty() => {
            let items: Vec<_> = items.iter().map(|item| format!("`{}`", plain(item))).collect();
            items.join(", ")
        }
        _ => String::new(),
    }
}

/// Does a description say that the key does nothing here, or that it is not for people?
pub(crate) fn is_for_nobody(text: &str) -> bool {
    let words = [", without effect", "; without effect", "Written by the host."];
    words.iter().any(|words| text.contains(words))
}

/// Which numbers a part of a schema allows.
pub(crate) fn range(part: &Map<String, Value>) -> String {
    let least = part.get("minimum").filter(|least| least.as_f64() != Some(0.0));
    match (least, part.get("maximum")) {
        (Some(least), Some(most)) => format!(", {} to {}", number(least), number(most)),
        (Some(least), None) => format!(", from {}", number(least)),
        (None, Some(most)) => format!(", up to {}", number(most)),
        (None, None) => String::new(),
    }
}

/// A value without quotes.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Thousands are parted by commas.
fn number(value: &Value) -> String {
    let text = value.to_string();
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text.len() < 5 || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut parted = String::new();
    for (n, digit) in text.chars().enumerate() {
        if n > 0 && (text.len() - n).is_multiple_of(3) {
            parted.push(',');
        }
        parted.push(digit);
    }
    parted
}

fn marked(default: &str) -> String {
    match default {
        "true" | "True" | "false" | "False" => format!("`{}`", default.to_lowercase()),
        other => other.to_owned(),
    }
}

fn joined(before: &str, after: &str) -> String {
    format!("{} {}", before.trim(), after.trim()).trim().to_owned()
}

#[test]
fn defaults_are_found_in_descriptions() {
    for (text, without, default) in [
        ("How long. Default: 0.5. More.", "How long. More.", "0.5"),
        (
            "Is it on? Default: false, it is\ndone once.",
            "Is it on?",
            "false, it is done once",
        ),
        (
            "Messages are taken. True by default.",
            "Messages are taken.",
            "`true`",
        ),
        (
            "How long, seconds; 0 never. 120 if nothing is said.",
            "How long, seconds; 0 never.",
            "120",
        ),
        (
            "How long, seconds; 300 if nothing is said. Longer ones end.",
            "How long, seconds. Longer ones end.",
            "300",
        ),
        ("`route` by default. Others too.", "Others too.", "`route`"),
        (
            "The rules. What they name is not off by default.",
            "The rules. What they name is not off by default.",
            "",
        ),
        ("Who.", "Who.", ""),
    ] {
        assert_eq!(without_default(text), (without.to_owned(), default.to_owned()));
    }
}
