//! Keys by their names, as a terminal sends them.

/// Keys with a name.
const NAMED: &[(&str, &str)] = &[
    ("enter", "\r"),
    ("return", "\r"),
    ("tab", "\t"),
    ("btab", "\x1b[Z"),
    ("escape", "\x1b"),
    ("esc", "\x1b"),
    ("space", " "),
    ("backspace", "\x7f"),
    ("bspace", "\x7f"),
    ("delete", "\x1b[3~"),
    ("dc", "\x1b[3~"),
    ("insert", "\x1b[2~"),
    ("ic", "\x1b[2~"),
    ("up", "\x1b[A"),
    ("down", "\x1b[B"),
    ("right", "\x1b[C"),
    ("left", "\x1b[D"),
    ("home", "\x1b[H"),
    ("end", "\x1b[F"),
    ("pageup", "\x1b[5~"),
    ("pgup", "\x1b[5~"),
    ("ppage", "\x1b[5~"),
    ("pagedown", "\x1b[6~"),
    ("pgdn", "\x1b[6~"),
    ("npage", "\x1b[6~"),
    ("f1", "\x1bOP"),
    ("f2", "\x1bOQ"),
    ("f3", "\x1bOR"),
    ("f4", "\x1bOS"),
    ("f5", "\x1b[15~"),
    ("f6", "\x1b[17~"),
    ("f7", "\x1b[18~"),
    ("f8", "\x1b[19~"),
    ("f9", "\x1b[20~"),
    ("f10", "\x1b[21~"),
    ("f11", "\x1b[23~"),
    ("f12", "\x1b[24~"),
];

/// What a terminal sends for a key: `Enter`, `C-c`, `^c`, `M-x`, `Up`, or a character. None: there is no such key.
pub fn encode(key: &str) -> Option<Vec<u8>> {
    let mut letters = key.chars();
    if let (Some(letter), None) = (letters.next(), letters.next()) {
        return Some(letter.to_string().into_bytes());
    }
    let after = |prefixes: &[&str]| prefixes.iter().find_map(|prefix| key.strip_prefix(prefix));
    if let Some(rest) = after(&["M-", "m-", "Alt-", "alt-"]) {
        let mut bytes = vec![0x1b];
        bytes.extend(encode(rest)?);
        return Some(bytes);
    }
    if let Some(rest) = after(&["C-", "c-", "^", "Ctrl-", "ctrl-"]) {
        return match encode(rest)?.as_slice() {
            [byte @ (b'a'..=b'z' | b'A'..=b'Z' | b'@' | b'['..=b'_')] => Some(vec![byte & 0x1f]),
            [b' '] => Some(vec![0]),
            [b'?'] => Some(vec![0x7f]),
            [0x1b, rest @ ..] => encode(&format!("C-{}", std::str::from_utf8(rest).ok()?)).map(|bytes| {
                let mut all = vec![0x1b];
                all.extend(bytes);
                all
            }),
            _ => None,
        };
    }
    let name = key.to_ascii_lowercase();
    let (_, sent) = NAMED.iter().find(|(known, _)| *known == name)?;
    Some(sent.as_bytes().to_vec())
}

/// Bytes written as pairs of hex digits.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_whole = digits.len().is_multiple_of(2) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    (0..digits.len())
        .step_by(2)
        .map(|at| is_whole.then(|| pair(at))?)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for (key, sent) in [
            ("Enter", "\r"),
            ("C-c", "\x03"),
            ("^D", "\x04"),
            ("ctrl-z", "\x1a"),
            ("M-x", "\x1bx"),
            ("Up", "\x1b[A"),
            ("F5", "\x1b[15~"),
            ("é", "é"),
            ("C-M-a", "\x1b\x01"),
            ("C-Space", "\0"),
        ] {
            assert_eq!(encode(key).as_deref(), Some(sent.as_bytes()), "{key}");
        }
        for none in ["", "Nothing", "C-", "C-Up", "M-"] {
            assert_eq!(encode(none), None, "{none:?}");
        }
    }

    #[test]
    fn hex() {
        assert_eq!(from_hex("1b5b41"), Some(b"\x1b[A".to_vec()));
        assert_eq!(from_hex("0x03"), Some(vec![3]));
        for none in ["1", "zz", "1b5", "é1", "+1"] {
            assert!(from_hex(none).is_none(), "{none}");
        }
    }
}
