//! Hides secrets in what a command says, as it comes: what is kept of it, and wherever that is cut, has none in it.
//!
//! Invariant: an end that may be the beginning of a secret waits for what follows it, and for the end of the command at
//! the longest.
use openclaw_plugin_api::Secret;

/// What stands for a secret that a command was given and says.
pub(super) const HIDDEN: &str = "[hidden]";
/// Shorter ones would hide words of every text.
const MIN_HIDDEN: usize = 8;

/// What is hidden, and what waits.
#[derive(Default)]
pub(super) struct Veil {
    secrets: Vec<Secret>,
    /// The beginning of a secret, as far as anybody can tell.
    held: Vec<u8>,
}

impl Veil {
    pub(super) fn new(secrets: &[Secret]) -> Self {
        let long = secrets.iter().filter(|secret| is_hidden(secret));
        // a terminal writes line ends in its own way
        let ways = long.flat_map(|secret| {
            let on_screen = secret.expose().replace('\n', "\r\n");
            let differs = on_screen != secret.expose();
            [Some(secret.clone()), differs.then(|| Secret::new(on_screen))]
        });
        let mut secrets: Vec<_> = ways.flatten().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self {
            secrets,
            held: Vec::new(),
        }
    }

    /// What may be kept by now, when this was said.
    pub(super) fn pass(&mut self, said: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(said);
        self.release(false)
    }

    /// What waited. Nothing more comes.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.release(true)
    }

    fn release(&mut self, is_end: bool) -> Vec<u8> {
        let mut begins = [false; 256];
        for first in self
            .secrets
            .iter()
            .filter_map(|secret| secret.expose().as_bytes().first())
        {
            begins[usize::from(*first)] = true;
        }
        let (mut shown, mut at) = (Vec::with_capacity(self.held.len()), 0);
        while at < self.held.len() {
            let rest = &self.held[at..];
            let plain = rest
                .iter()
                .take_while(|byte| !begins[usize::from(**byte)])
                .count();
            if plain > 0 {
                shown.extend_from_slice(&rest[..plain]);
                at += plain;
                continue;
            }
            let mut secrets = self.secrets.iter().map(|secret| secret.expose().as_bytes());
            // the longest come first: a longer one may be on its way where a shorter one is complete
            match secrets.find(|secret| rest.starts_with(secret) || !is_end && secret.starts_with(rest)) {
                Some(secret) if rest.starts_with(secret) => {
                    shown.extend_from_slice(HIDDEN.as_bytes());
                    at += secret.len();
                }
                Some(_) => break,
                None => {
                    shown.push(rest[0]);
                    at += 1;
                }
            }
        }
        self.held.drain(..at);
        shown
    }
}

/// Without what it hides.
impl std::fmt::Debug for Veil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Veil").finish_non_exhaustive()
    }
}

/// Is it long enough to be hidden?
pub(super) fn is_hidden(secret: &Secret) -> bool {
    secret.expose().len() >= MIN_HIDDEN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn a_secret_is_hidden_however_it_comes() {
        let secrets = ["sk-0123456789", "sk-0123456789-and-more", "two\nlines", "short"].map(Secret::new);
        let said = "a sk-0123456789 b sk-sk-0123456789-and-more two\nlines two\r\nlines sk-01 short";
        let expected = "a [hidden] b sk-[hidden] [hidden] [hidden] sk-01 short";
        for size in 1..said.len() {
            let mut veil = Veil::new(&secrets);
            let pieces = said.as_bytes().chunks(size);
            let mut shown: Vec<_> = pieces.flat_map(|piece| veil.pass(piece)).collect();
            shown.extend(veil.finish());
            assert_eq!(text(shown), expected, "{size} at once");
        }
    }

    #[test]
    fn nothing_waits_but_the_beginning_of_a_secret() {
        let mut veil = Veil::new(&[Secret::new("sk-0123456789")]);
        assert_eq!(text(veil.pass(b"> ")), "> ");
        assert_eq!(text(veil.pass(b"the key is sk-01")), "the key is ");
        assert_eq!(text(veil.pass(b"2 no")), "sk-012 no");
        assert_eq!(text(veil.pass(b"sk-0123456789")), "[hidden]");
        assert_eq!(text(veil.pass(b"sk-")), "");
        assert_eq!(text(veil.finish()), "sk-");
        assert!(!format!("{veil:?}").contains("sk-"));
    }
}
