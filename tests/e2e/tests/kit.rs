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

fn passes(library: &Path) {
    let (passed, report) = check(library);
    assert!(passed, "{}: {report:#}", library.display());
    assert!(
        report["summary"]["passed"].as_u64() > Some(40),
        "{}",
        report["summary"]
    );
}

/// One test for each bundled plugin, so that they run side by side.
macro_rules! bundled {
    ($($id:ident),+) => {$(
        #[test]
        fn $id() {
            passes(&plugin(stringify!($id)));
        }
    )+};
}

bundled!(
    anthropic, demo, discord, files, google, hooks, mcp, openai, shell, telegram, web
);

#[test]
fn control_ui() {
    passes(&plugin("control-ui"));
}

#[test]
fn openai_http() {
    passes(&plugin("openai-http"));
}

#[test]
fn voice_call() {
    passes(&plugin("voice-call"));
}

#[test]
fn the_loopback_channel() {
    passes(&fixture("loopback"));
}

#[test]
fn every_bundled_plugin_is_checked_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let entries = std::fs::read_dir(folder).expect("the folder of the plugins");
    let mut ids: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    ids.sort();
    assert_eq!(
        ids,
        [
            "anthropic",
            "control-ui",
            "demo",
            "discord",
            "files",
            "google",
            "hooks",
            "mcp",
            "openai",
            "openai-http",
            "shell",
            "telegram",
            "voice-call",
            "web"
        ]
    );
}

#[test]
fn a_plugin_that_breaks_rules_fails() {
    for name in ["register_less", "segv_call"] {
        let (passed, report) = check(&fixture(name));
        assert!(!passed, "{name}: {}", report["summary"]);
    }
}
