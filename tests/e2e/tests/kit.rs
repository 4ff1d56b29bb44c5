//! Every bundled plugin passes the conformance kit, and one that breaks a rule does not.
use openclaw_e2e::{fixture, plugin, program};
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Stdio},
};

fn check(library: &Path) -> (bool, Value) {
    let output = Command::new(program())
        .args(["plugins", "check", "--json"])
        .arg(library)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let report =
        serde_json::from_slice(&output.stdout).expect("a report on standard output and nothing else");
    (output.status.success(), report)
}

#[test]
fn our_own_plugins_pass() {
    for library in [plugin("demo"), fixture("loopback")] {
        let (passed, report) = check(&library);
        assert!(passed, "{}: {report:#}", library.display());
        assert!(
            report["summary"]["passed"].as_u64() > Some(40),
            "{}",
            report["summary"]
        );
    }
}

#[test]
fn a_plugin_that_breaks_rules_fails() {
    for name in ["register_less", "segv_call"] {
        let (passed, report) = check(&fixture(name));
        assert!(!passed, "{name}: {}", report["summary"]);
    }
}
