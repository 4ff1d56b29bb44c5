//! Plugins of other versions of the API load or are refused as the rule says: same major, any minor, in either
//! direction; a changed layout never. The same for libraries of earlier releases, as they were shipped.
use openclaw_compat::{Expected, fixtures, variants};
use openclaw_e2e::exhibition;

#[test]
fn every_version_of_the_api_loads_or_is_refused_by_the_rule() {
    let mut wrong = Vec::new();
    for variant in variants() {
        let library = variant.build().expect("it builds");
        // Each in a process of its own: the layout checker remembers what it has seen.
        let said = exhibition(&library, "none", "load");
        let (status, stage) = (&said["load"]["status"], &said["load"]["failedAt"]);
        let right = match variant.expected {
            Expected::Loads => status == "loaded",
            Expected::RefusedByVersion => stage == "version",
            Expected::RefusedByLayout => stage == "layout",
        };
        if !right {
            wrong.push(format!(
                "{} ({:?}): {}",
                variant.name, variant.expected, said["load"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn libraries_of_earlier_releases_still_load() {
    for fixture in fixtures().expect("readable and unchanged") {
        if fixture.is_for_this_machine() {
            let said = exhibition(&fixture.path, "none", "load");
            assert_eq!(
                said["load"]["status"],
                "loaded",
                "{}: {}",
                fixture.path.display(),
                said["load"]
            );
        }
    }
}
