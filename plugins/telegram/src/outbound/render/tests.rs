//! Markdown in all its forms.
use super::*;

fn html(markdown: &str) -> String {
    let chunks = render(markdown, 4096, TableMode::Code);
    assert_eq!(chunks.len(), 1, "{chunks:?}");
    chunks[0].html.clone()
}

#[test]
fn each_form_has_its_tag() {
    for (markdown, expected) in [
        (
            "**b** *i* ~~s~~ `c<d`",
            "<b>b</b> <i>i</i> <s>s</s> <code>c&lt;d</code>",
        ),
        ("# Head\ntext", "<b>Head</b>\n\ntext"),
        ("> quoted\n\nnot", "<blockquote>quoted</blockquote>\n\nnot"),
        (
            "```rust\nlet x = 1 < 2;\n```",
            "<pre><code class=\"language-rust\">let x = 1 &lt; 2;</code></pre>",
        ),
        ("```\nplain\n```", "<pre>plain</pre>"),
        (
            "a ||hidden **b**|| c",
            "a <tg-spoiler>hidden <b>b</b></tg-spoiler> c",
        ),
        ("a || b", "a || b"),
        (
            "[x](https://e.org/?a=1&b=\"2\")",
            "<a href=\"https://e.org/?a=1&amp;b=&quot;2&quot;\">x</a>",
        ),
        (
            "[x](https://e.org/?a=1&b)",
            "<a href=\"https://e.org/?a=1&amp;b\">x</a>",
        ),
        ("[x](javascript:alert(1))", "x (javascript:alert(1))"),
        ("- a\n- b\n  - c\n\n1. x\n2. y", "• a\n• b\n   • c\n\n1. x\n2. y"),
        ("one\ntwo\n\nthree", "one\ntwo\n\nthree"),
        (
            "see README.md, or e.org.",
            "see <code>README.md</code>, or e.org.",
        ),
        ("<b>raw</b>", "&lt;b&gt;raw&lt;/b&gt;"),
        ("---", "---"),
    ] {
        assert_eq!(html(markdown), expected, "{markdown}");
    }
}

#[test]
fn tables_are_aligned_listed_or_left() {
    let table = "| a | long |\n|---|---|\n| 1 | x |";
    assert_eq!(html(table), "<pre>a | long\n--+-----\n1 | x</pre>");
    assert_eq!(render(table, 4096, TableMode::Bullets)[0].html, "• a: 1; long: x");
    assert_eq!(
        render(table, 4096, TableMode::Off)[0].html,
        "| a | long |\n| 1 | x |"
    );
}

#[test]
fn code_that_is_cut_is_code_in_every_message() {
    let chunks = render(
        &format!("```rust\n{}```", "let x = 1;\n".repeat(100)),
        300,
        TableMode::Code,
    );
    assert!(chunks.len() > 3);
    for chunk in &chunks {
        assert!(
            chunk.html.starts_with("<pre><code class=\"language-rust\">let"),
            "{}",
            chunk.html
        );
        assert!(
            chunk.html.ends_with("1;</code></pre>") && crate::outbound::writer::units(&chunk.html) <= 300
        );
    }
}

#[test]
fn without_formatting_links_keep_their_address() {
    let chunk = &render("[here](https://e.org) **b** https://e.org", 4096, TableMode::Code)[0];
    assert_eq!(chunk.plain, "here (https://e.org) b https://e.org");
}
