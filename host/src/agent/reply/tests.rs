//! Answers and what becomes of them.
use super::*;
use proptest::prelude::*;

fn send(text: &str) -> Payload {
    match parse(text, Occasion::Message) {
        Reply::Send(payload) => payload,
        other => panic!("{text:?} is {other:?}"),
    }
}

#[test]
fn directives_are_obeyed_and_not_shown() {
    let id = |id: &str| ReplyTo::Id(id.into());
    let cases = [
        ("[[reply_to_current]] Hi", "Hi", ReplyTo::Current, false),
        ("[[ Reply_To_Current ]]\nHi", "Hi", ReplyTo::Current, false),
        ("Hi [[reply_to:42]] you", "Hi you", id("42"), false),
        ("Hi you [[reply_to: 42 ]]", "Hi you", id("42"), false),
        ("[[reply_to:42]][[reply_to_current]]Hi", "Hi", id("42"), false),
        ("a\n[[audio_as_voice]]\nb", "a\nb", ReplyTo::None, true),
        (
            "`[[reply_to_current]]` is a tag",
            "`[[reply_to_current]]` is a tag",
            ReplyTo::None,
            false,
        ),
        (
            "```\n[[audio_as_voice]]\n```",
            "```\n[[audio_as_voice]]\n```",
            ReplyTo::None,
            false,
        ),
        (
            "see [[wiki]] and [a](b)",
            "see [[wiki]] and [a](b)",
            ReplyTo::None,
            false,
        ),
        ("[[reply_to:]]x", "x", ReplyTo::None, false),
        (
            "  two\n\n  spaces  kept",
            "  two\n\n  spaces  kept",
            ReplyTo::None,
            false,
        ),
    ];
    for (text, said, reply_to, voice) in cases {
        let payload = send(text);
        assert_eq!(payload.text, said, "{text:?}");
        assert_eq!(payload.reply_to, reply_to, "{text:?}");
        assert_eq!(payload.audio_as_voice, voice, "{text:?}");
    }
}

#[test]
fn media_lines_become_files() {
    let path = |path: &str| MediaSource::Path(path.into());
    let url = |url: &str| MediaSource::Url(url.into());
    let cases = [
        ("Look\nMEDIA:/tmp/a.png", "Look", vec![path("/tmp/a.png")]),
        ("MEDIA: ./my cat.png\nthere", "there", vec![path("./my cat.png")]),
        ("MEDIA:`out/a b.png`", "", vec![path("out/a b.png")]),
        ("MEDIA: https://x.org/a.png", "", vec![url("https://x.org/a.png")]),
        ("MEDIA: /a.png /b.png", "", vec![path("/a.png"), path("/b.png")]),
        ("MEDIA:file:///tmp/a", "", vec![path("/tmp/a")]),
        ("MEDIA: the press wrote", "MEDIA: the press wrote", vec![]),
        ("the MEDIA:/a.png in it", "the MEDIA:/a.png in it", vec![]),
        ("```\nMEDIA:/a.png\n```", "```\nMEDIA:/a.png\n```", vec![]),
        ("MEDIA:ftp://x/y", "MEDIA:ftp://x/y", vec![]),
    ];
    for (text, said, media) in cases {
        let payload = send(text);
        assert_eq!(payload.text, said, "{text:?}");
        assert_eq!(payload.media, media, "{text:?}");
    }
    assert_eq!(send(&"MEDIA:/a\n".repeat(50)).media.len(), 20);
}

#[test]
fn silence_is_kept() {
    let silent = [
        "NO_REPLY",
        " NO_REPLY \n",
        "**NO_REPLY**",
        "NO_REPLY: nothing to add",
        "I have nothing.\n\nNO_REPLY.",
        "[[reply_to_current]] NO_REPLY",
        "<think>hm</think>NO_REPLY",
        "HEARTBEAT_OK",
        "`HEARTBEAT_OK`.",
    ];
    for text in silent {
        assert_eq!(parse(text, Occasion::Message), Reply::Silent, "{text:?}");
    }
    for text in ["", "  \n", "[[reply_to_current]]", "<think>only thoughts"] {
        assert_eq!(parse(text, Occasion::Message), Reply::Empty, "{text:?}");
    }
    for text in [
        "NO_REPLY_NEEDED",
        "the NO_REPLY token is it",
        "XNO_REPLY",
        "no_reply",
    ] {
        assert_eq!(send(text).text, text);
    }
}

#[test]
fn heartbeats_report_only_news() {
    let heartbeat = |text| parse(text, Occasion::Heartbeat { ack_max_chars: 10 });
    let news = |text: &str| {
        Reply::Send(Payload {
            text: text.into(),
            ..Payload::default()
        })
    };
    let cases = [
        ("HEARTBEAT_OK", Reply::Silent),
        ("HEARTBEAT_OK all well", Reply::Silent),
        ("All well. HEARTBEAT_OK", Reply::Silent),
        ("The disk is full. HEARTBEAT_OK", news("The disk is full.")),
        ("**HEARTBEAT_OK**\nThe disk is full.", news("The disk is full.")),
        ("Disk full", news("Disk full")),
    ];
    for (text, expected) in cases {
        assert_eq!(heartbeat(text), expected, "{text:?}");
    }
    assert_eq!(send("HEARTBEAT_OK hi").text, "hi");
    assert_eq!(send("HEARTBEAT_OK\nMEDIA:/a.png").media.len(), 1);
}

#[test]
fn thoughts_are_not_shown() {
    let cases = [
        ("<think>a\nb</think>\nHi", "Hi"),
        ("<Thinking>a</Thinking> Hi <thought>b</thought>you", " Hi you"),
        ("Hi\n<think>never closed\nmore", "Hi"),
        ("`<think>` is a tag", "`<think>` is a tag"),
        ("```\n<think>\n```", "```\n<think>\n```"),
        ("1 < 2 and <b>", "1 < 2 and <b>"),
        ("<think>```\n</think>\nHi [[audio_as_voice]]", "Hi"),
    ];
    for (text, said) in cases {
        assert_eq!(send(text).text, said, "{text:?}");
    }
}

#[test]
fn previews_show_nothing_that_may_vanish() {
    let cases = [
        ("Hello", "Hello"),
        ("Hello ", "Hello"),
        ("[[reply_to_cur", ""),
        ("[[reply_to:4", ""),
        ("[[reply_to:4]", ""),
        ("[", ""),
        ("Hi [[", "Hi"),
        ("Hi [a", "Hi [a"),
        ("Hi [[wiki", "Hi [[wiki"),
        ("NO", ""),
        ("NO_REPLY", ""),
        ("NO_REPLY and", ""),
        ("HEARTB", ""),
        ("Nothing.\nNO_RE", "Nothing."),
        ("Nothing.\nNO_REPLY.", "Nothing."),
        ("NOT so", "NOT so"),
        ("Say NO more", "Say NO more"),
        ("Look\nMED", "Look"),
        ("Look\nMEDIA:/tm", "Look"),
        ("Look\nMEDIA:/tmp/a.png\nthere", "Look\nthere"),
        ("<thi", ""),
        ("<think>secret", ""),
        ("a <think>secret</think> b", "a  b"),
        ("a < b", "a < b"),
    ];
    for (text, shown) in cases {
        assert_eq!(preview(text), shown, "{text:?}");
    }
}

#[test]
fn prefixes_know_their_variables() {
    let vars = PrefixVars {
        model: "m1",
        provider: "p",
        thinking_level: "low",
        identity_name: "Molty",
    };
    let cases = [
        ("", None),
        ("auto", Some("[Molty]")),
        ("[{model}|{modelFull}|{provider}]", Some("[m1|p/m1|p]")),
        ("{think}{thinkingLevel} {identity.name}:", Some("lowlow Molty:")),
        ("{nope} {model", Some("{nope} {model")),
        ("{{model}}", Some("{m1}")),
    ];
    for (setting, expected) in cases {
        assert_eq!(
            response_prefix(setting, &vars).as_deref(),
            expected,
            "{setting:?}"
        );
    }
    let nobody = PrefixVars::default();
    assert_eq!(response_prefix("auto", &nobody), None);
    assert_eq!(response_prefix("{model}", &nobody).as_deref(), Some("{model}"));
    assert_eq!(with_prefix("hi", Some("[M]")), "[M] hi");
    assert_eq!(with_prefix("[M] hi", Some("[M]")), "[M] hi");
    assert_eq!(with_prefix("", Some("[M]")), "");
}

#[test]
fn no_step_of_a_preview_shows_what_the_answer_does_not_say() {
    let texts = [
        "NO_REPLY",
        "**NO_REPLY**",
        "[[reply_to_current]] NO_REPLY",
        "HEARTBEAT_OK",
        "MEDIA:/a.png",
        "<think>hm</think>[[reply_to:7]][[audio_as_voice]]",
    ];
    for text in texts {
        for end in 0..=text.len() {
            assert_eq!(preview(&text[..end]), "", "{:?}", &text[..end]);
        }
    }
    let text = "[[reply_to: 42 ]] See <think>why?</think>this\nMEDIA:./a b.png\nand that. NO_REPLY";
    for end in 0..=text.len() {
        let shown = preview(&text[..end]);
        assert!(
            "See this\nand that.".starts_with(&shown),
            "{:?} shows {shown:?}",
            &text[..end]
        );
    }
}

#[test]
fn a_line_of_opening_marks_costs_no_more_than_others() {
    let text = "[[<".repeat(200_000);
    assert_eq!(send(&text).text.len(), text.len());
    assert!(preview(&text).len() <= text.len());
}

proptest! {
    #[test]
    fn any_text_is_read(text in r"[\[\]<>`/a-z:_ \nMEDIAN]{0,80}") {
        let _ = parse(&text, Occasion::Message);
        let _ = preview(&text);
    }

    #[test]
    fn plain_text_stays(text in "[a-zäö.,!?]{1,9}([ \n][a-zäö.,!?]{1,9}){0,20}") {
        prop_assert_eq!(send(&text).text, text.as_str());
        prop_assert_eq!(preview(&text), text);
    }
}
