//! Files that are no plugins, two files with one id, and a plugin in C: judged before anything of them runs.
use openclaw_bad_plugins::{broken_files, library_with_panic_abort};
use openclaw_e2e::{exhibition, fixture, plugin};
use openclaw_host::plugins::{discover::Folders, manifest};
use std::{fs, path::PathBuf, process::Command};

#[test]
fn a_broken_file_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, path) in broken_files(folder.path(), &plugin("demo")) {
        let refused = manifest::read(&path).and_then(|library| manifest::check_host(&library, false));
        let error = refused.expect_err(name).to_string();
        assert!(error.len() < 400, "{name}: {error}");
        assert!(error.contains("; "), "{name} is told what to do next: {error}");
    }
}

#[test]
fn a_plugin_that_aborts_on_panic_runs_isolated_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = library_with_panic_abort(folder.path());
    assert_eq!(
        exhibition(&library, "none", "load")["load"]["failedAt"],
        "panic-strategy"
    );
    let said = exhibition(&library, "process", "call");
    assert_eq!(
        (&said["load"]["status"], &said["others"]["serve"]),
        (&"loaded".into(), &true.into()),
        "{said:?}"
    );
    assert_eq!(said["call"]["ok"], false);
}

#[test]
fn two_files_with_one_id_are_an_error_that_names_both() {
    let (a, b) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    for (folder, name) in [(&a, "healthy"), (&b, "dup_id")] {
        fs::copy(fixture(name), folder.path().join(format!("{name}.so"))).expect("copied");
    }
    let folders = Folders {
        config: vec![a.path().into(), b.path().into()],
        ..Folders::default()
    };
    let found = folders.scan();
    assert!(found.plugins.is_empty(), "neither is taken");
    let text = found.duplicates[0].to_string();
    assert!(
        text.contains("healthy.so") && text.contains("dup_id.so"),
        "{text}"
    );
}

#[test]
fn a_plugin_in_c_serves_in_both_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/c-plugin");
    let library = folder.path().join("c_hello.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-I"])
        .arg(source.join("include"))
        .arg(source.join("c_hello.c"))
        .arg("-o")
        .arg(&library)
        .status();
    assert!(built.expect("a C compiler").success());
    for place in ["none", "process"] {
        let said = exhibition(&library, place, "call");
        assert_eq!(said["call"]["ok"], true, "{place}: {said:?}");
        assert_eq!(said["others"]["serve"], true, "{place}");
    }
}
