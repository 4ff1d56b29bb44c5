//! Links in the places that the product names are followed and stay links; all others are told of.
use super::*;
use std::os::unix::fs::symlink;

/// Moves something of the state elsewhere and leaves a link that tells the way from where it is.
fn link(place: &Place, name: &str, to: &str) -> PathBuf {
    let target = place.root.path().join(to);
    fs::create_dir_all(target.parent().expect("a folder")).expect("made");
    fs::rename(place.state(name), &target).expect("moved");
    let up = "../".repeat(name.split('/').count());
    symlink(format!("{up}{to}"), place.state(name)).expect("linked");
    target
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().expect("there").is_symlink()
}

fn names(created: &Created) -> Vec<&str> {
    let entries = created.manifest.entries.iter();
    entries.map(|entry| entry.path.as_str()).collect()
}

fn main_agent(path: PathBuf) -> [(String, PathBuf); 1] {
    [("main".to_owned(), path)]
}

#[test]
fn a_linked_configuration_is_copied_and_written_through_its_link() {
    let place = Place::full();
    let target = link(&place, "openclaw.json", "dotfiles/claw.json");
    let created = place.back_up();
    assert!(names(&created).contains(&"state/openclaw.json"));
    assert_eq!(
        created.manifest.skipped,
        [text(&place.state("media/link"))],
        "the other one"
    );
    fs::write(&target, "{ newer: 1 }").expect("written");
    let restored = restore(&place.paths, &created.archive, &[], NOW).expect("restored");
    assert!(is_link(&place.state("openclaw.json")));
    assert_eq!(restored.linked, [place.state("openclaw.json")]);
    assert!(fs::read_to_string(&target).expect("there").contains("/* mine */"));
    // what was there is a file among the rest of it, and not a link to what is there now
    let kept = restored.before.expect("kept").join("openclaw.json");
    assert!(!is_link(&kept));
    assert_eq!(fs::read_to_string(&kept).expect("kept"), "{ newer: 1 }");
    assert_eq!(place.value().as_deref(), Some(&b"first"[..]));
    assert!(!place.state(WORK).exists());
}

#[test]
fn an_archive_of_a_linked_configuration_has_it_where_there_is_no_link() {
    let place = Place::full();
    link(&place, "openclaw.json", "dotfiles/claw.json");
    let created = place.back_up();
    let other = Place::new();
    let restored = restore(&other.paths, &created.archive, &[], NOW).expect("restored");
    assert!(restored.linked.is_empty() && !is_link(&other.state("openclaw.json")));
    assert!(other.read("openclaw.json").expect("there").contains("/* mine */"));
}

#[test]
fn a_linked_configuration_elsewhere_is_copied_alone() {
    let mut place = Place::full();
    let target = link(&place, "openclaw.json", "dotfiles/claw.json");
    place.paths.config_file = place.root.path().join("my.json");
    symlink(&target, &place.paths.config_file).expect("linked");
    let config = Config::default();
    let request = Request {
        only_config: true,
        ..place.request(&config)
    };
    let created = create(&request).expect("made");
    assert_eq!(names(&created), ["config/my.json"]);
    fs::write(&target, "{}").expect("written");
    restore(&place.paths, &created.archive, &[], NOW).expect("restored");
    assert!(is_link(&place.paths.config_file));
    assert!(fs::read_to_string(&target).expect("there").contains("/* mine */"));
}

#[test]
fn a_link_that_leads_nowhere_is_refused_before_anything_is_changed() {
    let place = Place::full();
    let created = place.back_up();
    let target = link(&place, "openclaw.json", "dotfiles/claw.json");
    fs::remove_file(&target).expect("removed");
    place.write("newer", "text");
    let error = restore(&place.paths, &created.archive, &[], NOW).expect_err("no way to write it");
    assert!(matches!(error, BackupError::Linked { .. }), "{error}");
    assert!(error.to_string().contains("../dotfiles/claw.json"), "{error}");
    assert!(is_link(&place.state("openclaw.json")) && place.read("newer").is_some());
    assert!(!place.state(WORK).exists() && !is_broken_off(&place.paths));
}

#[test]
fn a_linked_workspace_is_copied_and_its_link_stays() {
    // at once in the state directory, and deeper
    for name in ["workspace", "agents/main/workspace"] {
        let place = Place::full();
        place.write(&format!("{name}/MEMORY.md"), "then");
        let config =
            Config::from_value(json!({"agents": {"entries": {"main": {"workspace": place.state(name)}}}}));
        let config = config.expect("valid");
        let known = main_agent(place.state(name));
        let plain = Request {
            output: Some(place.root.path().join("plain.tar.gz")),
            ..place.request(&config)
        };
        let plain = create(&plain).expect("made");
        let target = link(&place, name, "notes");
        symlink("MEMORY.md", target.join("again")).expect("linked");
        let linked = create(&place.request(&config)).expect("made");
        let entry = format!("state/{name}/MEMORY.md");
        assert!(names(&linked).contains(&&*entry), "{name}");
        let inner = text(&place.state(name).join("again"));
        assert!(
            linked.manifest.skipped.contains(&inner),
            "a link of its own is told of"
        );
        let into = Request {
            output: Some(target.join("a.tar.gz")),
            ..place.request(&config)
        };
        assert!(matches!(create(&into), Err(BackupError::Inside(_))));

        // also what was copied when it was no link yet goes where the link leads, if that is free
        for created in [plain, linked] {
            fs::write(target.join("MEMORY.md"), "now").expect("written");
            let restored = restore(&place.paths, &created.archive, &known, NOW).expect("restored");
            assert!(is_link(&place.state(name)));
            assert_eq!(
                fs::read_to_string(target.join("MEMORY.md")).expect("there"),
                "now"
            );
            let copy = restored.workspaces[0].1.join("MEMORY.md");
            assert_eq!(fs::read_to_string(copy).expect("there"), "then", "{name}");

            fs::remove_dir_all(&target).expect("removed");
            fs::create_dir(&target).expect("made");
            let restored = restore(&place.paths, &created.archive, &known, NOW).expect("restored");
            assert_eq!(restored.workspaces, known);
            assert!(is_link(&place.state(name)));
            assert_eq!(
                fs::read_to_string(target.join("MEMORY.md")).expect("there"),
                "then"
            );
        }
    }
}

#[test]
fn a_linked_workspace_elsewhere_is_copied() {
    let place = Place::full();
    let (work, notes) = (place.root.path().join("work"), place.root.path().join("notes"));
    fs::create_dir(&notes).expect("made");
    fs::write(notes.join("a.md"), "then").expect("written");
    symlink(&notes, &work).expect("linked");
    let config = Config::from_value(json!({"agents": {"entries": {"main": {"workspace": work}}}}));
    let config = config.expect("valid");
    let created = create(&place.request(&config)).expect("made");
    assert!(names(&created).contains(&"workspace/0/a.md"));
    // a link that leads nowhere is no place for it
    fs::remove_dir_all(&notes).expect("removed");
    let restored = restore(&place.paths, &created.archive, &main_agent(work.clone()), NOW).expect("restored");
    assert!(is_link(&work) && restored.workspaces[0].1.join("a.md").is_file());
}

#[test]
fn a_workspace_that_holds_the_state_is_not_copied_into_itself() {
    let place = Place::full();
    fs::remove_dir_all(place.state("workspace")).expect("removed");
    symlink("..", place.state("workspace")).expect("linked");
    let created = place.back_up();
    assert!(
        created
            .manifest
            .skipped
            .contains(&text(&place.state("workspace")))
    );
    assert!(created.manifest.left_out.contains("workspace"));
    assert!(!names(&created).iter().any(|name| name.contains("workspace")));
    let root = place.root.path();
    let config = Config::from_value(json!({"agents": {"entries": {"main": {"workspace": root}}}}));
    let config = config.expect("valid");
    let told = create(&Request {
        dry_run: true,
        output: Some(std::env::temp_dir().join("never-made.tar.gz")),
        ..place.request(&config)
    });
    assert!(told.expect("told").manifest.skipped.contains(&text(root)));
}

#[test]
fn any_other_link_is_left_out_is_told_of_and_stays() {
    let place = Place::full();
    let journal = Journal::open(&place.state("state.db")).expect("opened");
    journal.add_media(&meanwhile::media("a"), 1).expect("written");
    drop(journal);
    let target = link(&place, "media", "disk/media");
    let created = place.back_up();
    assert_eq!(created.manifest.skipped, [text(&place.state("media"))]);
    assert!(created.manifest.left_out.contains("media"));
    let verified = verify(&created.archive).expect("whole");
    assert_eq!((verified.missing, verified.manifest.skipped.len()), (1, 1));
    restore(&place.paths, &created.archive, &[], NOW).expect("restored");
    assert!(is_link(&place.state("media")) && target.join("a").is_file());
    assert_eq!(place.read("media/a").as_deref(), Some("picture"));
}

#[test]
fn a_restore_over_a_link_that_was_broken_off_is_brought_to_its_end() {
    for (moved, noted) in [(false, false), (true, false), (true, true)] {
        let place = Place::full();
        let created = place.back_up();
        let target = link(&place, "openclaw.json", "dotfiles/claw.json");
        fs::write(&target, "{ newer: 1 }").expect("written");
        let (work, before) = (place.state(WORK), place.state("before-restore-2"));
        fs::create_dir(&work).expect("made");
        let verified = read::unpack(&created.archive, &read::Take::All(&work)).expect("unpacked");
        let (_, mut plan) = plan::plan(&place.paths, verified, &[], NOW, &|_| false).expect("planned");
        plan.before = "before-restore-2".into();
        let text = serde_json::to_vec(&plan).expect("written");
        fs::write(work.join("plan.json"), text).expect("written");
        fs::create_dir(&before).expect("made");
        if moved {
            fs::rename(place.state("openclaw.json"), before.join("openclaw.json")).expect("moved");
        }
        if noted {
            fs::rename(work.join("kept/openclaw.json"), before.join("openclaw.json")).expect("moved");
            for entry in fs::read_dir(&place.paths.state_dir).expect("a folder").flatten() {
                let name = entry.file_name().into_string().expect("text");
                if ![WORK, LOCK, LOGS].contains(&&*name) && !name.starts_with(BEFORE) {
                    fs::rename(entry.path(), before.join(name)).expect("moved");
                }
            }
            fs::write(work.join("aside"), "").expect("written");
        }
        finish(&place.paths).expect("finished");
        assert!(is_link(&place.state("openclaw.json")) && !work.exists());
        assert!(fs::read_to_string(&target).expect("there").contains("/* mine */"));
        let kept = before.join("openclaw.json");
        assert!(!is_link(&kept));
        assert_eq!(fs::read_to_string(kept).expect("kept"), "{ newer: 1 }");
    }
}

#[test]
fn the_state_directory_may_be_a_link_from_another_disk() {
    let mut place = Place::full();
    let away = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let away = away.expect("a folder");
    let link = away.path().join("state");
    symlink(&place.paths.state_dir, &link).expect("linked");
    place.paths.config_file = link.join("openclaw.json");
    place.paths.state_dir = link;
    let created = place.back_up();
    place.write("openclaw.json", "{}");
    restore(&place.paths, &created.archive, &[], NOW).expect("restored");
    assert!(is_link(&place.paths.state_dir));
    assert!(place.read("openclaw.json").expect("there").contains("/* mine */"));
}
