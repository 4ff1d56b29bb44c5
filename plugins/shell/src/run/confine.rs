//! What a command may do that nobody has approved: change the workspace, read the system, and little else.
//!
//! The user's home and the gateway's state are not readable, because what is there would be told in the next answer.
use crate::config::Sandbox;
use openclaw_confine::{Confinement, Network};
use std::path::{Path, PathBuf};

/// Folder for temporary files, below the workspace.
pub const TEMPORARY: &str = ".openclaw/tmp";
/// Open files of one process.
const OPEN_FILES: u64 = 4096;

/// What of the system can be read. Of `/etc` what programs need to work, and nothing that only its owner should see.
const READABLE: &[&str] = &[
    "/usr",
    "/opt",
    "/nix",
    "/snap",
    "/proc",
    "/sys",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/var/lib/dpkg",
    "/var/cache/fontconfig",
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/fonts",
    "/etc/group",
    "/etc/java",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/locale.alias",
    "/etc/localtime",
    "/etc/lsb-release",
    "/etc/machine-id",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/perl",
    "/etc/pki",
    "/etc/profile",
    "/etc/protocols",
    "/etc/python3",
    "/etc/services",
    "/etc/shells",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
    "/etc/timezone",
    "/etc/vim",
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
];
/// What finding servers needs.
const NETWORK: &[&str] = &[
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/run/systemd/resolve",
];

/// The confinement of a command of this workspace.
pub fn confinement(sandbox: &Sandbox, workspace: &Path) -> Confinement {
    let network = if sandbox.network { NETWORK } else { &[] };
    let system = READABLE.iter().chain(network).map(PathBuf::from);
    let mut writable = vec![workspace.to_owned()];
    writable.extend(sandbox.write.iter().map(PathBuf::from));
    Confinement {
        readable: system.chain(sandbox.read.iter().map(PathBuf::from)).collect(),
        writable,
        run_written: true,
        network: if sandbox.network {
            Network::Own
        } else {
            Network::None
        },
        processes: true,
        open_files: OPEN_FILES,
        require: !sandbox.optional,
        ..Confinement::default()
    }
}
