//! Tests of the module above.
use serde_json::json;

use super::*;

fn parse(text: &[u8]) -> Result<Value, String> {
    Document::parse(Path::new("f"), text.to_vec())
        .map(|document| document.value)
        .map_err(|error| error.to_string())
}

#[test]
fn reads_json5() {
    let text = b"// c\n{ a: 'x\"y', \"b\": [1, +2, 0x1F, .5, 5., -0xA,], /* d */ c: 1e3, d: 'a\\\nb', e: 18446744073709551615, f: null }";
    assert_eq!(
        parse(text),
        Ok(
            json!({"a": "x\"y", "b": [1, 2, 31, 0.5, 5.0, -10], "c": 1000.0, "d": "ab", "e": u64::MAX, "f": null})
        )
    );
}

#[test]
fn faults_have_a_place() {
    for (text, start, part) in [
        (&b""[..], "f:", "empty"),
        (b"// only\n", "f:", "empty"),
        (b"\xef\xbb\xbf{}", "f:1:1:", "byte-order mark"),
        (b"{\n a: '\0'}", "f:2:6:", "NUL"),
        (b"{\n a: '\xff'}", "f:2:6:", "UTF-8"),
        (
            b"{\n  a: 1,\n  'a': 2 }",
            "f:3:3:",
            "`a` appears a second time, the first is in line 2",
        ),
        (b"{ a: { b: 1, b: 1 } }", "f:1:14:", "`a.b`"),
        (b"{ a: 1 b: 2 }", "f:1:7:", "comma"),
        (b"{ a: \"x\n\", b: 1 }", "f:1:6:", "does not end on its line"),
        (b"{ a: [1, }", "f:1:10:", "close brace"),
        (b"{ a: {", "f:1:6:", "cut off"),
        (b"{ a: NaN }", "f:1:6:", "not finite"),
        (b"{ a: 1e999 }", "f:1:6:", "not finite"),
        (b"{} {}", "f:1:4:", "more than one"),
    ] {
        let error = parse(text).expect_err(&String::from_utf8_lossy(text));
        assert!(error.starts_with(start) && error.contains(part), "{error}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
    assert!(parse(&deep(MAX_DEPTH)).is_ok());
    for levels in [MAX_DEPTH + 2, 400, 100_000] {
        assert!(
            parse(&deep(levels)).unwrap_err().contains("deeper than 100"),
            "{levels}"
        );
    }
    assert!(
        parse(&vec![b' '; MAX_BYTES + 1])
            .unwrap_err()
            .contains("larger than 5 MB")
    );
}

#[test]
fn locates_keys_and_elements() {
    let text = "{\n  a: {\n    'b.c': [\n      1,\n      { é: 2, d: 3 } ] } }";
    for (path, place) in [
        ("a", (2, 3)),
        ("a[\"b.c\"]", (3, 5)),
        ("a[\"b.c\"][1]", (5, 7)),
        ("a[\"b.c\"][1].d", (5, 15)),
    ] {
        assert_eq!(locate(text, &path.parse().unwrap()), Some(place), "{path}");
    }
    assert_eq!(locate(text, &"a.x".parse().unwrap()), None);
}

#[test]
fn a_file_cut_off_anywhere_is_an_error() {
    let text = include_str!("../../../tests/sample-configs/valid/everything.json5")
        .trim_end()
        .as_bytes();
    for end in 0..text.len() {
        assert!(parse(&text[..end]).is_err(), "cut at {end}");
    }
    assert!(parse(text).is_ok());
}
