//! How deep a page nests, told from its tags alone.
//!
//! A parser of markup takes time with the square of the depth, so the depth is looked at first. It is counted too high
//! rather than too low: an end tag counts only where such an element is open.
use std::collections::HashMap;

/// Depth that no page has which people write; browsers stop at 512 too.
const MAX_DEPTH: u32 = 512;

/// Elements without an end, or that end by themselves when the next of their kind begins.
const FLAT: [&str; 32] = [
    "area", "base", "br", "col", "colgroup", "dd", "dt", "embed", "frame", "hr", "img", "input", "keygen",
    "li", "link", "meta", "optgroup", "option", "p", "param", "rp", "rt", "source", "tbody", "td", "tfoot",
    "th", "thead", "tr", "track", "wbr", "!doctype",
];
/// Elements whose content is no markup.
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];

/// Does the page nest deeper than any that can be read?
pub fn is_too_deep(html: &str) -> bool {
    let mut open: HashMap<String, u32> = HashMap::new();
    let mut depth = 0;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let ends = rest.starts_with('/');
        let tag = if ends { &rest[1..] } else { rest };
        let length = tag
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .unwrap_or(tag.len());
        let name = tag[..length].to_ascii_lowercase();
        if name.is_empty() || FLAT.contains(&name.as_str()) {
            continue;
        }
        if ends {
            if let Some(count) = open.get_mut(&name).filter(|count| **count > 0) {
                *count -= 1;
                depth -= 1;
            }
        } else if RAW.contains(&name.as_str()) {
            rest = after_raw(&tag[length..], &name);
        } else {
            *open.entry(name).or_default() += 1;
            depth += 1;
            if depth > MAX_DEPTH {
                return true;
            }
        }
    }
    false
}

/// What follows the end tag; an element that never ends takes the rest of the page.
fn after_raw<'h>(content: &'h str, name: &str) -> &'h str {
    let mut rest = content;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        if rest
            .get(..name.len())
            .is_some_and(|end| end.eq_ignore_ascii_case(name))
        {
            return rest;
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nests_counts() {
        for flat in [
            "<p>x".repeat(10_000),
            "<div><b>x</b></div>".repeat(10_000),
            "<ul>".to_owned() + &"<li>x<br>".repeat(10_000),
            format!("<script>{}</SCRIPT><p>", "'<div>'".repeat(10_000)),
            format!("<script>{}", "<div>".repeat(10_000)),
            "a < b ".repeat(10_000),
        ] {
            assert!(!is_too_deep(&flat), "{}", &flat[..40]);
        }
        for deep in [
            "<div>".repeat(1_000),
            "<div></b>".repeat(1_000),
            "<B>".repeat(1_000),
            "<tr><td><table>".repeat(1_000),
            "<p><font>".repeat(1_000),
        ] {
            assert!(is_too_deep(&deep), "{}", &deep[..9]);
        }
    }
}
