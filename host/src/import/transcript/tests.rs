//! Transcripts as they are there, and what becomes of them.
use super::*;
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
use std::{collections::BTreeMap, fs};

/// What is written, by transcript: `role: text`, or the kind.
type Written = BTreeMap<String, Vec<String>>;

fn taken(lines: &[&str]) -> (Written, Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("s.jsonl");
    fs::write(&file, lines.join("\n")).expect("written");
    let origin = Origin::File(file);
    let (mut report, mut written) = (Report::default(), Written::new());
    let survey = survey(&origin, &mut report).expect("read");
    let mut pictures = |_: &str, _: Vec<u8>| Some("media:ab".to_owned());
    let mut sink = |id: &str, entries: &[Entry]| {
        let known: &mut Vec<String> = written.entry(id.to_owned()).or_default();
        for entry in entries {
            known.push(shown(entry));
            assert_eq!(usize::try_from(entry.seq), Ok(known.len()), "places have no gaps");
        }
        Ok(())
    };
    convert(&origin, &survey, "s", &mut pictures, &mut sink, &mut report).expect("taken");
    (written, report)
}

fn shown(entry: &Entry) -> String {
    match entry.kind {
        EntryKind::Message => {
            let message: Message = serde_json::from_str(&entry.body).expect("a message");
            format!("{:?}: {}", message.role, message.plain_text())
        }
        kind => format!("{kind:?} {}", entry.body),
    }
}

fn said(id: &str, parent: &str, role: &str, text: &str) -> String {
    format!(
        r#"{{"type":"message","id":"{id}","parentId":{parent},"timestamp":"2026-02-01T10:00:00.000Z",
            "message":{{"role":"{role}","content":[{{"type":"text","text":"{text}"}}]}}}}"#
    )
    .replace('\n', "")
}

#[test]
fn a_broken_line_is_told_and_the_rest_is_taken() {
    let (a, b) = (
        said("a", "null", "user", "one"),
        said("b", "\"a\"", "assistant", "two"),
    );
    let (written, report) = taken(&[
        r#"{"type":"session","id":"s"}"#,
        &a,
        "{\"type\":\"mess",
        &b,
        &b[..40],
    ]);
    assert_eq!(written["s"], ["User: one", "Assistant: two"]);
    assert_eq!(report.skipped.len(), 2);
    assert!(
        report.skipped[0].place.ends_with("s.jsonl:3"),
        "{:?}",
        report.skipped
    );
    assert!(
        report.skipped[1].place.ends_with("s.jsonl:5"),
        "{:?}",
        report.skipped
    );
}

#[test]
fn a_summary_keeps_what_is_kept_beside_it() {
    let rows = [
        said("a", "null", "user", "old"),
        said("b", "\"a\"", "user", "kept"),
        r#"{"type":"compaction","id":"c","parentId":"b","summary":"in short","firstKeptEntryId":"b","tokensBefore":9}"#
            .to_owned(),
        said("d", "\"c\"", "user", "new"),
    ];
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let (written, _) = taken(&rows);
    let written = &written["s"];
    assert_eq!(written.len(), 4);
    assert!(
        written[2].contains("in short") && written[2].contains("kept") && !written[2].contains("old"),
        "{written:?}"
    );
}

#[test]
fn what_was_before_a_new_beginning_stays_apart() {
    let rows = [
        said("a", "null", "user", "first"),
        r#"{"type":"reset","id":"r","parentId":"a"}"#.to_owned(),
        said("b", "\"r\"", "user", "second"),
        said("k", "\"b\"", "user", "tail"),
        r#"{"type":"reset","id":"r2","parentId":"k","firstKeptEntryId":"k"}"#.to_owned(),
        said("c", "\"r2\"", "user", "third"),
    ];
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let (written, _) = taken(&rows);
    assert_eq!(written["s.1"], ["User: first"]);
    assert_eq!(written["s.2"], ["User: second", "User: tail"]);
    assert_eq!(written["s"], ["User: tail", "User: third"]);
}

#[test]
fn every_call_has_its_answer_and_every_answer_its_call() {
    let call = r#"{"type":"message","id":"b","parentId":"a","message":{"role":"assistant","content":[
        {"type":"toolCall","id":"x|1","name":"t","arguments":{}},{"type":"toolCall","id":"y","name":"t","arguments":{}}]}}"#
        .replace('\n', "");
    let answer = |id: &str, call: &str| {
        format!(
            r#"{{"type":"message","id":"{id}","message":{{"role":"toolResult","toolCallId":"{call}","toolName":"t",
            "content":[{{"type":"text","text":"{call}"}}]}}}}"#
        )
        .replace('\n', "")
    };
    let rows = [
        said("a", "null", "user", "go"),
        call,
        answer("c", "x|1"),
        answer("d", "nobody"),
        said("e", "\"d\"", "user", "next"),
    ];
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let (written, report) = taken(&rows);
    assert_eq!(
        written["s"],
        [
            "User: go",
            "Assistant: ",
            "ToolResult: x|1",
            "ToolResult: (this was broken off; its result is not known)",
            "User: next"
        ]
    );
    assert!(report.skipped[0].place.ends_with(":4"), "{:?}", report.skipped);
}

#[test]
fn long_transcripts_come_in_pieces() {
    let rows: Vec<_> = (0..1_300)
        .map(|n| said(&n.to_string(), if n == 0 { "null" } else { "\"0\"" }, "user", "x"))
        .map(|row| row.replace("\"parentId\":\"0\",", ""))
        .collect();
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    assert_eq!(taken(&rows).0["s"].len(), 1_300);
}

/// One line of a transcript that somebody may have written by hand, cut, or joined with another.
fn any_line() -> impl Strategy<Value = String> {
    let id = || "[a-d]";
    let kind = prop_oneof![
        4 => Just("message"), 1 => Just("compaction"), 1 => Just("reset"), 1 => Just("leaf"), 1 => Just("custom_message"),
        1 => Just("dream"),
    ];
    let role = prop_oneof![Just("user"), Just("assistant"), Just("toolResult"), Just("ghost")];
    let parent = prop_oneof![
        Just("null".to_owned()),
        id().prop_map(|id| format!("\"{id}\"")),
        Just("7".to_owned())
    ];
    let side = prop_oneof![3 => Just(""), 1 => Just(r#","appendMode":"side""#)];
    let line = (kind, id(), parent, id(), id(), role, side).prop_map(|(kind, id, parent, target, call, role, side)| {
        format!(
            r#"{{"type":"{kind}","id":"{id}","parentId":{parent},"targetId":"{target}","firstKeptEntryId":"{target}",
               "summary":"short","content":"x"{side},"message":{{"role":"{role}","toolCallId":"{call}","content":[
               {{"type":"text","text":"t"}},{{"type":"toolCall","id":"{call}","name":"n","arguments":1}}]}}}}"#
        )
        .replace('\n', "")
    });
    prop_oneof![9 => line, 1 => "\\PC{0,20}"]
}

proptest! {
    #[test]
    fn whatever_stands_there_becomes_a_conversation_that_models_take(
        lines in proptest::collection::vec(any_line(), 0..40)
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("s.jsonl");
        fs::write(&file, lines.join("\n")).expect("written");
        let origin = Origin::File(file);
        let (mut report, mut parts) = (Report::default(), BTreeMap::<String, Vec<Entry>>::new());
        let survey = survey(&origin, &mut report).expect("read");
        let mut sink = |id: &str, entries: &[Entry]| {
            parts.entry(id.to_owned()).or_default().extend(entries.iter().cloned());
            Ok(())
        };
        convert(&origin, &survey, "s", &mut |_, _| None, &mut sink, &mut report).expect("taken");
        for entries in parts.values() {
            let mut open: Vec<String> = Vec::new();
            for (at, entry) in entries.iter().enumerate() {
                prop_assert_eq!(usize::try_from(entry.seq), Ok(at + 1));
                if entry.kind != EntryKind::Message {
                    continue;
                }
                let message: Message = serde_json::from_str(&entry.body).expect("a message");
                if message.role == Role::ToolResult {
                    let call = open.iter().position(|id| *id == message.tool_call_id);
                    prop_assert!(call.is_some(), "an answer without a call");
                    open.remove(call.expect("it was found"));
                    continue;
                }
                prop_assert!(open.is_empty(), "a call without an answer");
                open.extend(message.content.iter().filter_map(|part| match part {
                    Content::ToolCall { id, .. } => Some(id.clone()),
                    _ => None,
                }));
            }
            prop_assert!(open.is_empty(), "a call without an answer at the end");
        }
    }
}
