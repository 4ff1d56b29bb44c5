//! Changes of files, as they are seen.
use super::*;
use std::path::Path;
use tempfile::TempDir;

struct Folder {
    temp: TempDir,
    written: u64,
}

impl Folder {
    fn new(text: &str) -> (Self, Watch) {
        let mut folder = Self {
            temp: tempfile::tempdir().unwrap(),
            written: 0,
        };
        folder.write("openclaw.json", text);
        let state = folder.temp.path().to_str().unwrap();
        let env: Env = [("OPENCLAW_STATE_DIR", state)].into_iter().collect();
        let paths = Paths::resolve(&env).unwrap();
        let loaded = Loaded::read(&paths, &env).unwrap();
        let watch = Watch::new(paths, env, &loaded);
        (folder, watch)
    }

    /// Writes a file with a time that no earlier one has.
    fn write(&mut self, name: &str, text: &str) {
        let path = self.temp.path().join(name);
        fs::write(&path, text).unwrap();
        self.written += 1;
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + self.written);
        fs::File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }
}

/// Looks until the files are quiet.
fn news(watch: &mut Watch) -> Option<News> {
    assert!(watch.look().is_none(), "nothing is read while files change");
    watch.look()
}

fn changed(watch: &mut Watch) -> Vec<String> {
    match news(watch) {
        Some(News::Changed(change)) => change.paths.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_change_is_told_once_with_its_paths() {
    let (mut folder, mut watch) = Folder::new("{ gateway: { port: 1 } }");
    assert!(news(&mut watch).is_none());
    folder.write("openclaw.json", "{ gateway: { port: 2 }, logging: {} }");
    assert_eq!(changed(&mut watch), ["gateway.port", "logging"]);
    assert_eq!(watch.running.gateway.port, Some(2));
    assert!(news(&mut watch).is_none());
    folder.write(
        "openclaw.json",
        "{ gateway: { port: 2 }, /* only a comment */ logging: {} }",
    );
    assert!(news(&mut watch).is_none());
}

#[test]
fn what_changed_before_anybody_looked_is_seen() {
    let (mut folder, watch) = Folder::new("{ gateway: { port: 1 } }");
    let (paths, env) = (watch.paths.clone(), watch.env.clone());
    let loaded = Loaded::read(&paths, &env).unwrap();
    folder.write("openclaw.json", "{ gateway: { port: 2 } }");
    let mut watch = Watch::new(paths, env, &loaded);
    let Some(News::Changed(change)) = watch.look() else {
        panic!("it has changed");
    };
    assert_eq!(change.after.gateway.port, Some(2));
    assert!(news(&mut watch).is_none());
}

#[test]
fn a_broken_file_changes_nothing() {
    let (mut folder, mut watch) = Folder::new("{ gateway: { port: 1 } }");
    for text in [
        "{ gateway: { port: 2 }",
        "",
        "{ gateway: { port: 'x' } }",
        "{ gatewai: {} }",
    ] {
        folder.write("openclaw.json", text);
        let Some(News::Broken(why)) = news(&mut watch) else {
            panic!("{text} is broken");
        };
        assert!(why.contains("openclaw.json"), "{why}");
        assert_eq!(watch.running.gateway.port, Some(1));
    }
    fs::remove_file(folder.path("openclaw.json")).unwrap();
    assert!(matches!(news(&mut watch), Some(News::Broken(_))));
    folder.write("openclaw.json", "{ gateway: { port: 1 } }");
    assert!(matches!(news(&mut watch), Some(News::Mended)));
}

#[test]
fn included_files_are_watched_from_when_they_are_included() {
    let (mut folder, mut watch) = Folder::new("{}");
    folder.write("more.json", "{ port: 1 }");
    assert!(news(&mut watch).is_none());
    folder.write("openclaw.json", "{ gateway: { $include: 'more.json' } }");
    assert_eq!(changed(&mut watch), ["gateway.port"]);
    folder.write("more.json", "{ port: 2 }");
    assert_eq!(changed(&mut watch), ["gateway.port"]);
    folder.write("more.json", "{ port: ");
    assert!(matches!(news(&mut watch), Some(News::Broken(_))));
    folder.write("more.json", "{ port: 3 }");
    assert_eq!(changed(&mut watch), ["gateway.port"]);
}

#[test]
fn a_fault_in_a_file_that_is_included_since_now_is_mended_there() {
    let main = "{ gateway: { $include: 'more.json' } }";
    // not there, cut off, and read with a value that can't be
    for fault in [None, Some("{ port: "), Some("{ port: 'x' }")] {
        let (mut folder, mut watch) = Folder::new("{}");
        if let Some(text) = fault {
            folder.write("more.json", text);
        }
        folder.write("openclaw.json", main);
        assert!(matches!(news(&mut watch), Some(News::Broken(_))), "{fault:?}");
        // it is told once
        for _ in 0..3 {
            assert!(watch.look().is_none(), "{fault:?}");
        }
        folder.write("more.json", "{ port: 7 }");
        let Some(News::Changed(change)) = (0..3).find_map(|_| watch.look()) else {
            panic!("{fault:?}: nobody noticed");
        };
        assert_eq!(change.after.gateway.port, Some(7));
    }
}

#[test]
fn a_change_knows_what_it_touches() {
    let (mut folder, mut watch) = Folder::new("{}");
    folder.write(
        "openclaw.json",
        "{ gateway: { port: 2 }, channels: { a: { x: 1 } } }",
    );
    let Some(News::Changed(change)) = news(&mut watch) else {
        panic!("it changed");
    };
    let touches = |path: &str| change.touches(&path.parse().unwrap());
    assert!(touches("channels.a") && touches("gateway.port") && touches("channels"));
    assert!(!touches("agents") && !touches("messages.queue"));
    let restart: Vec<_> = change.needs_restart().map(ToString::to_string).collect();
    assert_eq!(restart, ["gateway.port"]);
}

#[tokio::test(start_paused = true)]
async fn the_task_tells_the_news_and_ends_with_its_listener() {
    let (mut folder, watch) = Folder::new("{}");
    let (_reader, asked) = Reader::new();
    let mut receiver = watch.run(asked);
    folder.write("openclaw.json", "{ logging: {} }");
    assert!(matches!(receiver.recv().await, Some(News::Changed(_))));
    drop(receiver);
    assert!(Path::new(&folder.path("openclaw.json")).exists());
}
