//! Pictures by their first bytes; a name proves nothing.

/// Bytes that [`mime_type`] looks at.
pub const HEAD: usize = 16;
/// Largest picture that a model is shown, bytes.
pub const MAX: u64 = 5 << 20;

/// What kind of picture begins like this.
pub fn mime_type(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::mime_type;

    #[test]
    fn the_first_bytes_decide() {
        assert_eq!(mime_type(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(mime_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(mime_type(b"GIF89a"), Some("image/gif"));
        assert_eq!(mime_type(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [&b"RIFF\0\0\0\0WAVE"[..], b"PNG", b"", b"GIF88a"] {
            assert_eq!(mime_type(other), None);
        }
    }
}
