//! What is mounted into the state directory by itself, as containers do, and what is told of it beforehand.
use super::{super::rehearse::rehearse_with, super::restore::restore_with, *};

/// Says that only this is mounted.
fn only(path: PathBuf) -> impl Fn(&Path) -> bool {
    move |other| other == path
}

#[test]
fn a_configuration_that_is_mounted_by_itself_is_written_where_it_is() {
    let place = Place::full();
    let created = place.back_up();
    place.write("openclaw.json", "{ newer: 1 }");
    let is_mounted = only(place.state("openclaw.json"));
    rehearse_with(&place.paths, &created.archive, &is_mounted).expect("it can be restored");
    let restored = restore_with(&place.paths, &created.archive, &[], NOW, &is_mounted).expect("restored");
    assert!(place.read("openclaw.json").expect("there").contains("/* mine */"));
    // it was written over and not moved: that keeps what was there beside it
    assert_eq!(place.read("openclaw.json.bak").as_deref(), Some("{ newer: 1 }"));
    let kept = restored.before.expect("kept").join("openclaw.json");
    assert_eq!(fs::read_to_string(kept).expect("kept"), "{ newer: 1 }");
    assert!(restored.linked.is_empty() && !place.state(WORK).exists());
    assert_eq!(place.value().as_deref(), Some(&b"first"[..]));
}

#[test]
fn what_else_is_mounted_is_refused_before_anything_is_changed() {
    let place = Place::full();
    let created = place.back_up();
    place.write("newer", "text");
    for name in ["newer", "media"] {
        let is_mounted = only(place.state(name));
        let restored = restore_with(&place.paths, &created.archive, &[], NOW, &is_mounted);
        let error = restored.expect_err("it can't be moved");
        assert!(matches!(&error, BackupError::Mounted(path) if *path == place.state(name)));
        assert!(place.read("newer").is_some() && !place.state(WORK).exists());
        let told = rehearse_with(&place.paths, &created.archive, &is_mounted).expect_err("told before");
        assert_eq!(told.to_string(), error.to_string());
    }
    // what an archive leaves out stays, so it may be a disk
    let is_mounted = only(place.state("logs"));
    rehearse_with(&place.paths, &created.archive, &is_mounted).expect("nobody moves it");
}

#[test]
fn a_rehearsal_tells_of_a_link_that_leads_nowhere_and_of_what_is_the_same() {
    let place = Place::full();
    let created = place.back_up();
    let target = place.root.path().join("claw.json");
    let link = place.state("openclaw.json");
    fs::rename(&link, &target).expect("moved");
    std::os::unix::fs::symlink(&target, &link).expect("linked");
    rehearse(&place.paths, &created.archive).expect("it can be written through the link");
    fs::remove_file(&target).expect("removed");
    let told = rehearse(&place.paths, &created.archive).expect_err("it leads nowhere");
    assert!(matches!(told, BackupError::Linked { .. }), "{told}");
    assert!(link.is_symlink() && !place.state(WORK).exists());
}

#[test]
fn a_configuration_that_can_not_be_written_is_told_before_anything_is_decided() {
    let mut place = Place::full();
    let config = Config::default();
    let request = Request {
        only_config: true,
        ..place.request(&config)
    };
    let created = create(&request).expect("made");
    // nobody can make a file there, whoever he is
    let no_folder = place.root.path().join("file");
    fs::write(&no_folder, "").expect("written");
    place.paths.config_file = no_folder.join("openclaw.json");
    let error = restore(&place.paths, &created.archive, &[], NOW).expect_err("it can't be written");
    assert!(matches!(error, BackupError::Unwritable(_)), "{error}");
    assert!(!is_broken_off(&place.paths) && !place.state(WORK).exists());
    let told = rehearse(&place.paths, &created.archive).expect_err("told before");
    assert!(matches!(told, BackupError::Unwritable(_)), "{told}");
}

#[test]
fn the_system_says_what_is_mounted() {
    let place = Place::full();
    assert!(super::super::links::is_mounted(Path::new("/proc")));
    assert!(!super::super::links::is_mounted(&place.state("media")));
    assert!(!super::super::links::is_mounted(&place.state("openclaw.json")));
}
