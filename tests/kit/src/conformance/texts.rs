//! Long answers in pieces: nothing is lost, fences are closed in every piece, and limits are kept, in any script.
use super::{ADA, ChannelPeer, Event, Gateway, PATIENCE, Place, Stage};
use crate::rng::{Rng, fresh_seed};

/// Answers that are tried.
const ANSWERS: usize = 8;
/// Ends each answer, so that its last piece is known.
const END: &str = "the end of number";

/// Pieces of which answers are made; between them is one of [`BETWEEN`].
const WORDS: &[&str] = &[
    "word",
    "https://example.org/a/rather/long/path?with=a&query=1#and-a-fragment",
    "ünïcödé",
    "漢字かな交じり文",
    "👩‍👩‍👧‍👦",
    "🇩🇪",
    "e\u{301}\u{301}",
    "مرحبا",
    "**bold**",
    "*slanted*",
    "`code`",
    "~~gone~~",
    "[link](https://example.org/x)",
    "<tag>",
    "a&b",
    "1.",
    "-",
    "#",
    "x_y_z",
    "|",
    "\\",
];
const BETWEEN: &[&str] = &[" ", " ", " ", " ", " ", "\n", "\n\n", "  "];

/// Answers of all lengths around the limit, made from a seed that the test prints.
pub async fn long_answers<P: ChannelPeer, G: Gateway>() {
    let seed = std::env::var("OPENCLAW_KIT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(fresh_seed);
    println!("OPENCLAW_KIT_SEED={seed} makes the same answers again");
    let mut rng = Rng::new(seed);
    let stage = Stage::<P, G>::open().await;
    stage.chat(ADA, "a short one").await;
    for number in 0..ANSWERS {
        let length = P::TEXT_LIMIT * (1 + number) / 3;
        let answer = format!("{}\n\n{END} {number},", text(&mut rng, length));
        let before = stage.peer.sent().len();
        stage.gateway.answers(&answer);
        stage
            .peer
            .happens(&Event::message(Place::Private, ADA, "tell me more"));
        stage.said(before, &format!("{END} {number},")).await;
        let sent = &stage.peer.sent()[before..];
        for piece in sent {
            let length = P::length(&piece.text);
            assert!(length <= P::TEXT_LIMIT, "a piece of {length}: {:?}", piece.raw);
            assert!(P::is_whole(piece), "broken markup: {:?}", piece.raw);
        }
        let shown: String = sent.iter().map(|piece| piece.text.as_str()).collect();
        let (wanted, got) = (essence(&answer), essence(&shown));
        let same = wanted
            .chars()
            .zip(got.chars())
            .take_while(|(a, b)| a == b)
            .count();
        assert_eq!(wanted, got, "from {same} on something is lost or added");
    }
    stage.end().await;
}

impl<P: ChannelPeer, G: Gateway> Stage<P, G> {
    /// Waits until the messages after the first `before` say this, whichever of its words a new message begins with.
    async fn said(&self, before: usize, words: &str) {
        let found = self.peer.until(|peer| {
            let sent = peer.sent();
            said(sent.get(before..)?.iter().map(|piece| piece.text.as_str()), words).then_some(())
        });
        if tokio::time::timeout(PATIENCE, found).await.is_err() {
            let sent = &self.peer.sent()[before..];
            panic!("nobody said {words:?}; it sent {sent:#?}\n{}", self.gateway.log());
        }
    }
}

/// Do these messages, read one after the other, say this?
fn said<'a>(pieces: impl Iterator<Item = &'a str>, words: &str) -> bool {
    let all: Vec<_> = pieces.flat_map(str::split_whitespace).collect();
    all.join(" ").contains(words)
}

/// Markdown of about this length: prose, lists and fenced code.
fn text(rng: &mut Rng, length: usize) -> String {
    let mut text = String::new();
    while text.chars().count() < length {
        if rng.below(12) == 0 {
            text.push_str("\n\n```rust\n");
            for line in 0..rng.below(30) {
                text.push_str(&format!("let line_{line} = \"{}\";\n", "x".repeat(rng.below(60))));
            }
            text.push_str("```\n\n");
        } else if rng.below(40) == 0 {
            text.push_str(&"unbroken".repeat(rng.below(300)));
        }
        text.push_str(WORDS[rng.below(WORDS.len())]);
        text.push_str(BETWEEN[rng.below(BETWEEN.len())]);
    }
    text
}

/// What must not get lost: letters and digits outside of markup. How a language is named, where a link leads and how a
/// list counts its items may be shown in other ways.
fn essence(text: &str) -> String {
    let text = text.replace("```rust", "").replace("(https://example.org/x)", "");
    let mut essence = String::new();
    for c in text.chars() {
        if c == '.' {
            essence.truncate(essence.trim_end_matches(|c: char| c.is_ascii_digit()).len());
        } else if c.is_alphanumeric() || c > '\u{2190}' {
            essence.push(c);
        }
    }
    essence
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_cut_between_two_words_hides_nothing() {
        let words = format!("{END} 3,");
        assert!(said(["all of it\nthe end", "of number 3,"].into_iter(), &words));
        assert!(!said(["all of it\nthe end", "of number 2,"].into_iter(), &words));
    }

    #[test]
    fn the_essence_is_the_same_in_pieces_and_another_without_a_word() {
        let whole = "**one** ```rust\ntwo``` three";
        assert_eq!(essence(whole), essence("one\n```\ntwo\n```three"));
        assert_ne!(essence(whole), essence("one three"));
        assert_eq!(essence("1. one\n1. two"), essence("1. one\n2. two"));
        assert_ne!(essence("line_1 one"), essence("line_2 one"));
    }
}
