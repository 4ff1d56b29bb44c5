//! What this machine can run.
use std::process::{Command, Stdio};

/// Does this program start, and end well? What it says is for nobody.
pub(crate) fn runs(command: &mut Command) -> bool {
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A program in namespaces of its own of users, mounts and processes, in which it is root; its name has to follow.
pub(crate) fn unshared() -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
    ]);
    command
}
