//! What a command says, bounded: its beginning and its latest end are kept, what is between them is counted. Secrets are
//! hidden before anything is kept.
use super::veil::Veil;
use openclaw_plugin_api::Secret;

/// Bytes that are kept of the beginning.
const HEAD: usize = 64 << 10;
/// Bytes that are kept of the end.
const TAIL: usize = 128 << 10;
/// Bytes that are kept for the next poll.
const UNREAD: usize = 64 << 10;

/// What was said so far.
#[derive(Debug, Default)]
pub struct Output {
    head: Vec<u8>,
    tail: Vec<u8>,
    total: u64,
    unread: Vec<u8>,
    missed: u64,
    veil: Veil,
}

impl Output {
    /// Nothing yet, and none of these will ever be in it.
    pub fn hiding(secrets: &[Secret]) -> Self {
        Self {
            veil: Veil::new(secrets),
            ..Self::default()
        }
    }

    /// More of it.
    pub fn push(&mut self, bytes: &[u8]) {
        let bytes = self.veil.pass(bytes);
        self.keep(&bytes);
    }

    /// That was all of it.
    pub fn finish(&mut self) {
        let rest = self.veil.finish();
        self.keep(&rest);
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = (HEAD - self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        keep_end(&mut self.tail, rest, TAIL);
        self.missed += keep_end(&mut self.unread, bytes, UNREAD);
    }

    /// Bytes in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Is something missing in the middle?
    pub fn is_cut(&self) -> bool {
        self.dropped() > 0
    }

    /// All that is kept.
    pub fn text(&self) -> String {
        let (head, tail) = (
            String::from_utf8_lossy(&self.head),
            String::from_utf8_lossy(&self.tail),
        );
        match self.dropped() {
            // what was cut in two belongs together
            0 => String::from_utf8_lossy(&[self.head.as_slice(), &self.tail].concat()).into_owned(),
            dropped => format!("{head}\n[… {dropped} bytes are left out here …]\n{tail}"),
        }
    }

    /// What was said since this was called last.
    pub fn fresh(&mut self) -> String {
        let fresh = String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned();
        match std::mem::take(&mut self.missed) {
            0 => fresh,
            missed => format!("[… {missed} bytes are left out here …]\n{fresh}"),
        }
    }

    /// Forgets all of it.
    pub fn clear(&mut self) {
        let veil = std::mem::take(&mut self.veil);
        *self = Self {
            veil,
            ..Self::default()
        };
    }

    fn dropped(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }
}

/// Appends, and drops from the front what is too much, a quarter at a time. How much was dropped.
fn keep_end(kept: &mut Vec<u8>, bytes: &[u8], most: usize) -> u64 {
    let before = kept.len() + bytes.len();
    let bytes = &bytes[bytes.len().saturating_sub(most)..];
    kept.extend_from_slice(bytes);
    if kept.len() > most + most / 4 {
        kept.drain(..kept.len() - most);
    }
    (before - kept.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_output_is_whole_and_polled_once() {
        let mut output = Output::default();
        output.push("é".as_bytes());
        assert_eq!(output.fresh(), "é");
        output.push(b"b");
        assert_eq!((output.fresh(), output.fresh()), ("b".into(), String::new()));
        assert_eq!((output.text(), output.total()), ("éb".into(), 3));
    }

    #[test]
    fn no_cut_shows_a_part_of_a_secret() {
        let secret = "a-key-of-a-skill";
        let mut output = Output::hiding(&[Secret::new(secret)]);
        output.push(b"x a-key-");
        assert_eq!(output.fresh(), "x ");
        output.push(b"of-a-skill y");
        assert_eq!(output.fresh(), "[hidden] y");
        output.clear();
        // where the beginning that is kept ends, and anywhere behind it
        output.push(&vec![b'x'; HEAD - 8]);
        for _ in 0..30_000 {
            output.push(secret.as_bytes());
        }
        let (text, fresh) = (output.text(), output.fresh());
        assert!(output.is_cut() && !text.contains("key") && !fresh.contains("key"));
        output.push(b"a-key-");
        output.finish();
        assert!(output.text().ends_with("a-key-"), "it was all that was said");
    }

    #[test]
    fn a_flood_keeps_its_ends_and_no_more() {
        let mut output = Output::default();
        output.push(b"first\n");
        for _ in 0..3000 {
            output.push(&[b'x'; 1000]);
        }
        output.push(b"\nlast");
        let text = output.text();
        assert!(text.starts_with("first\n") && text.ends_with("\nlast") && text.contains("left out"));
        assert!(text.len() < HEAD + TAIL + TAIL / 4 + 100, "{}", text.len());
        assert_eq!((output.total(), output.is_cut()), (3_000_011, true));
        let fresh = output.fresh();
        assert!(fresh.len() < UNREAD + UNREAD / 4 + 100 && fresh.ends_with("last"));
        output.push(&vec![b'y'; 1 << 20]);
        assert!(output.unread.len() <= UNREAD && output.tail.len() <= TAIL + TAIL / 4);
    }

    #[test]
    fn a_character_on_the_seam_stays_whole() {
        let mut output = Output::default();
        output.push(&vec![b'x'; HEAD - 1]);
        output.push("é".as_bytes());
        assert!(output.text().ends_with('é') && !output.is_cut());
    }
}
