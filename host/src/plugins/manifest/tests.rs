//! Tests of the module above.
use super::*;

#[test]
fn ids_are_checked() {
    for good in ["a", "voice-call", "x2"] {
        assert!(is_id(good), "{good}");
    }
    for bad in ["", "2x", "-a", "A", "a_b", "a/b", "ä", &"a".repeat(65)] {
        assert!(!is_id(bad), "{bad}");
    }
}

#[test]
fn other_majors_are_refused_with_advice() {
    let check = |version: &str| {
        check_api(&Manifest {
            api_version: version.into(),
            ..Manifest::default()
        })
    };
    assert!(check("1.0.0").is_ok() && check("1.99.3").is_ok());
    for (version, word) in [
        ("0.9.0", "update the plugin"),
        ("2.0.0", "update the gateway"),
        ("", "build"),
    ] {
        assert!(
            check(version).expect_err(version).to_string().contains(word),
            "{version}"
        );
    }
}

#[test]
fn an_executable_is_no_plugin() {
    let this = std::env::current_exe().expect("this test has a file");
    let error = read(&this).expect_err("a test binary");
    assert!(
        matches!(
            error,
            ManifestError::NotALibrary { .. } | ManifestError::NoManifest { .. }
        ),
        "{error}"
    );
}
