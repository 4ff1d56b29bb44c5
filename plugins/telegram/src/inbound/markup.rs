//! Telegram's entities to Markdown. Offsets count UTF-16 units; what lies outside the text is ignored.
use crate::api::Entity;

/// The part of a text that an entity covers.
pub(super) fn slice<'a>(text: &'a str, entity: &Entity) -> Option<&'a str> {
    let begin = byte_of(text, entity.offset)?;
    let end = byte_of(text, entity.offset.checked_add(entity.length)?)?;
    text.get(begin..end)
}

/// A text with its formatting as Markdown.
pub(super) fn to_markdown(text: &str, entities: &[Entity]) -> String {
    // Position, and whether it opens: at one place what closes comes first, and the inner closes before the outer.
    let mut marks: Vec<(usize, bool, (usize, usize), String)> = Vec::new();
    let mut quotes: Vec<(usize, usize)> = Vec::new();
    for (n, entity) in entities.iter().enumerate() {
        let Some(covered) = slice(text, entity).filter(|covered| !covered.trim().is_empty()) else {
            continue;
        };
        let begin = offset_in(text, covered);
        if matches!(entity.kind.as_str(), "blockquote" | "expandable_blockquote") {
            quotes.push((begin, begin + covered.len()));
            continue;
        }
        let Some((open, close)) = pair(entity, covered) else {
            continue;
        };
        // Marks don't count beside white space.
        let (begin, length) = if entity.kind == "pre" || entity.kind == "code" {
            (begin, covered.len())
        } else {
            (
                begin + covered.len() - covered.trim_start().len(),
                covered.trim().len(),
            )
        };
        marks.push((begin, true, (usize::MAX - length, n), open));
        marks.push((begin + length, false, (length, usize::MAX - n), close));
    }
    marks.sort_by_key(|(place, opens, rank, _)| (*place, *opens, *rank));
    let mut out = String::with_capacity(text.len() + marks.len() * 2);
    let mut marks = marks.into_iter().peekable();
    for (at, c) in text
        .char_indices()
        .map(|(at, c)| (at, Some(c)))
        .chain([(text.len(), None)])
    {
        while let Some((_, _, _, mark)) = marks.next_if(|(place, ..)| *place <= at) {
            out += &mark;
        }
        let Some(c) = c else { break };
        let is_line_start = at == 0 || text.as_bytes()[at - 1] == b'\n';
        let is_quoted = quotes.iter().any(|(begin, end)| (*begin..*end).contains(&at));
        if is_quoted && (is_line_start || quotes.iter().any(|(begin, _)| *begin == at)) {
            out += "> ";
        }
        out.push(c);
    }
    out
}

fn pair(entity: &Entity, covered: &str) -> Option<(String, String)> {
    let same = |mark: &str| Some((mark.to_owned(), mark.to_owned()));
    match entity.kind.as_str() {
        "bold" => same("**"),
        "italic" => same("_"),
        "strikethrough" => same("~~"),
        "spoiler" => same("||"),
        "code" => same(if covered.contains('`') { "``" } else { "`" }),
        "pre" => {
            let fence = if covered.contains("```") { "````" } else { "```" };
            Some((format!("{fence}{}\n", entity.language), format!("\n{fence}")))
        }
        "text_link" if !entity.url.is_empty() => Some(("[".into(), format!("]({})", entity.url))),
        _ => None,
    }
}

/// The byte at which so many UTF-16 units have passed.
fn byte_of(text: &str, units: usize) -> Option<usize> {
    let mut passed = 0;
    for (at, c) in text.char_indices() {
        if passed >= units {
            return (passed == units).then_some(at);
        }
        passed += c.len_utf16();
    }
    (passed == units).then_some(text.len())
}

fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(kind: &str, offset: usize, length: usize) -> Entity {
        Entity {
            kind: kind.into(),
            offset,
            length,
            ..Entity::default()
        }
    }

    #[test]
    fn formatting_becomes_markdown_and_units_are_utf16() {
        let text = "🦀 bold and code";
        let entities = [entity("bold", 3, 4), entity("code", 12, 4)];
        assert_eq!(to_markdown(text, &entities), "🦀 **bold** and `code`");
        let mut link = entity("text_link", 0, 4);
        link.url = "https://example.org/".into();
        assert_eq!(
            to_markdown("here it is", &[link]),
            "[here](https://example.org/) it is"
        );
        let mut pre = entity("pre", 0, 9);
        pre.language = "rust".into();
        assert_eq!(to_markdown("let x = 1", &[pre]), "```rust\nlet x = 1\n```");
        assert_eq!(
            to_markdown("a\nb\nc", &[entity("blockquote", 0, 3)]),
            "> a\n> b\nc"
        );
    }

    #[test]
    fn marks_nest_and_stay_off_white_space() {
        assert_eq!(
            to_markdown("ab", &[entity("bold", 0, 2), entity("italic", 0, 2)]),
            "**_ab_**"
        );
        assert_eq!(to_markdown("a b", &[entity("bold", 0, 2)]), "**a** b");
        assert_eq!(
            to_markdown("abc", &[entity("bold", 0, 1), entity("italic", 1, 1)]),
            "**a**_b_c"
        );
    }

    #[test]
    fn what_lies_outside_the_text_is_ignored() {
        for (offset, length) in [(0, 99), (99, 1), (1, usize::MAX), (1, 1)] {
            assert_eq!(to_markdown("🦀x", &[entity("bold", offset, length)]), "🦀x");
        }
    }
}
