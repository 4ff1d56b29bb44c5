//! What an image may have, and its two forms.
use super::*;

fn entry(path: &str, mode: u32, owner: u32) -> Entry {
    Entry {
        path: path.into(),
        kind: Kind::File("/nowhere".into()),
        mode,
        owner,
    }
}

#[test]
fn shells_rights_and_open_files_are_refused() {
    assert!(fault(&entry("usr/local/bin/openclaw", 0o755, 0)).is_none());
    assert!(fault(&entry("data", 0o700, SYSTEM_USER)).is_none());
    for bad in [
        entry("bin/sh", 0o755, 0),
        entry("usr/bin/openclaw", 0o4755, 0),
        entry("etc/passwd", 0o666, 0),
        entry("usr/local/bin/openclaw", 0o755, SYSTEM_USER),
    ] {
        assert!(fault(&bad).is_some(), "{bad:?}");
    }
}

#[test]
fn limits_are_by_what_is_in() {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(limit(&ids(&["anthropic", "discord"])), Some(MOST_SMALL));
    assert_eq!(limit(&ids(&[])), Some(MOST_SMALL));
    assert_eq!(limit(&ids(&["anthropic", "demo"])), Some(MOST));
}

#[test]
fn only_an_image_is_replaced() {
    let temp = tempfile::tempdir().unwrap();
    let output = temp.path().join("out");
    empty(&output).unwrap();
    fs::create_dir(&output).unwrap();
    empty(&output).unwrap();
    fs::create_dir(&output).unwrap();
    fs::write(output.join("precious"), "").unwrap();
    empty(&output).unwrap_err();
    let binaries = output.join("usr/local/bin");
    fs::create_dir_all(&binaries).unwrap();
    fs::write(binaries.join("openclaw"), "").unwrap();
    empty(&output).unwrap();
    assert!(!output.exists());
}

/// The whole recipe with a program that is there: this test itself.
#[test]
fn a_folder_and_an_archive_have_the_same_files() {
    let temp = tempfile::tempdir().unwrap();
    let me = std::env::current_exe().unwrap();
    let mut image = Rootfs::application(&me, &[], &[]);
    image.add_system().unwrap();
    judge(&image).unwrap();
    let (folder, tar) = (temp.path().join("root"), temp.path().join("a.tar"));
    image.write_folder(&folder, 0).unwrap();
    image.write_archive(&tar, 0).unwrap();
    let mut archive = tar::Archive::new(fs::File::open(&tar).unwrap());
    let mut seen = 0;
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.path().unwrap());
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = std::os::unix::fs::MetadataExt::mode(&metadata) & 0o7777;
        if !metadata.is_symlink() {
            assert_eq!(mode, entry.header().mode().unwrap(), "{}", path.display());
        }
        if metadata.is_file() {
            assert_eq!(metadata.len(), entry.size(), "{}", path.display());
        }
        seen += 1;
    }
    assert_eq!(seen, image.0.len());
    for path in [
        "etc/ssl/certs/ca-certificates.crt",
        "usr/share/zoneinfo/Europe/Berlin",
        "data",
        "tmp",
    ] {
        assert!(folder.join(path).exists(), "{path}");
    }
    let again = temp.path().join("b.tar");
    image.write_archive(&again, 0).unwrap();
    assert_eq!(fs::read(&tar).unwrap(), fs::read(&again).unwrap());
}
