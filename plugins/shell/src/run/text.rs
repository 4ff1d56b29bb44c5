//! What a command said, as a model can read it: without what only a screen understands.

/// Removes escape sequences and control characters; line ends become plain ones.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => skip_sequence(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => plain.push('\n'),
            '\n' | '\t' => plain.push(c),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

fn skip_sequence(chars: &mut std::iter::Peekable<impl Iterator<Item = char>>) {
    match chars.next() {
        // up to its final letter
        Some('[') => while chars.next().is_some_and(|c| !('\x40'..='\x7e').contains(&c)) {},
        // a title or a link: up to its terminator
        Some(']' | 'P' | '^' | '_' | 'X') => {
            while let Some(c) = chars.next() {
                if c == '\x07' || c == '\x1b' && chars.next_if_eq(&'\\').is_some() {
                    break;
                }
            }
        }
        Some('(' | ')' | '*' | '+' | '#' | '%') => drop(chars.next()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn colours_titles_and_bells_go() {
        assert_eq!(
            plain("\x1b[1;31mred\x1b[0m\x07 \x1b]0;title\x07x\x1b]8;;u\x1b\\y\x1b(Bz"),
            "red xyz"
        );
        assert_eq!(plain("a\r\nb\rc\td\0"), "a\nb\nc\td");
        assert_eq!(plain("\x1b["), "");
        assert_eq!(plain("\x1b]never ends"), "");
    }
}
