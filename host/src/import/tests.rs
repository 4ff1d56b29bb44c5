//! An installation in both forms, taken over once and again, into a journal of its own.
use super::*;
use rusqlite::Connection;
use serde_json::json;
use std::fs;

const NOW: i64 = 1_770_000_000_000;

struct Home {
    folder: tempfile::TempDir,
    paths: Paths,
    config: Config,
}

fn home() -> Home {
    let folder = tempfile::tempdir().expect("a folder");
    let env = crate::config::Env::from_iter([("OPENCLAW_STATE_DIR", folder.path().to_str().expect("text"))]);
    let paths = Paths::resolve(&env).expect("paths");
    Home {
        folder,
        paths,
        config: Config::default(),
    }
}

impl Home {
    fn journal(&self) -> Journal {
        Journal::open(&self.folder.path().join("state.db")).expect("a journal")
    }

    fn run(&self, from: &Path, journal: &Journal, apply: bool) -> Report {
        let wish = Wish {
            from,
            paths: &self.paths,
            config: &self.config,
            apply,
            scratch: self.folder.path(),
            now_ms: NOW,
        };
        run(&wish, Some(journal), &mut |_| {}).expect("taken over")
    }
}

fn row(id: &str, parent: &str, text: &str) -> String {
    let parent = if parent.is_empty() {
        json!(null)
    } else {
        json!(parent)
    };
    json!({
        "type": "message", "id": id, "parentId": parent, "timestamp": "2026-02-01T10:00:00.000Z",
        "message": { "role": "user", "content": [{ "type": "text", "text": text }], "timestamp": 1_769_940_000_000_i64 },
    })
    .to_string()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}

/// As of February 2026: files.
fn files(folder: &Path) {
    let sessions = folder.join("agents/main/sessions");
    let index = json!({
        "agent:main:main": { "sessionId": "s1", "updatedAt": 5_000, "thinkingLevel": "high" },
        "agent:main:chatter:group:-1": { "sessionId": "gone", "updatedAt": 1 },
        "odd": 7,
    });
    write(&sessions.join("sessions.json"), &index.to_string());
    write(
        &sessions.join("s1.jsonl"),
        &[row("a", "", "my cat is Miezi"), row("b", "a", "yes")].join("\n"),
    );
    write(&sessions.join("s0.jsonl"), &row("a", "", "long ago"));
    write(
        &folder.join("credentials/chatter-allowFrom.json"),
        r#"{"version":1,"allowFrom":["42","*"]}"#,
    );
}

/// As of September 2026: databases.
fn databases(folder: &Path) {
    fs::create_dir_all(folder.join("agents/main/agent")).expect("made");
    fs::create_dir_all(folder.join("state")).expect("made");
    let agent = Connection::open(folder.join("agents/main/agent/openclaw-agent.sqlite")).expect("opened");
    agent
        .execute_batch(
            "CREATE TABLE session_nodes (session_key TEXT PRIMARY KEY, current_session_id TEXT, entry_json TEXT, updated_at INTEGER);
             CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, created_at INTEGER, event_zstd BLOB);
             CREATE TABLE auth_profile_store (store_key TEXT, store_json TEXT, updated_at INTEGER);
             CREATE TABLE session_transcript_cold_archives (session_id TEXT);
             INSERT INTO session_nodes VALUES ('agent:main:main', 's1', '{\"sessionId\":\"s1\",\"updatedAt\":5000}', 5000);
             INSERT INTO session_transcript_cold_archives VALUES ('cold');",
        )
        .expect("made");
    let profiles = json!({ "version": 1, "profiles": {
        "p:default": { "type": "api_key", "provider": "p", "key": "a-secret" },
        "q:elsewhere": { "type": "api_key", "provider": "q", "keyRef": { "source": "env", "id": "Q" } },
    } });
    agent
        .execute(
            "INSERT INTO auth_profile_store VALUES ('primary', ?1, 1)",
            [profiles.to_string()],
        )
        .expect("written");
    let packed = ruzstd::encoding::compress_to_vec(
        row("b", "a", "yes").as_bytes(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    let mut insert = agent
        .prepare("INSERT INTO transcript_events VALUES ('s1', ?1, ?2, 1, ?3)")
        .expect("prepared");
    insert
        .execute((0, Some(row("a", "", "my cat is Miezi")), None::<Vec<u8>>))
        .expect("written");
    insert
        .execute((1, None::<String>, Some(packed)))
        .expect("written");
    insert
        .execute((2, Some("{broken"), None::<Vec<u8>>))
        .expect("written");
    let shared = Connection::open(folder.join("state/openclaw.sqlite")).expect("opened");
    shared
        .execute_batch(
            "CREATE TABLE channel_pairing_allow_entries (channel_key TEXT, account_id TEXT, entry TEXT);
             CREATE TABLE cron_jobs (job_json TEXT, state_json TEXT, updated_at INTEGER);
             CREATE TABLE device_pairing_paired (device_id TEXT);
             INSERT INTO channel_pairing_allow_entries VALUES ('chatter', 'default', '42');
             INSERT INTO device_pairing_paired VALUES ('d');",
        )
        .expect("made");
    let job = json!({
        "id": "j", "name": "morning", "enabled": true, "createdAtMs": 5, "sessionTarget": "isolated",
        "schedule": { "kind": "cron", "expr": "0 7 * * *", "tz": "UTC" },
        "payload": { "kind": "agentTurn", "message": "hi" },
    });
    shared
        .execute("INSERT INTO cron_jobs VALUES (?1, '{}', 6)", [job.to_string()])
        .expect("written");
}

fn texts(journal: &Journal, id: &str) -> Vec<String> {
    let entries = journal.history(id, 100).expect("read");
    let messages = entries
        .iter()
        .map(|entry| serde_json::from_str::<openclaw_plugin_api::Message>(&entry.body).expect("a message"));
    messages.map(|message| message.plain_text()).collect()
}

#[test]
fn files_are_taken_over_once() {
    let (home, theirs) = (home(), tempfile::tempdir().expect("a folder"));
    files(theirs.path());
    let journal = home.journal();
    let dry = home.run(theirs.path(), &journal, false);
    assert_eq!(
        (dry.taken.transcripts, dry.taken.messages, dry.taken.people),
        (2, 3, 1)
    );
    assert_eq!(journal.session_count().expect("read"), 0, "a look writes nothing");
    assert!(
        pending(&home.paths, &journal).expect("read").is_none(),
        "it is not there"
    );
    let done = home.run(theirs.path(), &journal, true);
    assert_eq!(done.taken, dry.taken);
    assert_eq!(
        done.skipped.len(),
        2,
        "a transcript that is not there, and an odd entry: {:?}",
        done.skipped
    );
    let session = journal
        .find_session("agent:main:main")
        .expect("read")
        .expect("there");
    assert_eq!((session.session_id.as_str(), session.updated_ms), ("s1", 5_000));
    assert_eq!(texts(&journal, "s1"), ["my cat is Miezi", "yes"]);
    assert_eq!(texts(&journal, "s0"), ["long ago"]);
    assert_eq!(
        journal.pairing_allowed("chatter", "default").expect("read"),
        ["42"]
    );
    let again = home.run(theirs.path(), &journal, true);
    assert_eq!((again.taken, again.unchanged.transcripts), (Counts::default(), 2));
}

#[test]
fn the_same_in_a_database_is_the_same_conversation() {
    let (home, theirs) = (home(), tempfile::tempdir().expect("a folder"));
    databases(theirs.path());
    let journal = home.journal();
    let done = home.run(theirs.path(), &journal, true);
    assert_eq!(texts(&journal, "s1"), ["my cat is Miezi", "yes"], "{done:?}");
    assert_eq!(
        (
            done.taken.conversations,
            done.taken.people,
            done.taken.jobs,
            done.taken.files
        ),
        (1, 1, 1, 1)
    );
    assert_eq!(done.skipped.len(), 1, "{:?}", done.skipped);
    let keys =
        fs::read_to_string(home.folder.path().join("agents/main/agent/auth-profiles.json")).expect("written");
    assert!(keys.contains("a-secret") && !keys.contains("elsewhere"), "{keys}");
    let told = serde_json::to_string(&done).expect("JSON");
    assert!(!told.contains("a-secret"), "{told}");
    for missing in ["q:elsewhere", "cold", "devices that were paired (1)"] {
        assert!(told.contains(missing), "{missing}: {told}");
    }
    assert_eq!(journal.cron_jobs().expect("read").len(), 1);
    // what was taken back stays taken back
    let peer = crate::journal::Peer {
        channel: "chatter",
        account: "default",
        sender: "42",
    };
    assert!(journal.pairing_revoke(&peer).expect("written"));
    let again = home.run(theirs.path(), &journal, true);
    assert_eq!(again.taken, Counts::default(), "{again:?}");
    assert!(
        journal
            .pairing_allowed("chatter", "default")
            .expect("read")
            .is_empty()
    );
}

#[test]
fn agents_whose_transcripts_are_called_alike_do_not_get_each_others() {
    let there = tempfile::tempdir().expect("a folder");
    for agent in ["main", "work"] {
        let sessions = there.path().join("agents").join(agent).join("sessions");
        let key = format!("agent:{agent}:main");
        let index = json!({ key: { "sessionId": "test", "updatedAt": 5_000 } });
        write(&sessions.join("sessions.json"), &index.to_string());
        write(
            &sessions.join("test.jsonl"),
            &row("a", "", &format!("of {agent}")),
        );
    }
    let home = home();
    let journal = home.journal();
    for _ in 0..2 {
        let report = home.run(there.path(), &journal, true);
        assert!(
            report.kept_apart.len() == 1 && report.kept_apart[0].contains("\"work\""),
            "{:?}",
            report.kept_apart
        );
        let said = texts(&journal, "test");
        assert!(said.concat().contains("of main") && !said.concat().contains("of work"));
    }
}

#[test]
fn what_went_on_here_is_never_replaced() {
    let (home, theirs) = (home(), tempfile::tempdir().expect("a folder"));
    files(theirs.path());
    let journal = home.journal();
    home.run(theirs.path(), &journal, true);
    let file = theirs.path().join("agents/main/sessions/s1.jsonl");
    let more = [
        row("a", "", "my cat is Miezi"),
        row("b", "a", "yes"),
        row("c", "b", "there"),
    ]
    .join("\n");
    fs::write(&file, more).expect("written");
    let grown = home.run(theirs.path(), &journal, true);
    assert_eq!(
        grown.taken.transcripts, 1,
        "nobody went on here, so theirs is the longer one"
    );
    assert_eq!(texts(&journal, "s1").len(), 3);
    let said = crate::journal::Entry::new("t", crate::journal::EntryKind::Message, row("", "", "x"), 1);
    journal.append("s1", &[said], NOW).expect("written");
    fs::write(&file, row("a", "", "other")).expect("written");
    let apart = home.run(theirs.path(), &journal, true);
    assert_eq!(
        (apart.taken.transcripts, apart.kept_apart.len()),
        (0, 1),
        "{apart:?}"
    );
    assert_eq!(journal.length("s1").expect("read"), 4);
}

#[test]
fn a_key_in_use_keeps_its_conversation_until_it_is_free() {
    let (home, theirs) = (home(), tempfile::tempdir().expect("a folder"));
    files(theirs.path());
    let journal = home.journal();
    journal
        .session("agent:main:main", "main", "mine", NOW)
        .expect("made");
    let said = crate::journal::Entry::new("t", crate::journal::EntryKind::Message, "{}".into(), 1);
    journal.append("mine", &[said], NOW).expect("written");
    let done = home.run(theirs.path(), &journal, true);
    assert!(
        done.kept_apart[0].contains("openclaw sessions delete agent:main:main"),
        "{done:?}"
    );
    let session = journal
        .find_session("agent:main:main")
        .expect("read")
        .expect("there");
    assert_eq!(session.session_id, "mine");
    journal.delete_session("agent:main:main").expect("deleted");
    home.run(theirs.path(), &journal, true);
    let session = journal
        .find_session("agent:main:main")
        .expect("read")
        .expect("there");
    assert_eq!(session.session_id, "s1");
}

#[test]
fn a_start_says_once_that_there_is_something() {
    let home = home();
    files(home.folder.path());
    let journal = home.journal();
    let line = pending(&home.paths, &journal).expect("read").expect("something");
    assert!(line.contains("openclaw migrate"), "{line}");
    home.run(home.folder.path(), &journal, true);
    assert_eq!(pending(&home.paths, &journal).expect("read"), None);
}

#[test]
fn where_nothing_is_nothing_is_taken() {
    let (home, theirs) = (home(), tempfile::tempdir().expect("a folder"));
    let wish = Wish {
        from: theirs.path(),
        paths: &home.paths,
        config: &home.config,
        apply: false,
        scratch: home.folder.path(),
        now_ms: NOW,
    };
    assert!(matches!(
        run(&wish, None, &mut |_| {}),
        Err(ImportError::NotThere(_))
    ));
}

#[test]
fn a_run_that_was_killed_begins_anew() {
    let (home, theirs) = (home(), tempfile::tempdir().expect("a folder"));
    files(theirs.path());
    let journal = home.journal();
    // as a killed process leaves it: begun, with a piece written and no conversation
    journal.import_begin("s1", NOW).expect("written");
    let mut piece = crate::journal::Entry::new("t", crate::journal::EntryKind::Message, "{}".into(), 1);
    piece.seq = 1;
    journal.import_entries("s1", &[piece]).expect("written");
    assert_eq!(journal.session_count().expect("read"), 0);
    home.run(theirs.path(), &journal, true);
    assert_eq!(texts(&journal, "s1"), ["my cat is Miezi", "yes"]);
}
