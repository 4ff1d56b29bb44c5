//! Tests of branches.
use super::*;
use crate::journal::Entry;

/// A conversation `k` with five messages in the transcript `a`.
fn journal() -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(&folder.path().join("state.db")).expect("a journal");
    journal.session("k", "main", "a", 1).expect("made");
    say(&journal, "a", &["1", "2", "3", "4", "5"]);
    (folder, journal)
}

fn say(journal: &Journal, id: &str, texts: &[&str]) {
    let entries = texts
        .iter()
        .map(|text| Entry::new("t", EntryKind::Message, (*text).to_owned(), 1));
    journal
        .append(id, &entries.collect::<Vec<_>>(), 2)
        .expect("written");
}

fn current(journal: &Journal) -> Current {
    let session = journal.find_session("k").expect("read").expect("a session");
    Current {
        last: journal.last_place(&session.session_id).expect("read"),
        key: "k".into(),
        session_id: session.session_id,
    }
}

fn rewind(journal: &Journal, to: &str, before: i64) -> Recast {
    let cut = Cut {
        session_id: to.into(),
        before,
        context: 7,
    };
    journal.rewind(&current(journal), &cut, 3).expect("written")
}

fn switch(journal: &Journal, to: &str) -> Recast {
    let now = current(journal);
    journal.switch_branch(&now, to, 0, 4).expect("written")
}

fn words(journal: &Journal, id: &str) -> String {
    let entries = journal.history(id, 100).expect("read");
    entries.iter().map(|entry| entry.body.as_str()).collect()
}

fn branches(journal: &Journal) -> Vec<(String, u64)> {
    let now = current(journal).session_id;
    let found = journal.branches(&now).expect("read").into_iter();
    found.map(|branch| (branch.session_id, branch.messages)).collect()
}

#[test]
fn what_is_rewound_stays_and_can_be_gone_on_with() {
    let (_folder, journal) = journal();
    assert_eq!(branches(&journal), [("a".into(), 5)]);
    assert_eq!(rewind(&journal, "b", 3), Recast::Done);
    say(&journal, "b", &["x"]);
    assert_eq!(
        (words(&journal, "a"), words(&journal, "b")),
        ("12345".into(), "12x".into())
    );
    assert_eq!(branches(&journal), [("a".into(), 5), ("b".into(), 3)]);
    let session = journal.find_session("k").expect("read").expect("a session");
    assert_eq!((session.session_id.as_str(), session.usage.context), ("b", 7));
    assert_eq!(switch(&journal, "a"), Recast::Done);
    assert_eq!(current(&journal).session_id, "a");
    assert_eq!(switch(&journal, "nowhere"), Recast::Missing);
    assert_eq!(switch(&journal, "a"), Recast::Missing);
    assert_eq!(
        (
            journal.copied("a").expect("read"),
            journal.copied("b").expect("read")
        ),
        (0, 2)
    );
}

#[test]
fn a_branch_to_which_nothing_was_added_goes_when_it_is_left() {
    let (_folder, journal) = journal();
    assert_eq!(rewind(&journal, "b", 3), Recast::Done);
    assert_eq!(rewind(&journal, "c", 1), Recast::Done);
    // nothing was said in it
    assert_eq!(branches(&journal), [("a".into(), 5)]);
    assert_eq!((words(&journal, "b"), words(&journal, "c")), Default::default());
    assert_eq!(switch(&journal, "a"), Recast::Done);
    assert_eq!(branches(&journal), [("a".into(), 5)]);
}

#[test]
fn who_has_read_an_older_state_changes_nothing() {
    let (_folder, journal) = journal();
    let before = current(&journal);
    say(&journal, "a", &["6"]);
    let cut = Cut {
        session_id: "b".into(),
        before: 2,
        context: 0,
    };
    let late = journal.rewind(&before, &cut, 3).expect("read");
    assert_eq!((late, words(&journal, "b")), (Recast::Changed, String::new()));
    let late = journal.switch_branch(&before, "a", 0, 3).expect("read");
    assert_eq!(late, Recast::Changed);
}

#[test]
fn there_are_only_so_many_branches() {
    let (_folder, journal) = journal();
    for number in 1..MAX_BRANCHES {
        let id = format!("b{number}");
        assert_eq!(rewind(&journal, &id, 2), Recast::Done);
        say(&journal, &id, &["x"]);
    }
    assert_eq!(rewind(&journal, "more", 2), Recast::Full);
    assert_eq!(branches(&journal).len(), MAX_BRANCHES);
}

#[test]
fn a_fork_is_a_conversation_of_its_own_and_outlives_what_it_came_from() {
    let (_folder, journal) = journal();
    rewind(&journal, "b", 4);
    say(&journal, "b", &["x"]);
    let cut = Cut {
        session_id: "f".into(),
        before: 3,
        context: 0,
    };
    let settings = r#"{"thinkingLevel":"low"}"#;
    journal
        .fork("b", &cut, ("k2", "main", settings), 5)
        .expect("written");
    let fork = journal.find_session("k2").expect("read").expect("a session");
    assert_eq!(
        (fork.session_id.as_str(), fork.settings.as_str()),
        ("f", settings)
    );
    assert_eq!(
        (words(&journal, "f"), journal.copied("f").expect("read")),
        ("12".into(), 2)
    );
    assert!(journal.delete_session("k").expect("written"));
    assert_eq!(
        (words(&journal, "a"), words(&journal, "b"), words(&journal, "f")),
        (String::new(), String::new(), "12".into())
    );
    assert!(!journal.delete_session("k").expect("read"));
}

#[test]
fn a_fork_that_is_rewound_keeps_what_it_began_with() {
    let (_folder, journal) = journal();
    let cut = Cut {
        session_id: "f".into(),
        before: 4,
        context: 0,
    };
    journal.fork("a", &cut, ("k2", "main", "{}"), 5).expect("written");
    // nobody else has it
    assert!(journal.delete_session("k").expect("written"));
    let now = Current {
        key: "k2".into(),
        session_id: "f".into(),
        last: 3,
    };
    let cut = Cut {
        session_id: "g".into(),
        before: 2,
        context: 0,
    };
    assert_eq!(journal.rewind(&now, &cut, 6).expect("written"), Recast::Done);
    assert_eq!(
        (words(&journal, "f"), words(&journal, "g")),
        ("123".into(), "1".into())
    );
}
