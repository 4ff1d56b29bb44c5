//! The kit judges itself: a good plugin passes every test, and every test that is named here fails for the plugin with
//! the fault it looks for. All of it the way it runs in earnest, one process for each test.
use openclaw_kit::{Lab, Options, Outcome, Status, run, tests};
use openclaw_plugin_api::{
    Environment, Manifest, Registrations,
    abi::{Fault, HostHandle, PluginHandle},
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

/// The tests' own processes do everything; this one only starts them.
struct NoLab;

impl Lab for NoLab {
    fn manifest(&self, _: &Path) -> Result<Manifest, String> {
        Err("not in this process".into())
    }

    fn open(&self, _: &Path) -> Result<String, String> {
        Err("not in this process".into())
    }

    fn create(
        &self,
        _: &Path,
        _: HostHandle,
        _: &Value,
        _: &Environment,
    ) -> Result<(PluginHandle, Registrations), Fault> {
        Err(Fault::new("internal", "not in this process"))
    }
}

fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a file");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("cargo puts tests into <profile>/deps");
    let program = profile
        .join("examples")
        .join(format!("kit_lab{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "build it first: cargo build -p openclaw-kit --example kit_lab"
    );
    program
}

/// Runs tests on the plugin with this fault.
fn check(fault: &str, change: impl FnOnce(&mut Options)) -> Vec<Outcome> {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let library = folder.path().join(format!("{fault}.so"));
    fs::write(&library, "the plugin is in the program").expect("the folder can be written");
    let mut options = Options::new(program());
    options.seed = Some(20);
    change(&mut options);
    let lab: Arc<dyn Lab> = Arc::new(NoLab);
    run(&lab, &library, &options, &mut |_| {})
        .expect("the kit runs")
        .tests
}

fn check_one(fault: &str, test: &str) -> Outcome {
    let mut outcomes = check(fault, |options| options.filter = Some(test.to_owned()));
    outcomes.retain(|outcome| outcome.test == test);
    outcomes
        .pop()
        .unwrap_or_else(|| panic!("there is no test {test}"))
}

#[test]
fn a_good_plugin_passes_everything() {
    let outcomes = check("good", |_| {});
    assert_eq!(outcomes.len(), tests().count());
    let bad: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.status != Status::Success)
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// Fault, test, verdict, and a part of the reason.
#[rustfmt::skip]
const VERDICTS: &[(&str, &str, Status, &str)] = &[
    ("no-manifest", "manifest-readable", Status::Failed, "no section"),
    ("no-manifest", "creates", Status::Skipped, "manifest can't be read"),
    ("slow-scan", "manifest-scan-fast", Status::Warning, "reading the manifest takes"),
    ("no-symbol", "opens", Status::Failed, "undefined symbol"),
    ("other-manifest", "manifest-agrees", Status::Failed, "differ"),
    ("registers-less", "registers-as-declared", Status::Failed, "declared but missing: service/1 \"idle\""),
    ("trusts-config", "config-refuses-wrong-types", Status::Failed, "panicked"),
    ("refuses-valid", "config-takes-valid", Status::Failed, "use the kind `config`"),
    ("hangs-destroy", "creates", Status::Failed, "took longer"),
    ("panics", "wrong-shapes", Status::Failed, "panicked"),
    ("hangs", "sensible-calls", Status::Failed, "no answer within"),
    ("blocks", "calls-at-once", Status::Failed, "within"),
    ("aborts", "sensible-calls", Status::Crashed, "signal 6 (abort)"),
    ("exits", "sensible-calls", Status::Crashed, "exit code 3"),
    ("ignores-reader", "reader-goes-away", Status::Failed, "no answer within"),
    ("hoards", "reader-stands-still", Status::Failed, "MiB back that nobody reads"),
    ("hoards", "endless-web", Status::Failed, "MiB back that nobody reads"),
    ("blocks-cancel", "dropped-at-any-poll", Status::Failed, "can't be dropped"),
    ("trusts-host", "host-store-fails", Status::Failed, "panicked"),
    ("leaks", "memory-over-calls", Status::Failed, "memory grows"),
    ("leaks-instances", "memory-over-instances", Status::Failed, "memory grows"),
    ("unnamed-thread", "threads-named", Status::Failed, "without a name"),
    ("unnamed-thread", "threads-end", Status::Failed, "threads are left"),
    ("loses-file", "files-closed", Status::Failed, "/dev/null"),
    ("changes-folder", "process-unchanged", Status::Failed, "working directory"),
    ("floods-log", "logs-bounded", Status::Failed, "1000 events"),
    ("hates-emoji", "channel-hostile-messages", Status::Failed, "panicked"),
    ("sticks", "channel-stop-while-sending", Status::Failed, "no answer"),
    ("sends-twice", "channel-same-key", Status::Warning, "two different receipts"),
];

#[test]
fn every_fault_is_found() {
    // Those that hang wait for a deadline each, so all wait together.
    let rows: Vec<_> = VERDICTS.iter().map(|row| thread::spawn(|| judge(row))).collect();
    let wrong = rows.into_iter().filter_map(|row| row.join().err()).count();
    assert_eq!(wrong, 0, "rows above");
}

fn judge((fault, test, status, reason): &(&str, &str, Status, &str)) {
    let outcome = check_one(fault, test);
    assert_eq!(outcome.status, *status, "{fault}: {outcome:?}");
    assert!(outcome.message.contains(reason), "{fault}: {outcome:?}");
}

#[test]
fn a_crash_tells_what_the_plugin_was_doing() {
    let outcome = check_one("aborts", "sensible-calls");
    assert_eq!(outcome.doing, "calling tool/1/invoke of \"count\"");
}

#[test]
fn what_does_not_end_is_ended() {
    let outcomes = check("hangs", |options| {
        options.filter = Some("sensible-calls".into());
        options.timeout = Duration::from_millis(300);
    });
    assert_eq!(outcomes[0].status, Status::Failed, "{outcomes:?}");
    assert!(outcomes[0].message.contains("did not end within"), "{outcomes:?}");
    assert_eq!(outcomes[0].doing, "calling tool/1/invoke of \"count\"");
}

#[test]
fn a_program_that_can_not_be_started_is_no_verdict_about_the_plugin() {
    let outcomes = check("good", |options| {
        options.filter = Some("ping".into());
        options.program = "/no/such/program".into();
    });
    assert!(outcomes[0].message.contains("can't start"), "{outcomes:?}");
}
