//! The zoo is complete: every specimen is built, small, and in the table, and the table names nothing else.
use object::{Object, ObjectSection};
use openclaw_bad_plugins::{broken_files, expectations, library_file};
use std::{collections::BTreeSet, fs, path::Path};

const MAX_LINES: usize = 30;

fn sources() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = fs::read_dir(folder).expect("the specimens are there");
    let stem = |path: &Path| Some(path.file_stem()?.to_str()?.to_owned());
    files.filter_map(|file| stem(&file.ok()?.path())).collect()
}

#[test]
fn the_table_and_the_specimens_agree() {
    let names: BTreeSet<_> = expectations().iter().map(|e| e.name.to_owned()).collect();
    assert_eq!(
        names.len(),
        expectations().len(),
        "a name stands twice in the table"
    );
    assert_eq!(names, sources());
}

#[test]
fn specimens_are_small_and_say_what_is_wrong_with_them() {
    for name in sources() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.rs"));
        let text = fs::read_to_string(&path).expect("a specimen can be read");
        let lines = text.lines().count();
        assert!(
            lines <= MAX_LINES,
            "{name} has {lines} lines, {MAX_LINES} are allowed"
        );
        assert!(text.starts_with("//! "), "{name} begins with its fault in words");
    }
}

#[test]
fn specimens_are_built_and_carry_a_manifest_section() {
    for name in sources() {
        let path = library_file(&name);
        let bytes =
            fs::read(&path).unwrap_or_else(|e| panic!("{name} is not built at {}: {e}", path.display()));
        let file = object::File::parse(&*bytes).expect("a specimen is a library");
        let section = file.section_by_name(".openclaw.plugin");
        let section = section.unwrap_or_else(|| panic!("{name} has no manifest section"));
        assert!(
            section
                .data()
                .expect("a section has bytes")
                .starts_with(b"OCPLUG01"),
            "{name}"
        );
        let root = file.exports().expect("a library has exports");
        let root = root
            .flatten()
            .any(|symbol| symbol.name().name() == Some(b"openclaw_plugin_root_v1".as_slice()));
        let without = [
            "missing_entry",
            "bad_utf8_name",
            "huge_string_len",
            "manifest_not_json",
        ];
        assert_eq!(
            root,
            !without.contains(&name.as_str()),
            "{name} exports a root: {root}"
        );
    }
}

#[test]
fn broken_files_are_written_and_differ() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = broken_files(folder.path(), &library_file("healthy"));
    let contents: BTreeSet<_> = files
        .iter()
        .map(|(_, path)| fs::read(path).expect("written"))
        .collect();
    assert_eq!((files.len(), contents.len()), (7, 7));
}
