//! The gateway's own kit, run on the library that this test belongs to.
use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// Builds the plugin in the current package and runs `openclaw plugins check` on it.
///
/// The program is `$OPENCLAW_BIN`, else `openclaw` on the `PATH`. A plugin's conformance test is three lines:
///
/// ```no_run
/// #[test]
/// fn conformance() {
///     openclaw_plugin_api::testing::conformance();
/// }
/// ```
///
/// # Panics
/// If the plugin does not build, the program is not there, or a check fails. The report is printed.
pub fn conformance() {
    let library = build_library();
    let program = std::env::var_os("OPENCLAW_BIN").unwrap_or_else(|| "openclaw".into());
    let status = Command::new(&program)
        .args(["plugins", "check"])
        .arg(&library)
        .stdin(Stdio::null())
        .status()
        .unwrap_or_else(|e| panic!("can't run {program:?} (set OPENCLAW_BIN to the gateway's program): {e}"));
    assert!(
        status.success(),
        "`openclaw plugins check {}` found faults; see its report above",
        library.display()
    );
}

/// Runs cargo once more for the library: a test build alone does not make the `cdylib`.
fn build_library() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR for tests");
    let output = Command::new(cargo)
        .args(["build", "--lib", "--message-format=json-render-diagnostics"])
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "the plugin does not build");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut libraries = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| {
            message["target"]["kind"]
                .as_array()
                .is_some_and(|kinds| kinds.contains(&"cdylib".into()))
        })
        .filter_map(|message| {
            let files = message["filenames"].as_array()?;
            let file = files.iter().filter_map(|f| f.as_str());
            file.map(PathBuf::from).find(|f| {
                f.extension()
                    .is_some_and(|e| e == "so" || e == "dylib" || e == "dll")
            })
        });
    libraries
        .next_back()
        .expect("this package has no `cdylib`; add crate-type = [\"cdylib\", \"rlib\"] under [lib]")
}
