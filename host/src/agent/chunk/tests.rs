//! What a text looks like after it was cut.
use super::*;
use proptest::prelude::*;

fn cut(text: &str, limit: usize) -> Vec<String> {
    let limits = Limits {
        limit,
        ..Limits::default()
    };
    chunk(text, &limits)
}

fn ink(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn cuts_where_a_reader_would() {
    let cases: &[(&str, usize, &[&str])] = &[
        ("", 10, &[]),
        ("  \n ", 10, &[]),
        ("short", 10, &["short"]),
        ("any length", 0, &["any length"]),
        ("one two three", 8, &["one two", "three"]),
        ("one two", 3, &["one", "two"]),
        ("first\nsecond third", 14, &["first", "second third"]),
        ("a b\n\n\n  c d", 5, &["a b", "  c d"]),
        ("abcdefgh", 3, &["abc", "def", "gh"]),
        ("x [a](b c d) e", 10, &["x", "[a](b c d)", "e"]),
        ("x\r\ny z", 3, &["x", "y z"]),
    ];
    for (text, limit, expected) in cases {
        assert_eq!(cut(text, *limit), *expected, "{text:?} at {limit}");
    }
}

#[test]
fn an_open_parenthesis_does_not_forbid_all_cuts() {
    assert_eq!(cut("(one two three", 8), ["(one two", "three"]);
}

#[test]
fn fences_are_closed_and_opened_again() {
    let text = "Look:\n```rust\nlet a = 1;\nlet b = 2;\nlet c = 3;\n```\nDone.";
    let chunks = cut(text, 32);
    assert_eq!(
        chunks,
        [
            "Look:\n```rust\nlet a = 1;\n```",
            "```rust\nlet b = 2;\n```",
            "```rust\nlet c = 3;\n```\nDone."
        ]
    );
    assert!(chunks.iter().all(|chunk| length(chunk, Unit::Chars) <= 32));
}

#[test]
fn a_fence_keeps_its_indentation_and_blank_lines() {
    let text = "```\nif x:\n\n    y = 1\n    z = 2\n```";
    let chunks = cut(text, 24);
    assert_eq!(chunks, ["```\nif x:\n\n    y = 1\n```", "```\n    z = 2\n```"]);
}

#[test]
fn paragraphs_become_messages() {
    let limits = Limits {
        limit: 20,
        mode: Mode::Newline,
        ..Limits::default()
    };
    let text = "one\ntwo\n\n\nthree\n\n```\na\n\nb\n```\n\nfour";
    assert_eq!(
        chunk(text, &limits),
        ["one\ntwo", "three", "```\na\n\nb\n```", "four"]
    );
}

#[test]
fn what_a_reader_sees_as_one_stays_one() {
    let family = "👨‍👩‍👧";
    assert_eq!(cut(&family.repeat(3), 11), [family.repeat(2), family.into()]);
    let limits = Limits {
        limit: 5,
        unit: Unit::Utf16,
        ..Limits::default()
    };
    assert_eq!(chunk("😀😀😀", &limits), ["😀😀", "😀"]);
    assert_eq!(
        chunk("e\u{301}e\u{301}e\u{301}", &limits),
        ["e\u{301}e\u{301}", "e\u{301}"]
    );
}

/// Texts of what cutting may trip over.
fn texts() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,12}",
        Just("```rust\n".to_owned()),
        Just("\n```\n".to_owned()),
        Just("~~~".to_owned()),
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("\r\n".to_owned()),
        Just(" ".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just("👨‍👩‍👧".to_owned()),
        Just("e\u{301}".to_owned()),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_is_said_twice(
        text in texts(), limit in 1_usize..80, utf16: bool, newline: bool,
    ) {
        let limits = Limits {
            limit,
            unit: if utf16 { Unit::Utf16 } else { Unit::Chars },
            lines: 0,
            mode: if newline { Mode::Newline } else { Mode::Length },
        };
        let parts = if newline { paragraphs(&text) } else { vec![text.as_str()] };
        let bodies: String = parts.iter().flat_map(|part| pieces(part, &limits)).map(|piece| ink(piece.body)).collect();
        prop_assert_eq!(bodies, ink(&text));
        for message in chunk(&text, &limits) {
            prop_assert!(!message.trim().is_empty());
            prop_assert!(length(&message, limits.unit) <= limit.max(2), "{:?} at {}", message, limit);
        }
    }

    #[test]
    fn fences_stay_whole(text in "[a-z (\n]{0,200}", limit in 40_usize..80) {
        let text = format!("intro\n\n```rust\n{text}\n```\nend");
        for message in cut(&text, limit) {
            prop_assert_eq!(fence::after_text(&message, None, true), None, "{:?}", message);
        }
    }
}
