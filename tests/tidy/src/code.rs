//! Source text without comments and literals: their characters become spaces, so lines and columns stay.
//!
//! It knows exactly as much of Rust as that needs: nested comments, raw strings, and that `'a` may be a lifetime.

/// The code of a Rust file: same lines, with comments, strings and characters blanked.
#[must_use]
pub fn code(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    let mut after_word = false;
    while let Some(first) = rest.chars().next() {
        let length = literal(rest, after_word);
        if length > 0 {
            out.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
            after_word = false;
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            after_word = first.is_alphanumeric() || first == '_';
        }
    }
    out
}

/// The length of the comment or literal that the text begins with; zero if it begins with code.
fn literal(text: &str, after_word: bool) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    if let Some(rest) = text.strip_prefix('"') {
        return 1 + quoted(rest);
    }
    if text.starts_with('\'') {
        return character(text);
    }
    if after_word {
        // The `r` of `for"` or of `var#` opens nothing.
        return 0;
    }
    let prefix = ["br", "cr", "r"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix));
    prefix.map_or(0, |prefix| raw_string(text, prefix.len()))
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length up to and with the closing quote.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// A character's literal; a lifetime or a label is code.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        // The character after the backslash may itself be a quote: the end is behind it.
        (Some((_, '\\')), Some((at, escaped))) => {
            let from = at + escaped.len_utf8();
            text[from..].find('\'').map_or(0, |end| from + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

fn raw_string(text: &str, prefix: usize) -> usize {
    let hashes = text[prefix..].bytes().take_while(|byte| *byte == b'#').count();
    let open = prefix + hashes + 1;
    if text.as_bytes().get(open - 1) != Some(&b'"') {
        // A raw identifier, or a word that begins with `r`.
        return 0;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    text[open..]
        .find(&close)
        .map_or(text.len(), |end| open + end + close.len())
}

#[cfg(test)]
mod tests {
    use super::code;

    /// What is left of a line, without the spaces.
    fn left(source: &str) -> String {
        let blanked = code(source);
        assert_eq!(blanked.lines().count(), source.lines().count());
        blanked.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_are_no_code() {
        assert_eq!(left("a // b\nc /* d /* e */ f */ g"), "a c g");
        assert_eq!(left("a /* never closed"), "a");
    }

    #[test]
    fn strings_are_no_code() {
        assert_eq!(left(r#"a("b // \" c", 1)"#), "a( , 1)");
        assert_eq!(left(r##"a(r#"b " c"#, br"d", b"e", c"f")"##), "a( , , b , c )");
        assert_eq!(left("a(\"two\nlines\")b"), "a( )b");
    }

    #[test]
    fn words_that_look_like_prefixes_are_code() {
        assert_eq!(left("r#type var for r br cr"), "r#type var for r br cr");
        assert_eq!(left("color\"x\"y"), "color y");
    }

    #[test]
    fn lifetimes_are_code_and_characters_are_not() {
        assert_eq!(
            left("fn f<'a>(x: &'a str) { '\"' '\\'' '\\\\' '\\u{1f}' 'ä' b'x' }"),
            "fn f<'a>(x: &'a str) { b }"
        );
        assert_eq!(left("'outer: loop { unsafe {} }"), "'outer: loop { unsafe {} }");
    }
}
