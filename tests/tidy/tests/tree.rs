//! The architecture's invariants, checked on the real tree. That each rule can fail is shown where it is written.
use openclaw_tidy::{Tree, report, rules};

#[test]
fn the_host_names_no_plugin() {
    report(
        "no channel, provider or tool is named in host/src",
        &rules::host_names_no_plugin(&Tree::read()),
    );
}

#[test]
fn unsafe_has_two_places() {
    let rule = "`unsafe` is written only in plugin-api/src/abi/ and host/src/plugins/load.rs";
    report(rule, &rules::unsafe_has_two_places(&Tree::read()));
}

#[test]
fn files_say_what_they_are_for() {
    report(
        "each source file opens with `//!`",
        &rules::files_say_what_they_are_for(&Tree::read()),
    );
}

#[test]
fn files_are_short() {
    report(
        "source files have at most 400 lines",
        &rules::files_are_short(&Tree::read()),
    );
}

#[test]
fn queues_are_bounded() {
    report(
        "every queue in host and plugin-api is bounded",
        &rules::queues_are_bounded(&Tree::read()),
    );
}

#[test]
fn the_tree_names_no_machine() {
    let rule = "no file names a package registry's host or a folder of somebody's machine";
    report(rule, &rules::tree_names_no_machine(&Tree::read()));
}

#[test]
fn documents_hold_together() {
    report(
        "documents have a title and no dead links",
        &rules::documents_hold_together(&Tree::read()),
    );
}

#[test]
fn the_host_has_one_client() {
    let rule = "reqwest and tungstenite are named only in host/src/http/";
    report(rule, &rules::host_has_one_client(&Tree::read()));
}

#[test]
fn the_environment_has_one_door() {
    let rule = "the environment is read only in host/src/config/, host/src/cli/ and by the build";
    report(rule, &rules::environment_has_one_door(&Tree::read()));
}

#[test]
fn what_ci_needs_is_there() {
    let tree = Tree::read();
    for path in [
        ".ci/run",
        "Cargo.lock",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "deny.toml",
        "rust-toolchain.toml",
    ] {
        assert!(tree.has(path), "{path} is missing, or git ignores it");
    }
}
