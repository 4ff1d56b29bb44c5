//! Every variant can be made from today's API, and is what it says it is.
use openclaw_compat::{Expected, variants};
use std::{collections::BTreeSet, fs};

#[test]
fn every_variant_builds_a_library_of_its_own() {
    let mut contents = BTreeSet::new();
    for variant in variants() {
        let path = variant
            .build()
            .unwrap_or_else(|error| panic!("{}: {error}", variant.name));
        let bytes = fs::read(&path).expect("it was built");
        let says = format!(r#""apiVersion":"{}""#, variant.version);
        assert!(
            bytes.windows(says.len()).any(|window| window == says.as_bytes()),
            "{} does not say that it is built with {}",
            variant.name,
            variant.version
        );
        assert!(contents.insert(bytes), "{} is the same as another", variant.name);
    }
}

#[test]
fn every_verdict_is_there() {
    let verdict = |expected| {
        variants()
            .iter()
            .filter(|variant| variant.expected == expected)
            .count()
    };
    assert!(verdict(Expected::Loads) >= 3);
    assert!(verdict(Expected::RefusedByVersion) >= 2);
    assert!(verdict(Expected::RefusedByLayout) >= 6);
}
