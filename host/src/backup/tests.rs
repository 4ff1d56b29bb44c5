//! Backups: what is copied comes back the same, a crash leaves one state or the other, and no archive leads anywhere else.
use super::*;
use crate::{
    config::{Config, Paths},
    journal::Journal,
};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};
use tar::{Builder, EntryType, Header};

mod links;
mod meanwhile;
mod mounts;

const NOW: i64 = 1_790_000_000_000;

struct Place {
    root: tempfile::TempDir,
    paths: Paths,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let state = root.path().join("state");
        fs::create_dir(&state).expect("made");
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).expect("a mode");
        let paths = Paths {
            config_file: state.join("openclaw.json"),
            state_dir: state,
            home: None,
            include_roots: Vec::new(),
        };
        Self { root, paths }
    }

    /// One with something of everything.
    fn full() -> Self {
        let place = Self::new();
        for (name, text) in [
            ("openclaw.json", "{ /* mine */ gateway: { mode: 'local' } }"),
            ("credentials/irc-allowFrom.json", "{}"),
            ("media/a", "picture"),
            ("workspace/MEMORY.md", "she likes tea"),
            ("plugins/x.so", "library"),
            ("plugins/.staged/x-1.so", "copy"),
            ("logs/today.log", "line"),
            ("gateway.lock", "{}"),
            ("before-restore-1/openclaw.json", "old"),
        ] {
            place.write(name, text);
        }
        let long = format!("media/{}/{}", "d".repeat(120), "f".repeat(120));
        place.write(&long, "a long name");
        fs::set_permissions(place.state("plugins/x.so"), fs::Permissions::from_mode(0o755)).expect("a mode");
        std::os::unix::fs::symlink("/etc/passwd", place.state("media/link")).expect("linked");
        let journal = Journal::open(&place.state("state.db")).expect("opened");
        journal.put("p", "k", b"first", None, 1).expect("written");
        place
    }

    fn state(&self, name: &str) -> PathBuf {
        self.paths.state_dir.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.state(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.state(name)).ok()
    }

    fn request<'r>(&'r self, config: &'r Config) -> Request<'r> {
        Request {
            paths: &self.paths,
            config,
            output: Some(self.root.path().join("a.tar.gz")),
            workspaces: true,
            only_config: false,
            dry_run: false,
            now_ms: NOW,
        }
    }

    fn back_up(&self) -> Created {
        let config = Config::default();
        create(&self.request(&config)).expect("made")
    }

    fn value(&self) -> Option<Vec<u8>> {
        let journal = Journal::open_beside(&self.state("state.db")).expect("opened");
        journal.get("p", "k", 2).expect("read")
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("text").to_owned()
}

#[test]
fn what_was_copied_comes_back_and_what_was_there_is_kept() {
    let place = Place::full();
    // the gateway is at work
    let journal = Journal::open(&place.state("state.db")).expect("opened");
    let created = place.back_up();
    let mode = fs::metadata(&created.archive)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(created.manifest.skipped, [text(&place.state("media/link"))]);
    assert!(created.manifest.left_out.contains("logs"));
    let verified = verify(&created.archive).expect("whole");
    assert_eq!(
        verified.manifest.entries.len(),
        7,
        "{:#?}",
        verified.manifest.entries
    );
    assert!(verified.database.is_some());

    journal.put("p", "k", b"second", None, 1).expect("written");
    drop(journal);
    place.write("openclaw.json", "{}");
    place.write("newer", "text");
    place.write("logs/today.log", "line\nline");
    fs::remove_file(place.state("media/a")).expect("removed");
    let restored = restore(&place.paths, &created.archive, &[], NOW + 1000).expect("restored");
    assert_eq!(place.value().as_deref(), Some(&b"first"[..]));
    assert!(place.read("openclaw.json").expect("there").contains("/* mine */"));
    assert_eq!(place.read("media/a").as_deref(), Some("picture"));
    assert_eq!(
        place.read("workspace/MEMORY.md").as_deref(),
        Some("she likes tea")
    );
    assert_eq!(
        place.read("logs/today.log").as_deref(),
        Some("line\nline"),
        "logs tell what was"
    );
    assert_eq!(place.read("newer"), None);
    assert!(!place.state(".restore").exists() && place.state("gateway.lock").exists());
    assert!(place.state("before-restore-1").exists(), "an earlier one stays");
    let library = fs::metadata(place.state("plugins/x.so"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(library & 0o777, 0o700);
    let before = restored.before.expect("kept");
    assert_eq!(fs::read_to_string(before.join("newer")).expect("kept"), "text");
    assert_eq!(
        fs::read_to_string(before.join("openclaw.json")).expect("kept"),
        "{}"
    );
    let old = Journal::open_beside(&before.join("state.db")).expect("opened");
    assert_eq!(
        old.get("p", "k", 2).expect("read").as_deref(),
        Some(&b"second"[..])
    );
}

#[test]
fn what_is_left_out_stays_where_it_is() {
    let place = Place::full();
    let config = Config::default();
    let request = Request {
        workspaces: false,
        ..place.request(&config)
    };
    let created = create(&request).expect("made");
    assert!(created.manifest.left_out.contains("workspace"));
    place.write("workspace/MEMORY.md", "and coffee");
    restore(&place.paths, &created.archive, &[], NOW).expect("restored");
    assert_eq!(place.read("workspace/MEMORY.md").as_deref(), Some("and coffee"));
}

#[test]
fn workspaces_elsewhere_are_copied_and_never_replaced() {
    let place = Place::full();
    let work = place.root.path().join("work");
    fs::create_dir(&work).expect("made");
    fs::write(work.join("a.md"), "then").expect("written");
    let text = json!({"agents": {"entries": {"main": {"workspace": work}}}});
    place.write("openclaw.json", &text.to_string());
    let config = Config::from_value(text).expect("valid");
    let created = create(&place.request(&config)).expect("made");
    fs::write(work.join("a.md"), "now").expect("written");
    let known = [("main".to_owned(), work.clone())];
    let restored = restore(&place.paths, &created.archive, &known, NOW).expect("restored");
    assert_eq!(fs::read_to_string(work.join("a.md")).expect("there"), "now");
    assert_eq!(
        fs::read_to_string(restored.workspaces[0].1.join("a.md")).expect("there"),
        "then"
    );
    // where its place is free it comes back there, if it is a place that is known here
    fs::remove_dir_all(&work).expect("removed");
    restore(&place.paths, &created.archive, &[], NOW).expect("restored");
    assert!(!work.exists());
    restore(&place.paths, &created.archive, &known, NOW).expect("restored");
    assert_eq!(fs::read_to_string(work.join("a.md")).expect("there"), "then");
}

#[test]
fn the_configuration_alone_and_one_that_lies_elsewhere() {
    let mut place = Place::full();
    let folder = place.root.path().join("etc");
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("my.json"), "{ $include: './part.json' }").expect("written");
    fs::write(folder.join("part.json"), "{ gateway: { port: 5 } }").expect("written");
    place.paths.config_file = folder.join("my.json");
    let config = Config::default();
    let request = Request {
        only_config: true,
        ..place.request(&config)
    };
    let created = create(&request).expect("made");
    let names: Vec<_> = created
        .manifest
        .entries
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(names, ["config/my.json", "config/part.json"]);
    fs::write(folder.join("part.json"), "{}").expect("written");
    let restored = restore(&place.paths, &created.archive, &[], NOW).expect("restored");
    assert!(restored.before.is_none() && place.value().is_some());
    assert!(
        fs::read_to_string(folder.join("part.json"))
            .expect("there")
            .contains("port: 5")
    );
    assert_eq!(
        fs::read_to_string(folder.join("part.json.bak")).expect("kept"),
        "{}"
    );
}

#[test]
fn it_is_made_in_one_step_and_overwrites_nothing() {
    let place = Place::full();
    let config = Config::default();
    let request = place.request(&config);
    let dry = Request {
        dry_run: true,
        ..request.clone()
    };
    let told = create(&dry).expect("told");
    assert!(!told.archive.exists() && told.manifest.entries.len() == 6);
    create(&request).expect("made");
    assert!(matches!(create(&request), Err(BackupError::Exists(_))));
    let inside = Request {
        output: Some(place.state("b.tar.gz")),
        ..request.clone()
    };
    assert!(matches!(create(&inside), Err(BackupError::Inside(_))));
    let elsewhere = Request {
        output: Some(place.root.path().join("not/yet")),
        ..request.clone()
    };
    let made = create(&elsewhere).expect("made, with its folder").archive;
    assert!(made.is_file() && made.starts_with(place.root.path().join("not/yet")));
    let inside = Request {
        output: Some(place.state("not/yet")),
        ..request.clone()
    };
    assert!(matches!(create(&inside), Err(BackupError::Inside(_))));
    fs::remove_dir_all(place.root.path().join("not")).expect("removed");
    let left: Vec<_> = fs::read_dir(place.root.path())
        .expect("a folder")
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_restore_that_is_broken_off_anywhere_is_brought_to_its_end() {
    /// Everything in a state, without what a restore keeps aside.
    fn all(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut open = vec![folder.to_owned()];
        while let Some(path) = open.pop() {
            let name = path
                .strip_prefix(folder)
                .expect("below")
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && !name.starts_with(BEFORE) {
                open.extend(fs::read_dir(&path).expect("a folder").flatten().map(|e| e.path()));
            } else if path.is_file() && !name.starts_with("state.db-") {
                found.insert(name, fs::read(&path).expect("read"));
            }
        }
        found
    }
    let place = Place::full();
    let created = place.back_up();
    restore(&place.paths, &created.archive, &[], NOW).expect("restored");
    let wanted = all(&place.paths.state_dir);
    // each of these is what a crash may leave: so many entries moved aside, so many moved in
    for aside in 0..=8 {
        for moved_in in [0, 1, 3, 100] {
            let broken = Place::full();
            broken.write("newer", "text");
            let work = broken.state(WORK);
            fs::create_dir(&work).expect("made");
            read::unpack(&created.archive, &read::Take::All(&work)).expect("unpacked");
            let plan = json!({"kind": "full", "before": "before-restore-2", "stay": [WORK, LOCK, LOGS], "workspaces": [],
                "configFolder": null, "configName": null});
            fs::write(work.join("plan.json"), plan.to_string()).expect("written");
            let before = broken.state("before-restore-2");
            fs::create_dir(&before).expect("made");
            let mut old: Vec<_> = fs::read_dir(&broken.paths.state_dir)
                .expect("a folder")
                .flatten()
                .collect();
            old.retain(|entry| {
                let name = entry.file_name().into_string().expect("text");
                ![WORK, LOCK, LOGS].contains(&name.as_str()) && !name.starts_with(BEFORE)
            });
            let whole = aside >= old.len();
            for entry in old.iter().take(aside) {
                fs::rename(entry.path(), before.join(entry.file_name())).expect("moved");
            }
            if whole {
                fs::write(work.join("aside"), "").expect("written");
                let new: Vec<_> = fs::read_dir(work.join(STATE))
                    .expect("a folder")
                    .flatten()
                    .collect();
                for entry in new.iter().take(moved_in) {
                    fs::rename(
                        entry.path(),
                        broken.state(entry.file_name().to_str().expect("text")),
                    )
                    .expect("moved");
                }
            }
            assert!(is_broken_off(&broken.paths));
            let config = Config::default();
            let refused = create(&broken.request(&config));
            assert!(matches!(refused, Err(BackupError::Unfinished)));
            finish(&broken.paths).expect("finished");
            assert!(!is_broken_off(&broken.paths));
            assert_eq!(all(&broken.paths.state_dir), wanted, "{aside} {moved_in}");
            assert_eq!(fs::read(before.join("newer")).expect("kept"), b"text");
        }
    }
}

#[test]
fn what_can_not_be_renamed_is_copied() {
    let root = tempfile::tempdir().expect("a folder");
    let (from, to) = (root.path().join("from"), root.path().join("to"));
    fs::create_dir_all(from.join("inner")).expect("made");
    fs::write(from.join("inner/a"), "whole").expect("written");
    std::os::unix::fs::symlink("a", from.join("inner/link")).expect("linked");
    // as an earlier try left it
    fs::create_dir_all(to.join("inner")).expect("made");
    fs::write(to.join("inner/a"), "wh").expect("written");
    restore::relocate(&from, &to).expect("moved");
    assert!(!from.exists());
    assert_eq!(
        fs::read_to_string(to.join("inner/link")).expect("followed"),
        "whole"
    );
}

#[test]
fn what_failed_before_the_decision_changed_nothing() {
    let place = Place::full();
    let created = place.back_up();
    let bytes = fs::read(&created.archive).expect("read");
    let archive = place.root.path().join("bad.tar.gz");
    for length in [0, 10, bytes.len() / 2, bytes.len() - 20] {
        fs::write(&archive, &bytes[..length]).expect("written");
        restore(&place.paths, &archive, &[], NOW).expect_err("cut off");
        assert!(!place.state(WORK).exists());
        assert_eq!(
            place.read("workspace/MEMORY.md").as_deref(),
            Some("she likes tea")
        );
    }
}

/// An archive of these entries, with a manifest that lists those that are files.
fn forged(path: &Path, entries: &[(&str, EntryType, &[u8])], change: impl FnOnce(&mut serde_json::Value)) {
    let mut builder = Builder::new(GzEncoder::new(
        fs::File::create(path).expect("made"),
        Compression::fast(),
    ));
    let mut listed = Vec::new();
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        // as written, without the library's own care
        header.as_gnu_mut().expect("gnu").name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o600);
        header.set_size(content.len() as u64);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("/etc/passwd").expect("a name");
        }
        header.set_cksum();
        builder.append(&header, *content).expect("packed");
        let sha256 = create::hex(&Sha256::digest(content));
        listed.push(json!({"path": name, "size": content.len(), "sha256": sha256}));
    }
    let mut manifest = json!({"schemaVersion": 1, "createdMs": 1, "createdAt": "then", "runtimeVersion": "0", "kind": "full",
        "stateDir": "/s", "configFile": null, "leftOut": [], "outside": [], "entries": listed});
    change(&mut manifest);
    let text = manifest.to_string();
    let mut header = Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    builder
        .append_data(&mut header, MANIFEST, text.as_bytes())
        .expect("packed");
    builder.into_inner().expect("packed").finish().expect("packed");
}

#[test]
fn archives_that_lead_elsewhere_are_refused() {
    let place = Place::full();
    let archive = place.root.path().join("bad.tar.gz");
    let outside = place.root.path().join("escaped");
    let file = EntryType::Regular;
    let table: &[(&str, EntryType)] = &[
        ("../escaped", file),
        ("state/../../escaped", file),
        ("/tmp/escaped", file),
        ("state/x", EntryType::Symlink),
        ("state/x", EntryType::Link),
        ("state/x", EntryType::Char),
        ("state/x", EntryType::Fifo),
        ("state/x", EntryType::Directory),
        ("state/.restore/plan.json", file),
        ("state/gateway.lock", file),
        ("elsewhere/x", file),
    ];
    for (name, kind) in table {
        forged(
            &archive,
            &[(name, *kind, if *kind == file { b"x" } else { b"" })],
            |_| {},
        );
        for error in [
            verify(&archive).expect_err(name).to_string(),
            restore(&place.paths, &archive, &[], NOW)
                .expect_err(name)
                .to_string(),
        ] {
            assert!(error.contains("nothing was changed"), "{error}");
        }
        assert!(!outside.exists() && !place.state(WORK).exists());
    }
}

#[test]
fn archives_that_contradict_themselves_are_refused() {
    let place = Place::new();
    let archive = place.root.path().join("bad.tar.gz");
    let good: (&str, EntryType, &[u8]) = ("state/a", EntryType::Regular, b"x");
    forged(&archive, &[good], |_| {});
    verify(&archive).expect("a good one");
    type Change = fn(&mut serde_json::Value);
    let changes: [(&str, Change); 8] = [
        ("hash", |m| m["entries"][0]["sha256"] = json!("00")),
        ("size", |m| m["entries"][0]["size"] = json!(7)),
        ("missing", |m| {
            m["entries"].as_array_mut().expect("a list").clear()
        }),
        ("extra", |m| {
            m["entries"]
                .as_array_mut()
                .expect("a list")
                .push(json!({"path": "state/b", "size": 0, "sha256": ""}))
        }),
        ("version", |m| m["schemaVersion"] = json!(2)),
        ("left out", |m| m["leftOut"] = json!(["a"])),
        ("no name", |m| m["leftOut"] = json!(["../x"])),
        ("no manifest", |m| *m = json!([])),
    ];
    for (what, change) in changes {
        forged(&archive, &[good], change);
        verify(&archive).expect_err(what);
    }
    forged(&archive, &[good, good], |_| {});
    verify(&archive).expect_err("twice");
    let database: (&str, EntryType, &[u8]) = ("state/state.db", EntryType::Regular, b"no database");
    forged(&archive, &[database], |_| {});
    verify(&archive).expect_err("no database");
}
