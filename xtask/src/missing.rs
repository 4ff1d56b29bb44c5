//! What tests look for on this machine and do without where it is not there: one line for each thing that is missing.
//!
//! Such a test passes, and nobody sees the output of a test that passes. Nothing here fails a run, and nothing is changed.
use crate::{
    machine::{runs, unshared},
    workspace::Workspace,
};
use landlock::{ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The folder beside the checkout that holds what is no part of the repository.
const SHARED: &str = "../shared";
/// Mounts a disk in memory at `$1`.
const MOUNT: &str = r#"mount -t tmpfs -o size=65536 tmpfs "$1""#;

/// Says what is missing, before the tests run.
pub(crate) fn tell(workspace: &Workspace) {
    for line in lines(workspace) {
        eprintln!("      skipped: {line}");
    }
}

fn lines(workspace: &Workspace) -> Vec<String> {
    let shared = |path: &str| workspace.root.join(SHARED).join(path);
    let found = [
        given(
            "OPENCLAW_CAPTURES",
            shared("reference/captures"),
            "talks are not compared with recorded ones",
        ),
        given(
            "OPENCLAW_SPECS",
            shared("specs"),
            "fakes take bodies without the vendors' own descriptions",
        ),
        there(
            &shared("reference/config-keys.tsv"),
            "keys of channels are not compared with the list of all",
        ),
        namespaces(&workspace.target).map(|why| {
            format!("no full disk and no process 1: a namespace with a disk can't be made here ({why})")
        }),
        (!is_root())
            .then(|| "nothing is given to another user: only root may, and this is somebody else".into()),
        (!has_landlock())
            .then(|| "files of confined processes are not tried: this kernel has no Landlock".into()),
        (!runs(Command::new("systemd-analyze").arg("--version")))
            .then(|| "the service file is not judged: systemd-analyze is not installed".into()),
    ];
    found.into_iter().flatten().collect()
}

/// A folder that a variable names, or that lies beside the checkout.
fn given(variable: &str, usual: PathBuf, without: &str) -> Option<String> {
    let folder = env::var_os(variable).map_or(usual, PathBuf::from);
    there(&folder, without).map(|line| format!("{line}; {variable} may name another place"))
}

fn there(path: &Path, without: &str) -> Option<String> {
    (!path.exists()).then(|| format!("{without}: there is no {}", path.display()))
}

/// Why no namespace can be made in which a disk is mounted, if none can.
fn namespaces(folder: &Path) -> Option<String> {
    let mut command = unshared();
    command
        .args(["--mount-proc", "sh", "-c", MOUNT, "sh"])
        .arg(folder);
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

/// Is this process root's? Its own folder belongs to it.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// Asks the kernel for rules, and confines nobody with them.
fn has_landlock() -> bool {
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1));
    rules.is_ok_and(|rules| rules.create().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_told_and_what_is_missing_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(there(folder.path(), "nothing is tried"), None);
        let missing = folder.path().join("missing");
        let line = given("OPENCLAW_TEST_OF_NOTHING", missing.clone(), "nothing is tried").unwrap();
        assert!(
            line.contains("nothing is tried") && line.contains("OPENCLAW_TEST_OF_NOTHING"),
            "{line}"
        );
        assert!(line.contains(&missing.display().to_string()), "{line}");
    }

    #[test]
    fn a_folder_that_can_not_be_mounted_at_is_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        assert!(namespaces(&folder.path().join("missing")).is_some());
    }
}
