//! Fenced blocks of Markdown, line by line. It knows where a block begins and ends and nothing of what is in it.

/// A fenced block that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The line that opened it, with its language.
    pub opening: String,
    /// The line that closes it.
    pub closing: String,
}

/// The block that is open after `line`, if `open` was open before it.
pub fn after_line(line: &str, open: Option<Fence>) -> Option<Fence> {
    let line = line.trim_end();
    let body = line.trim_start_matches(' ');
    let indent = line.len() - body.len();
    let Some(mark) = body.chars().next().filter(|c| matches!(c, '`' | '~')) else {
        return open;
    };
    let width = body.chars().take_while(|c| *c == mark).count();
    let rest = &body[width..];
    if width < 3 || indent > 3 {
        return open;
    }
    match open {
        Some(fence) => {
            let marker = fence.closing.trim_start();
            let closes = rest.is_empty() && marker.starts_with(mark) && width >= marker.len();
            (!closes).then_some(fence)
        }
        None if mark == '`' && rest.contains('`') => None,
        None => Some(Fence {
            opening: line.to_owned(),
            closing: line[..indent + width].to_owned(),
        }),
    }
}

/// The block that is open after `text`. A first line that is only the end of a line opens and closes nothing.
pub fn after_text(text: &str, mut open: Option<Fence>, line_start: bool) -> Option<Fence> {
    for (n, line) in text.lines().enumerate() {
        if n > 0 || line_start {
            open = after_line(line, open);
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_open_and_close() {
        let cases = [
            ("```rust\nx", Some("```")),
            ("```rust\nx\n```", None),
            ("~~~\n```\n", Some("~~~")),
            ("````\n```\n", Some("````")),
            ("```\n````", None),
            ("    ```\n", None),
            ("  ```py\n", Some("  ```")),
            ("```inline` no\n", None),
            ("``\n", None),
            ("```a\n```b\n", Some("```")),
        ];
        for (text, closing) in cases {
            let fence = after_text(text, None, true);
            assert_eq!(fence.as_ref().map(|f| f.closing.as_str()), closing, "{text:?}");
        }
        assert_eq!(after_text("```\n", None, false), None);
    }
}
