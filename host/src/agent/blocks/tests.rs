//! What holds for every answer in parts, whatever its text and however its pieces come.
use super::*;
use crate::agent::{blocks::cut::end_of_part, reply};
use openclaw_plugin_api::{Message, Role};
use serde_json::json;
use tokio::time::Instant;

fn style(min: usize, max: usize) -> Style {
    Style {
        size: Size {
            min,
            max,
            prefers: BreakPreference::Paragraph,
        },
        at_message_end: false,
        least: min,
        most: 4 * max,
        idle: Duration::from_secs(1),
        pause: (0, 0),
    }
}

/// Lets a text out piece by piece; gives the parts and what is left.
fn parts(style: Style, told: Told, text: &str, piece: usize) -> (Vec<Part>, String) {
    let now = Instant::now();
    let mut flow = Flow::new(style, told, now);
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = rest.ceil_char_boundary(piece.min(rest.len()));
        flow.write(&rest[..at], now);
        rest = &rest[at..];
        while let Some(part) = flow.next(now, false) {
            flow.went(&part, Duration::ZERO, now);
            out.push(part);
        }
    }
    let left = flow.rest();
    (out, left)
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

const TEXT: &str = "The first paragraph has a few words. It has two sentences.\n\nThe second one is here, and it goes on for a \
                    while, so that it is longer.\n\n```rust\nfn main() {\n    println!(\"hello\");\n\n    more();\n}\n```\n\n\
                    - a list\n- of things\n\nThe end of it all comes with a word that nobody expected.";

#[test]
fn the_parts_are_the_answer() {
    for (min, max) in [(1, 10), (10, 40), (40, 80), (80, 200), (300, 900)] {
        for piece in [1, 3, 7, 50, 1000] {
            let (out, left) = parts(style(min, max), Told::default(), TEXT, piece);
            let mut sent = String::new();
            for part in &out {
                sent.push_str(&part.raw);
                assert!(part.raw.chars().count() <= 4 * max, "{part:?}");
                let open = crate::agent::chunk::fence::after_text(&part.text, None, true);
                assert_eq!(open, None, "a block is left open: {:?}", part.text);
            }
            assert!(begins_with(TEXT, &sent));
            let rest = behind(TEXT, &sent);
            assert_eq!(
                squeezed(&format!("{sent}{rest}")),
                squeezed(TEXT),
                "{min} {max} {piece}"
            );
            assert!(
                squeezed(&left).contains(&squeezed(rest.trim_start_matches("```").trim())) || rest.is_empty()
            );
        }
    }
}

#[test]
fn a_part_ends_where_it_ends_best() {
    let text = "One two. Three four.\nFive six seven eight.\n\nNine ten eleven twelve thirteen";
    let of = |prefers, min, max| {
        let size = Size { min, max, prefers };
        end_of_part(text, None, true, &size).map(|at| &text[..at])
    };
    use BreakPreference::{Newline, Paragraph, Sentence};
    assert_eq!(
        of(Paragraph, 5, 60),
        Some("One two. Three four.\nFive six seven eight.")
    );
    assert_eq!(of(Newline, 5, 60), Some("One two. Three four."));
    assert_eq!(of(Sentence, 5, 60), Some("One two."));
    assert_eq!(
        of(Paragraph, 5, 30),
        Some("One two. Three four."),
        "no paragraph fits"
    );
    assert_eq!(of(Paragraph, 2, 6), Some("One"));
    assert_eq!(of(Paragraph, 60, 500), None, "it may still grow");
    let word = "x".repeat(50);
    let size = Size {
        min: 5,
        max: 20,
        prefers: Paragraph,
    };
    assert_eq!(end_of_part(&word, None, true, &size), Some(20));
    assert_eq!(
        end_of_part("short\n", None, true, &size),
        None,
        "more of the line break may come"
    );
}

#[test]
fn small_parts_wait_for_others_or_for_a_silence() {
    let now = Instant::now();
    let mut flow = Flow::new(
        Style {
            least: 30,
            ..style(5, 200)
        },
        Told::default(),
        now,
    );
    flow.write(&format!("Some words.\n\nMore words.\n\n{}", "y".repeat(70)), now);
    assert_eq!(flow.next(now, false), None, "less than what goes out at once");
    let later = now + Duration::from_secs(1);
    let part = flow.next(later, false).expect("nothing came for a while");
    assert!(part.text.starts_with("Some words."), "{part:?}");
    flow.went(&part, Duration::from_secs(5), later);
    flow.write(&format!("{}\n\nand more", " z".repeat(40)), later);
    assert_eq!(flow.next(later, false), None, "the pause");
    assert!(flow.next(later + Duration::from_secs(5), false).is_some());
}

#[test]
fn before_a_tool_all_goes_out() {
    let now = Instant::now();
    for at_message_end in [false, true] {
        let mut flow = Flow::new(
            Style {
                at_message_end,
                ..style(100, 200)
            },
            Told::default(),
            now,
        );
        flow.write("Let me look at it.", now);
        assert_eq!(flow.next(now, false), None);
        flow.end_message(now);
        let part = flow.next(now, true).expect("the message has ended");
        assert_eq!(part.text, "Let me look at it.");
        flow.went(&part, Duration::ZERO, now);
        assert_eq!(flow.next(now, true), None);
        flow.write("Here it is.", now);
        assert_eq!(flow.rest(), "Here it is.");
    }
}

#[test]
fn silence_and_directives_are_not_shown() {
    let now = Instant::now();
    let mut flow = Flow::new(style(1, 5), Told::default(), now);
    flow.write("NO_REPLY", now);
    flow.end_message(now);
    assert_eq!(flow.next(now, true), None);
    let (out, left) = parts(
        style(10, 40),
        Told::default(),
        &format!("[[reply_to:7]]{TEXT}\nMEDIA:/x.png"),
        5,
    );
    let all = out.iter().map(|part| part.raw.clone()).collect::<String>() + &left;
    assert!(!all.contains("[[") && !all.contains("MEDIA"), "{all}");
    assert_eq!(out[0].reply_to, reply::ReplyTo::Id("7".into()));
}

/// What a process leaves that is killed when so many parts are out.
fn left_by(said: &[Message], sent: &[Part]) -> Vec<crate::journal::Entry> {
    let said = said.iter().map(|message| crate::agent::turn::entry("t", message));
    said.chain(sent.iter().map(|part| note("t", &part.raw))).collect()
}

#[test]
fn after_a_kill_nothing_is_said_twice_and_nothing_is_missing() {
    let (all, _) = parts(style(10, 40), Told::default(), TEXT, 5);
    for out in 0..all.len() {
        let entries = left_by(&[Message::text(Role::User, "hi")], &all[..out]);
        let sent: String = all[..out].iter().map(|part| part.raw.as_str()).collect();
        // a model that begins again, and one that goes on where it was
        for again in [TEXT, behind(TEXT, &sent)] {
            let (more, _) = parts(style(10, 40), Told::of(&entries), again, 7);
            let mut told = Told::of(&entries);
            assert_eq!(told.parts, out);
            assert_eq!(told.mend().len(), if out > 0 { 2 } else { 0 });
            told.say(again.to_owned());
            let text = told.text();
            assert_eq!(squeezed(&text), squeezed(TEXT), "{out}");
            let now: String = all[..out]
                .iter()
                .chain(&more)
                .map(|part| part.raw.as_str())
                .collect();
            let rest = behind(&text, &now);
            assert_eq!(squeezed(&format!("{now}{rest}")), squeezed(TEXT), "{out}");
            assert_eq!(more.first().map_or(out, |part| part.number), out);
        }
    }
}

#[test]
fn a_turn_that_broke_off_twice_knows_what_it_said() {
    let (all, _) = parts(style(10, 40), Told::default(), TEXT, 5);
    let mut first = Told::of(&left_by(&[], &all[..2]));
    let mut entries = left_by(&[], &all[..2]);
    entries.extend(
        first
            .mend()
            .iter()
            .map(|message| crate::agent::turn::entry("t", message)),
    );
    entries.extend(left_by(&[], &all[2..3]));
    let mut second = Told::of(&entries);
    assert_eq!(second.parts, 3);
    let mended = second.mend();
    assert_eq!(squeezed(&mended[0].plain_text()), squeezed(&all[2].raw));
    // the whole message is in the transcript, and its last part went out before the process ended
    entries.extend(left_by(&[Message::text(Role::Assistant, TEXT)], &[]));
    let third = Told::of(&entries);
    assert_eq!(
        (third.missing, third.said.len()),
        (None, 1),
        "it repeats what broke off"
    );
}

#[test]
fn a_style_comes_of_the_nearest_setting() {
    let read = |agent: serde_json::Value, channel: serde_json::Value, part_chars| {
        let agent: AgentSettings = serde_json::from_value(agent).expect("settings");
        let policy: ChannelPolicy = serde_json::from_value(channel).expect("a policy");
        let info = ChannelInfo {
            part_chars,
            ..ChannelInfo::default()
        };
        Style::of(&agent, &policy, &info, &Limits::default())
    };
    assert_eq!(read(json!({}), json!({}), 0), None);
    assert_eq!(
        read(
            json!({"blockStreamingDefault": "on"}),
            json!({"blockStreaming": false}),
            0
        ),
        None
    );
    let on = read(json!({}), json!({"streaming": {"block": {"enabled": true}}}), 0).expect("on");
    assert_eq!(
        (on.size.min, on.size.max, on.least, on.most),
        (800, 1200, 800, 4000)
    );
    let on = json!({"blockStreamingDefault": "on", "blockStreamingChunk": {"minChars": 50, "maxChars": 9000},
        "humanDelay": {"mode": "custom", "minMs": 5, "maxMs": 1}, "blockStreamingCoalesce": {"idleMs": 7}});
    let own = read(
        on.clone(),
        json!({"blockStreamingCoalesce": {"minChars": 60}}),
        1500,
    )
    .expect("on");
    assert_eq!((own.size.max, own.least, own.pause), (4000, 60, (5, 5)));
    assert_eq!(own.idle, Duration::from_millis(7));
    assert_eq!(
        read(on, json!({}), 1500).expect("on").least,
        1500,
        "as the platform has it"
    );
}
