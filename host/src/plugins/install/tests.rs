//! A corpus of hostile archives, and the store. After each refusal the surroundings are exactly as before.

use std::{
    fs,
    io::{Cursor, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use cap_std::{ambient_authority, fs::Dir};
use flate2::{Compression, write::GzEncoder};
use tar::{EntryType, Header};
use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;

const LIBRARY: &[u8] = b"\x7fELF library";

/// One entry of a tar archive, written without the checks of the builder.
fn entry(name: &[u8], kind: EntryType, content: &[u8], change: impl Fn(&mut Header)) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o777);
    change(&mut header);
    header.set_cksum();
    let padding = vec![0; content.len().next_multiple_of(512) - content.len()];
    [header.as_bytes(), content, &padding].concat()
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    entry(name.as_bytes(), EntryType::Regular, content, |_| {})
}

fn link(name: &str, kind: EntryType, target: &str) -> Vec<u8> {
    entry(name.as_bytes(), kind, b"", |header| {
        header.set_link_name(target).unwrap()
    })
}

fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(entries: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content, mode) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default().unix_permissions(*mode))
            .unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn stored(content: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("libx.so", options).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap().into_inner()
}

/// Replaces all occurrences of `from`, which must be as long as `to`.
fn patch(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut changed = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            changed += 1;
        }
    }
    assert!(changed > 0);
    bytes
}

/// Everything below a folder: path, kind, mode, content.
fn listing(folder: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut all = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            all.extend(listing(&path));
        }
        let content = if metadata.is_file() {
            fs::read(&path).unwrap()
        } else {
            Vec::new()
        };
        all.push((path, metadata.mode(), content));
    }
    all.sort();
    all
}

/// A folder with an archive, a neighbour, and the empty folder `into`.
struct Scene {
    temp: TempDir,
    archive: PathBuf,
}

impl Scene {
    fn new(name: &str, archive: &[u8]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("into")).unwrap();
        fs::write(temp.path().join("neighbour"), "untouched").unwrap();
        let path = temp.path().join(name);
        fs::write(&path, archive).unwrap();
        Self { temp, archive: path }
    }

    fn unpack(&self, limits: &Limits) -> Result<Unpacked, UnpackError> {
        let into = Dir::open_ambient_dir(self.temp.path().join("into"), ambient_authority()).unwrap();
        unpack(&self.archive, &into, limits)
    }
}

fn refused(name: &str, archive: &[u8], limits: &Limits, part: &str) {
    let scene = Scene::new("archive", archive);
    let before = listing(scene.temp.path());
    let error = scene.unpack(limits).expect_err(name).to_string();
    assert!(error.contains(part), "{name}: {error}");
    assert_eq!(listing(scene.temp.path()), before, "{name}");
}

#[test]
fn every_format_is_unpacked() {
    let parts = [
        entry(b"demo-1.0/", EntryType::Directory, b"", |_| {}),
        entry(b"pax", EntryType::XHeader, b"19 mtime=1234567.5\n", |_| {}),
        file("demo-1.0/libdemo.so", LIBRARY),
        file("demo-1.0/README.md", b"hello"),
        file("demo-1.0/docs/use.md", b"how"),
        file("demo-1.0/openclaw.plugin.json", b"{}"),
    ];
    let zipped = zip(&[
        ("demo-1.0/libdemo.so", LIBRARY, 0o755),
        ("demo-1.0/README.md", b"hello", 0o644),
        ("demo-1.0/docs/use.md", b"how", 0o644),
    ]);
    for archive in [tar(&parts), gz(&tar(&parts)), zipped] {
        let scene = Scene::new("archive", &archive);
        let unpacked = scene.unpack(&Limits::default()).unwrap();
        assert_eq!(
            (&*unpacked.library, unpacked.texts),
            ("libdemo.so", vec!["README.md".into(), "docs/use.md".into()])
        );
        let into = scene.temp.path().join("into");
        assert_eq!(fs::read(into.join("libdemo.so")).unwrap(), LIBRARY);
        assert_eq!(listing(&into).len(), 4);
        for (path, mode, _) in listing(&into) {
            assert_eq!(
                mode & 0o777,
                if path.is_dir() { 0o700 } else { 0o400 },
                "{}",
                path.display()
            );
        }
    }
    let scene = Scene::new("libdemo.so", LIBRARY);
    let unpacked = scene.unpack(&Limits::default()).unwrap();
    let sha256 = "04ff1113004256760a68f65064b93146dce541a0aa420e7d9788fc5fcc63f3d9";
    assert_eq!((&*unpacked.library, &*unpacked.sha256), ("libdemo.so", sha256));
}

#[test]
fn hostile_tar_archives_are_refused() {
    let good = || file("libx.so", LIBRARY);
    let longest = format!("{}.so", "x".repeat(97));
    for (name, entries, part) in [
        ("parent", vec![file("../neighbour", b"!")], "leads out"),
        (
            "parent inside",
            vec![file("a/../../neighbour", b"!")],
            "leads out",
        ),
        (
            "absolute",
            vec![file("/tmp/openclaw-unpack-test.so", b"!")],
            "absolute",
        ),
        (
            "symlink",
            vec![link("docs", EntryType::Symlink, ".."), file("docs/a.md", b"!")],
            "it is a link",
        ),
        (
            "symlink as library",
            vec![link("libx.so", EntryType::Symlink, "../neighbour")],
            "it is a link",
        ),
        (
            "hardlink",
            vec![link("libx.so", EntryType::Link, "../neighbour")],
            "it is a link",
        ),
        (
            "character device",
            vec![entry(b"libx.so", EntryType::Char, b"", |_| {})],
            "device",
        ),
        (
            "block device",
            vec![entry(b"libx.so", EntryType::Block, b"", |_| {})],
            "device",
        ),
        (
            "pipe",
            vec![entry(b"libx.so", EntryType::Fifo, b"", |_| {})],
            "pipe",
        ),
        (
            "sparse",
            vec![entry(b"libx.so", EntryType::GNUSparse, b"", |_| {})],
            "not a regular file",
        ),
        (
            "unknown kind",
            vec![entry(b"libx.so", EntryType::new(b'Z'), b"", |_| {})],
            "not a regular file",
        ),
        ("same name", vec![good(), good()], "same name"),
        (
            "same name by case",
            vec![file("README", b""), file("Readme", b""), good()],
            "same name",
        ),
        (
            "two libraries",
            vec![good(), file("liby.so", LIBRARY)],
            "two libraries, libx.so and liby.so",
        ),
        ("no library", vec![file("README", b"")], "no .so"),
        ("empty", vec![], "neither"),
        (
            "something else",
            vec![good(), file("run.sh", b"")],
            "a plugin has one library",
        ),
        ("name too long", vec![file(&longest, LIBRARY)], "too long"),
        (
            "long name extension",
            vec![entry(b"l", EntryType::GNULongName, b"../x.so\0", |_| {}), good()],
            "too long",
        ),
        (
            "renaming extension",
            vec![
                entry(b"p", EntryType::XHeader, b"16 path=../a.so\n", |_| {}),
                good(),
            ],
            "extension header",
        ),
        (
            "sizing extension",
            vec![entry(b"p", EntryType::XHeader, b"9 size=1\n", |_| {}), good()],
            "extension header",
        ),
        (
            "sparse extension",
            vec![
                entry(b"p", EntryType::XHeader, b"22 GNU.sparse.major=1\n", |_| {}),
                good(),
            ],
            "extension header",
        ),
        (
            "NUL in name",
            vec![entry(b"\0libx.so", EntryType::Regular, LIBRARY, |_| {})],
            "refused",
        ),
        ("unicode name", vec![file("libé.so", LIBRARY)], "ASCII"),
        (
            "terminal codes",
            vec![file("\x1b[2Jx.so", LIBRARY)],
            "`\\u{1b}[2Jx.so`",
        ),
        (
            "size that lies",
            vec![entry(b"libx.so", EntryType::Regular, LIBRARY, |h| {
                h.set_size(1 << 40)
            })],
            "ends too early",
        ),
        (
            "many entries",
            (0..65).map(|i| file(&format!("README{i}"), b"")).collect(),
            "more than 64 entries",
        ),
    ] {
        let archive = tar(&entries);
        refused(name, &archive, &Limits::default(), part);
        let part = if entries.is_empty() { "no .so" } else { part };
        refused(name, &gz(&archive), &Limits::default(), part);
    }
}

#[test]
fn hostile_zip_archives_are_refused() {
    let good = ("libx.so", LIBRARY, 0o644);
    let twice = || patch(zip(&[good, ("liby.so", b"other", 0o644)]), b"liby.so", b"libx.so");
    let folded = zip(&[("README.md", b"", 0o644), ("README.MD", b"", 0o644), good]);
    let mut linked = ZipWriter::new(Cursor::new(Vec::new()));
    linked
        .add_symlink("libx.so", "../neighbour", SimpleFileOptions::default())
        .unwrap();
    let with_comment = {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.set_comment("PK\u{5}\u{6}").unwrap();
        writer.finish().unwrap().into_inner()
    };
    // the local header still says deflate; only the name in the directory is another
    let two_names = {
        let bytes = zip(&[good]);
        let at = bytes
            .windows(4)
            .position(|window| window == b"PK\x01\x02")
            .unwrap();
        [
            bytes[..at].to_vec(),
            patch(bytes[at..].to_vec(), b"libx.so", b"../x.so"),
        ]
        .concat()
    };
    let many: Vec<_> = (0..65).map(|i| format!("README{i}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), &b""[..], 0o644)).collect();
    for (name, archive, part) in [
        ("parent", zip(&[("../neighbour", b"!", 0o644)]), "leads out"),
        (
            "absolute",
            zip(&[("/tmp/openclaw-unpack-test.so", b"!", 0o644)]),
            "absolute",
        ),
        ("backslash", zip(&[("a\\libx.so", LIBRARY, 0o644)]), "backslash"),
        ("symlink", linked.finish().unwrap().into_inner(), "it is a link"),
        ("same name", twice(), "same name"),
        ("same name by case", folded, "same name"),
        (
            "two libraries",
            zip(&[good, ("liby.so", LIBRARY, 0o644)]),
            "two libraries",
        ),
        ("no library", zip(&[("README", b"", 0o644)]), "no .so"),
        ("empty", zip(&[]), "no .so"),
        ("comment", with_comment, "a comment stands there"),
        ("another name in the directory", two_names, "leads out"),
        (
            "something before",
            [b"PK\x03\x04junk".to_vec(), zip(&[good])].concat(),
            "directory",
        ),
        ("many entries", zip(&many), "more than 64 entries"),
        (
            "wrong checksum",
            patch(stored(LIBRARY), b"library", b"hostile"),
            "damaged",
        ),
    ] {
        refused(name, &archive, &Limits::default(), part);
    }
}

#[test]
fn bombs_stop_at_the_bounds() {
    let zeros = vec![0; 8 << 20];
    let limits = Limits {
        bytes: 4 << 20,
        ..Limits::default()
    };
    for archive in [
        gz(&tar(&[file("libx.so", &zeros)])),
        zip(&[("libx.so", &zeros, 0o644)]),
    ] {
        refused("ratio", &archive, &Limits::default(), "100 times its own size");
        refused(
            "bytes",
            &archive,
            &Limits {
                ratio: 1 << 20,
                ..limits
            },
            "4194304 bytes",
        );
    }
    refused(
        "large archive",
        &tar(&[file("libx.so", &zeros)]),
        &limits,
        "4194304 bytes",
    );
    // zeros behind the end mark are not unpacked, and still counted
    let tail = gz(&[tar(&[file("libx.so", LIBRARY)]), zeros].concat());
    refused(
        "behind the end",
        &tail,
        &Limits::default(),
        "100 times its own size",
    );
}

#[test]
fn an_archive_cut_off_anywhere_is_refused() {
    let entries = [file("libx.so", &[7; 700]), file("README", b"hello")];
    let good = [("libx.so", LIBRARY, 0o644), ("README", &b"hello"[..], 0o644)];
    let tar = tar(&entries);
    // one zero block is an end mark for all readers
    let whole = tar.len() - 1024 + 512;
    for (archive, end) in [
        (gz(&tar), gz(&tar).len()),
        (zip(&good), zip(&good).len()),
        (tar, whole),
    ] {
        for cut in (0..end).step_by(7).chain([end - 1]) {
            let scene = Scene::new("archive", &archive[..cut]);
            scene
                .unpack(&Limits::default())
                .expect_err(&format!("cut at {cut} of {end}"));
            assert!(listing(&scene.temp.path().join("into")).is_empty());
        }
    }
}

#[test]
fn what_is_no_archive_is_refused() {
    refused("text", b"hello", &Limits::default(), "neither");
    let scene = Scene::new("archive", b"");
    fs::write(scene.temp.path().join("into/mine"), "mine").unwrap();
    fs::write(&scene.archive, tar(&[file("libx.so", LIBRARY)])).unwrap();
    assert!(matches!(
        scene.unpack(&Limits::default()),
        Err(UnpackError::NotEmpty)
    ));
    assert!(scene.temp.path().join("into/mine").exists());

    let into = Dir::open_ambient_dir(scene.temp.path(), ambient_authority()).unwrap();
    let pipe = scene.temp.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    for path in [
        scene.temp.path().to_owned(),
        pipe,
        scene.temp.path().join("absent"),
    ] {
        assert!(matches!(
            unpack(&path, &into, &Limits::default()),
            Err(UnpackError::Open { .. })
        ));
    }
}

// --- the store

fn offer(id: &str, version: &str) -> Offer {
    let at = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    Offer {
        id: id.into(),
        version: version.into(),
        source: "./x.tar.gz".into(),
        pin: false,
        at,
    }
}

fn archive(temp: &Path, content: &[u8]) -> PathBuf {
    let path = temp.join("x.tar");
    fs::write(&path, tar(&[file("libx.so", content), file("README", b"r")])).unwrap();
    path
}

#[test]
fn install_replace_and_uninstall() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("plugins");
    let store = Store::open(&root).unwrap();
    let limits = Limits::default();

    let staged = store.stage(&archive(temp.path(), b"one"), &limits).unwrap();
    assert_eq!(fs::read(staged.library()).unwrap(), b"one");
    assert!(store.list().unwrap().is_empty());
    let first = staged.place(&offer("demo", "1.0.0"), false).unwrap();
    assert_eq!(fs::read(&first.library).unwrap(), b"one");
    let name = first.library.file_name().unwrap().to_str().unwrap();
    assert_eq!(name, format!("{}-libx.so", &first.record.sha256[..12]));
    assert_eq!(
        (first.record.installed_at, store.list().unwrap()),
        (1_700_000_000_123, vec![first.clone()])
    );
    for (path, mode, _) in listing(&root) {
        let expected = if path.is_dir() { 0o700 } else { mode & 0o600 };
        assert_eq!(mode & 0o777, expected, "{}", path.display());
    }

    // the same again changes nothing, another one only by force
    let again = store.stage(&archive(temp.path(), b"one"), &limits).unwrap();
    assert_eq!(again.place(&offer("demo", "1.0.0"), false).unwrap(), first);
    let before = listing(&root);
    let other = store.stage(&archive(temp.path(), b"two"), &limits).unwrap();
    let error = other
        .place(&offer("demo", "2.0.0"), false)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("version 1.0.0; use --force") && error.contains("2.0.0"),
        "{error}"
    );
    assert_eq!(listing(&root), before);
    let other = store.stage(&archive(temp.path(), b"two"), &limits).unwrap();
    let second = other.place(&offer("demo", "2.0.0"), true).unwrap();
    assert_eq!(
        (fs::read(&second.library).unwrap(), first.library.exists()),
        (b"two".to_vec(), false)
    );

    fs::write(root.join("mine.so"), "mine").unwrap();
    assert_eq!(store.uninstall("demo").unwrap().version, "2.0.0");
    assert!(matches!(store.uninstall("demo"), Err(StoreError::Absent(_))));
    assert_eq!(listing(&root).len(), 1);
}

#[test]
fn what_is_not_ours_stays() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("plugins");
    let store = Store::open(&root).unwrap();
    let outside = temp.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("install.json"), r#"{"id":"link"}"#).unwrap();
    symlink(&outside, root.join("link")).unwrap();
    fs::create_dir(root.join("mine")).unwrap();
    fs::write(root.join("mine/x.so"), "mine").unwrap();
    fs::write(root.join("file"), "mine").unwrap();
    let before = listing(temp.path());
    for id in ["link", "mine", "file"] {
        assert!(matches!(store.uninstall(id), Err(StoreError::Foreign(_))), "{id}");
    }
    for id in ["../outside", "", ".", "A", "a/b", "-x", "a.b"] {
        assert!(matches!(store.uninstall(id), Err(StoreError::Id(_))), "{id}");
    }
    assert_eq!(listing(temp.path()), before);
    let source = archive(temp.path(), b"one");
    let before = listing(temp.path());
    for id in ["link", "mine", "file", "../x"] {
        let staged = store.stage(&source, &Limits::default()).unwrap();
        assert!(staged.place(&offer(id, "1"), true).is_err(), "{id}");
    }
    assert_eq!(listing(temp.path()), before);
}

#[test]
fn refused_and_dropped_archives_leave_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("plugins");
    let store = Store::open(&root).unwrap();
    fs::create_dir(root.join(".staging-crashed")).unwrap();
    let bad = temp.path().join("bad.tar");
    fs::write(&bad, tar(&[file("libx.so", LIBRARY), file("../x", b"")])).unwrap();
    assert!(store.stage(&bad, &Limits::default()).is_err());
    assert!(listing(&root).is_empty());
    let staged = store
        .stage(&archive(temp.path(), b"one"), &Limits::default())
        .unwrap();
    assert!(matches!(
        Store::open(&root).unwrap().uninstall("demo"),
        Err(StoreError::Busy(_))
    ));
    drop(staged);
    assert!(listing(&root).is_empty());
    assert!(matches!(store.uninstall("demo"), Err(StoreError::Absent(_))));
}

#[test]
fn a_store_that_others_can_write_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("plugins");
    Store::open(&root).unwrap();
    assert_eq!(fs::metadata(&root).unwrap().mode() & 0o777, 0o700);
    fs::set_permissions(&root, fs::Permissions::from_mode(0o770)).unwrap();
    assert!(matches!(Store::open(&root), Err(StoreError::Exposed(_))));
}
