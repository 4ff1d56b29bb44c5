//! Markdown in all its forms.
use super::*;
use crate::outbound::writer::units;

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
fn a_link_in_a_table_keeps_its_address() {
    let table = "| a |\n|---|\n| [x](https://e.org/1) |\n| <https://e.org> |";
    assert_eq!(
        render(table, 4096, TableMode::Bullets)[0].html,
        "• a: x (https://e.org/1)\n• a: https://e.org"
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
        assert!(chunk.html.ends_with("1;</code></pre>") && units(&chunk.html) <= 300);
    }
}

#[test]
fn without_formatting_links_keep_their_address() {
    let chunk = &render("[here](https://e.org) **b** https://e.org", 4096, TableMode::Code)[0];
    assert_eq!(chunk.plain, "here (https://e.org) b https://e.org");
}

#[test]
fn whatever_is_written_telegram_takes_it() {
    let pieces = [
        "**",
        "*",
        "_",
        "~~",
        "||",
        "`",
        "```\n",
        "```rs\n",
        "[x](https://e.org/?a&b)",
        "[",
        "](",
        "<b>",
        "</b>",
        "&amp;",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "> ",
        "# ",
        "| a | b |\n|---|---|\n| c |\n",
        "a.md ",
        "🦀",
        "word ",
        "\\",
        "!",
        "---\n",
    ];
    let fake = openclaw_fakes::telegram::Telegram::offline();
    let path = format!("/bot{}/sendMessage", openclaw_fakes::telegram::Telegram::TOKEN);
    // The same texts in every run: a linear congruence is random enough to nest everything in everything.
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    for _ in 0..2_000 {
        let text: String = (0..1 + next(60)).map(|_| pieces[next(pieces.len())]).collect();
        for limit in [120, 4096] {
            for chunk in render(&text, limit, TableMode::Code) {
                assert!(units(&chunk.html) <= limit, "{text:?}: {chunk:?}");
                let body = serde_json::json!({ "chat_id": 7, "text": chunk.html, "parse_mode": "HTML" });
                let reply = fake.exchange(&path, "application/json", body.to_string().as_bytes());
                assert_eq!(
                    reply.status,
                    200,
                    "{text:?}: {chunk:?}: {}",
                    String::from_utf8_lossy(&reply.body)
                );
            }
        }
    }
}
