//! The journal's promises, on a real database.
use super::{
    Accepted, Cost, End, Entry, EntryKind, Journal, NewDelivery, Outcome, SendState, SessionUsage, Settled,
    schema::VERSION,
};
use rusqlite::{Connection, StatementStatus};
use std::sync::{Arc, Mutex};

fn journal() -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(&folder.path().join("state.db")).expect("created");
    (folder, journal)
}

fn said(turn: &str, tokens: u32) -> Entry {
    Entry::new(turn, EntryKind::Message, format!("{{\"n\":{tokens}}}"), tokens)
}

fn to(lane: &str) -> NewDelivery {
    NewDelivery {
        lane: lane.into(),
        channel: "c".into(),
        body: "{}".into(),
        key: String::new(),
    }
}

#[test]
fn a_statement_is_not_prepared_anew_for_another_value() {
    let (_folder, journal) = journal();
    for (session, tokens) in [("a", 1), ("b", 2), ("c", 3)] {
        journal.append(session, &[said("t", tokens)], 5).expect("written");
        assert_eq!(journal.tail(session, 1, 100).expect("read").len(), 1);
    }
    let again = journal.read(|c| {
        let tail = c.prepare_cached(
            "SELECT seq, turn, kind, body, tokens, created_ms FROM transcript WHERE session_id = ?1 AND seq >= ?2 ORDER BY seq DESC",
        )?;
        assert!(tail.get_status(StatementStatus::Run) > 2, "it is the statement of before");
        Ok(tail.get_status(StatementStatus::RePrepare))
    });
    assert_eq!(again.expect("read"), 0);
}

#[test]
fn a_database_of_a_newer_gateway_is_refused_untouched() {
    let (folder, journal) = journal();
    drop(journal);
    let path = folder.path().join("state.db");
    let connection = Connection::open(&path).expect("opened");
    connection
        .pragma_update(None, "user_version", VERSION + 1)
        .expect("set");
    drop(connection);
    let before = std::fs::read(&path).expect("read");
    let error = Journal::open(&path).expect_err("newer");
    assert!(
        error.to_string().contains("run the newer gateway again"),
        "{error}"
    );
    assert_eq!(std::fs::read(&path).expect("read"), before);
}

#[test]
fn a_database_of_the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    let old = Connection::open(&path).expect("created");
    old.execute_batch(super::schema::STEPS[0])
        .expect("the first version");
    old.execute_batch(
        "INSERT INTO inbox VALUES (1, 'c', 'a', 'one', x'', 5, 6), (2, 'c', 'a', 'two', x'79', 5, NULL);
         PRAGMA user_version = 1",
    )
    .expect("filled");
    drop(old);
    let journal = Journal::open(&path).expect("brought up to date");
    let pending = journal.pending(0, 10).expect("read");
    assert_eq!(
        (pending.len(), pending[0].id, pending[0].event.as_slice()),
        (1, 2, b"y".as_slice())
    );
    assert_eq!(
        journal.accept("c", "a", "one", b"", 9).expect("taken"),
        Accepted::Known
    );
}

#[test]
fn a_message_with_a_key_is_written_once_also_by_the_next_process() {
    let (folder, journal) = journal();
    let part = |key: &str| NewDelivery {
        key: key.into(),
        ..to("lane")
    };
    let both = [part("k:0"), part("k:1"), part("k:1:0")];
    let write = |j: &Journal| {
        let written = j.reply(&[], &Settled::Done, &both, "", &[], 1).expect("written");
        written.iter().map(|delivery| delivery.id).collect::<Vec<_>>()
    };
    let rows = write(&journal);
    journal
        .tried(rows[0], &Outcome::Sent("{}".into()), 2)
        .expect("noted");
    drop(journal);
    let journal = Journal::open(&folder.path().join("state.db")).expect("opened");
    assert_eq!(
        journal.posted("k").expect("read"),
        rows[..2],
        "and not what another key begins with"
    );
    assert_eq!(write(&journal), rows);
    let counts = journal.outbox_counts().expect("read");
    assert_eq!(
        (counts.pending, journal.posted("other").expect("read")),
        (2, vec![])
    );
}

#[test]
fn a_damaged_database_is_set_aside_and_a_new_one_begins() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    std::fs::write(&path, b"this is no database, however long it may be".repeat(100)).expect("written");
    let journal = Journal::open(&path).expect("a new one");
    let aside = journal.set_aside().expect("set aside").to_owned();
    assert!(std::fs::read(aside).expect("kept").starts_with(b"this is no"));
    journal.accept("c", "a", "1", b"{}", 1).expect("usable");
}

#[test]
fn an_unclean_end_leads_to_a_look_at_every_page() {
    let (folder, journal) = journal();
    for n in 0..200 {
        let text = vec![b'x'; 2000];
        journal.accept("c", "a", &n.to_string(), &text, 1).expect("taken");
    }
    drop(journal);
    let path = folder.path().join("state.db");
    Connection::open(&path)
        .expect("opened")
        .execute("UPDATE meta SET open = 1", [])
        .expect("as after a crash");
    assert_eq!(Journal::open(&path).expect("sound").set_aside(), None);
    let mut bytes = std::fs::read(&path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    std::fs::write(&path, bytes).expect("damaged");
    Connection::open(&path)
        .expect("opened")
        .execute("UPDATE meta SET open = 1", [])
        .expect("as after a crash");
    assert!(Journal::open(&path).expect("a new one").set_aside().is_some());
}

#[test]
fn an_event_is_taken_once_and_waits_until_it_is_settled() {
    let (_folder, journal) = journal();
    let take = |account: &str, id: &str| journal.accept("c", account, id, b"{}", 5).expect("written");
    let Accepted::New(row) = take("a", "1") else {
        panic!("it is new")
    };
    assert_eq!(take("a", "1"), Accepted::Known);
    assert!(matches!(take("b", "1"), Accepted::New(_)), "another account");
    assert_eq!(journal.begin(&[row], "t").expect("begun"), 1);
    assert_eq!(journal.begin(&[row], "t").expect("begun"), 2);
    assert_eq!(journal.pending(0, 10).expect("read").len(), 1, "the other one");
    assert_eq!(journal.begun(10).expect("read").len(), 1);
    journal.settle(&[row], &Settled::Done, 7).expect("settled");
    assert!(journal.begun(10).expect("read").is_empty());
    assert_eq!(journal.pending(0, 10).expect("read").len(), 1);
    assert_eq!(take("a", "1"), Accepted::Known, "still known");
    journal.sweep(7 + 8 * 24 * 3_600_000).expect("swept");
    assert!(
        matches!(take("a", "1"), Accepted::New(_)),
        "forgotten after a week"
    );
}

#[test]
fn begun_turns_are_given_whole_and_oldest_first() {
    let (_folder, journal) = journal();
    for n in 1..=12 {
        journal
            .accept("c", "a", &n.to_string(), b"{}", 5)
            .expect("written");
    }
    for (rows, turn) in [(&[9, 12][..], "event-9"), (&[10], "event-10"), (&[11], "run-1")] {
        journal.begin(rows, turn).expect("begun");
    }
    let begun = journal.begun(10).expect("read");
    let rows: Vec<_> = begun.iter().map(|pending| pending.id).collect();
    assert_eq!(rows, [9, 12, 10, 11]);
}

#[test]
fn no_row_is_given_twice_whatever_is_forgotten() {
    let (_folder, journal) = journal();
    let take = |id: &str| journal.accept("c", "a", id, b"{}", 5).expect("written");
    let first = take("1");
    let Accepted::New(row) = first else {
        panic!("it is new")
    };
    journal.settle(&[row], &Settled::Done, 7).expect("settled");
    journal.sweep(7 + 8 * 24 * 3_600_000).expect("swept");
    assert_eq!(take("2"), Accepted::New(row + 1));
}

#[test]
fn what_failed_keeps_its_text_and_is_counted() {
    let (_folder, journal) = journal();
    let Accepted::New(row) = journal.accept("c", "a", "1", b"text", 5).expect("written") else {
        panic!("it is new")
    };
    journal
        .settle(&[row], &Settled::Failed("no model".into()), 7)
        .expect("settled");
    assert_eq!(journal.inbox_counts().expect("read"), (0, 1));
    assert_eq!(
        journal.failures(5).expect("read"),
        [("c".into(), "no model".into(), 7)]
    );
    let kept: Vec<u8> = journal
        .read(|c| c.query_row("SELECT event FROM inbox", [], |row| row.get(0)))
        .expect("read");
    assert_eq!(kept, b"text");
}

#[test]
fn a_reply_its_events_and_its_transcript_are_written_together() {
    let (_folder, journal) = journal();
    let Accepted::New(row) = journal.accept("c", "a", "1", b"{}", 5).expect("written") else {
        panic!("it is new")
    };
    let sent = journal
        .reply(
            &[row],
            &Settled::Done,
            &[to("l"), to("l")],
            "s",
            &[said("t", 3)],
            6,
        )
        .expect("written");
    assert_eq!(
        sent.iter().map(|d| d.inbox).collect::<Vec<_>>(),
        [Some(row), Some(row)]
    );
    assert!(journal.pending(0, 10).expect("read").is_empty());
    assert_eq!(journal.turn("s", "t").expect("read").len(), 1);

    journal.sending(sent[0].id, false).expect("noted");
    let next = || journal.next_delivery("l").expect("read").expect("one is open");
    assert_eq!(next().state, SendState::Sending);
    journal
        .tried(sent[0].id, &Outcome::Retry(99, "later".into()), 7)
        .expect("noted");
    let again = next();
    assert_eq!(
        (again.state, again.attempts, again.due_ms),
        (SendState::Pending, 1, 99)
    );
    assert_eq!(journal.open_lanes(9).expect("read"), ["l"]);
    journal
        .tried(sent[0].id, &Outcome::Sent("{}".into()), 8)
        .expect("noted");
    journal
        .tried(sent[1].id, &Outcome::Unknown("cut".into()), 8)
        .expect("noted");
    let ends: Vec<_> = sent
        .iter()
        .map(|d| journal.outcome(d.id).expect("read"))
        .collect();
    assert_eq!(
        ends,
        [
            Some(Outcome::Sent("{}".into())),
            Some(Outcome::Unknown("cut".into()))
        ]
    );
    assert_eq!(
        journal.outbox_failures(9).expect("read"),
        [("c".to_owned(), "cut".to_owned(), 8)]
    );
    let counts = journal.outbox_counts().expect("read");
    assert_eq!((counts.pending, counts.failed, counts.unknown), (0, 0, 1));
}

#[test]
fn a_transcript_is_read_from_its_end_to_the_budget_or_the_last_compaction() {
    let (_folder, journal) = journal();
    for n in 1..=10 {
        journal.append("s", &[said("t", n)], 1).expect("written");
    }
    let seqs = |budget| {
        let tail = journal.tail("s", 0, budget).expect("read");
        tail.iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    assert_eq!(seqs(27), [8, 9, 10]);
    assert_eq!(seqs(1), [10], "the newest is always there");
    let summary = Entry::new("t", EntryKind::Compaction, "{}".into(), 1);
    journal.session("k", "main", "s", 1).expect("made");
    journal.compact("k", "s", &summary, 1).expect("written");
    journal.append("s", &[said("t", 1)], 1).expect("written");
    assert_eq!(seqs(1000), [11, 12]);
    assert_eq!(
        journal
            .find_session("k")
            .expect("read")
            .expect("there")
            .compactions,
        1
    );
}

#[test]
fn a_session_is_made_once_and_counts_what_it_costs() {
    let (_folder, journal) = journal();
    let first = journal.session("k", "main", "one", 1).expect("made");
    assert_eq!(journal.session("k", "main", "two", 2).expect("found"), first);
    let usage = SessionUsage {
        input: 3,
        output: 4,
        context: 5,
        cost: 0.5,
    };
    let cost = Cost {
        key: "k",
        usage,
        model: "p/m",
    };
    let end = End {
        session_id: "",
        entries: &[],
        cost: Some(cost),
    };
    for now in [3, 4] {
        journal
            .end_turn(&[], &Settled::Done, &[], &end, now)
            .expect("added");
    }
    let now = journal.find_session("k").expect("read").expect("there");
    assert_eq!((now.usage.input, now.usage.context, now.updated_ms), (6, 5, 4));
    journal.reset_session("k", "three", 9).expect("reset");
    let now = journal.find_session("k").expect("read").expect("there");
    assert_eq!((now.session_id.as_str(), now.usage.input), ("three", 0));
    assert!(journal.delete_session("k").expect("deleted") && !journal.delete_session("k").expect("gone"));
}

#[tokio::test]
async fn synced_waits_for_the_disk_and_passes_every_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let steps = seen.clone();
    let path = folder.path().join("state.db");
    let journal = Journal::open_with(
        &path,
        Some(Arc::new(move |step| steps.lock().expect("held").push(step))),
    );
    let journal = journal.expect("created");
    journal
        .run(|j| j.accept("c", "a", "1", b"{}", 1))
        .await
        .expect("taken");
    journal.synced().await.expect("synced");
    assert_eq!(
        *seen.lock().expect("held"),
        ["accept.before", "accept.after", "synced.before", "synced.after"]
    );
}

#[test]
fn opening_twice_keeps_what_is_there() {
    let (folder, journal) = journal();
    journal.put("p", "k", b"v", None, 0).expect("stored");
    let again = Journal::open(&folder.path().join("state.db")).expect("opened");
    assert_eq!(
        again.get("p", "k", 0).expect("read").as_deref(),
        Some(b"v".as_slice())
    );
}

#[test]
fn a_log_that_has_grown_long_begins_anew() {
    let (folder, journal) = journal();
    let beginnings = || {
        let log = std::fs::read(folder.path().join("state.db-wal")).expect("the log is there");
        u32::from_be_bytes(log[12..16].try_into().expect("four bytes of its header"))
    };
    journal.probe(1);
    let before = beginnings();
    journal.probe(2);
    assert_eq!(beginnings(), before, "a short one goes on");
    journal.inner.syncer.want_restart();
    journal.probe(3);
    journal.probe(4);
    assert_eq!(beginnings(), before + 1);
}
