//! The one reading of a request's path.
//!
//! Invariant: a path that two readers could understand differently has no reading at all. So it is decoded once, and
//! what would be a separator, a step upwards or another escape after that is refused.
use super::limits::MAX_PATH;

/// The path that is meant, decoded. `None`: it is refused.
pub(super) fn canonical(raw: &str) -> Option<String> {
    if !raw.starts_with('/') || raw.len() > MAX_PATH {
        return None;
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let byte = hex(bytes.next()?)? << 4 | hex(bytes.next()?)?;
        // an escaped separator, or an escape that somebody might decode again
        if matches!(byte, b'/' | b'\\' | b'%') {
            return None;
        }
        decoded.push(byte);
    }
    let path = String::from_utf8(decoded).ok()?;
    let ambiguous = path.contains("//") || path.contains('\\') || path.chars().any(char::is_control);
    (!ambiguous && !path.split('/').any(is_step)).then_some(path)
}

/// `.` and `..`, with or without the parameters that some servers cut off.
fn is_step(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or_default();
    matches!(name, "." | "..")
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_is_itself_and_an_escape_is_decoded_once() {
        for path in [
            "/",
            "/hook",
            "/hook/",
            "/a/b.c",
            "/a/...",
            "/a/..b",
            "/~a/-_.!$&'()*+,;=:@",
            "/a;b",
        ] {
            assert_eq!(canonical(path).as_deref(), Some(path));
        }
        for (raw, meant) in [
            ("/%68ook", "/hook"),
            ("/h%6Fok", "/hook"),
            ("/a%20b", "/a b"),
            ("/%C3%A4", "/ä"),
        ] {
            assert_eq!(canonical(raw).as_deref(), Some(meant), "{raw}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let corpus = [
            "",
            "hook",
            "*",
            "//",
            "//hook",
            "/hook//",
            "/a//b",
            "/./hook",
            "/hook/.",
            "/../hook",
            "/a/../hook",
            "/hook/..",
            "/%2e/hook",
            "/%2E%2E/hook",
            "/a/.%2e/hook",
            "/a/%2e./hook",
            "/a%2fhook",
            "/a%2Fhook",
            "/%2fhook",
            "/a%5chook",
            "/a%5Chook",
            "/a\\hook",
            "/..\\hook",
            "/%252fhook",
            "/%252e%252e/hook",
            "/%25",
            "/100%25",
            "/hook%00",
            "/hook%0a",
            "/hook%0d%0aX: y",
            "/hook%7f",
            "/hook%",
            "/hook%2",
            "/hook%zz",
            "/hook%+1",
            "/%u002f",
            "/%c0%af",
            "/%e0%80%af",
            "/%ff",
            "/a/..;/hook",
            "/a/.;x=y/hook",
            "/a/..;x",
            "/%c2%85",
        ];
        for raw in corpus {
            assert_eq!(canonical(raw), None, "{raw}");
        }
        assert!(canonical(&format!("/{}", "a".repeat(MAX_PATH))).is_none());
    }
}
