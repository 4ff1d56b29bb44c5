//! What a process may do, and making it so before any code runs that is not trusted.
//!
//! Four layers: no capabilities and no new privileges, resource limits, Landlock for files and TCP, seccomp for the
//! rest. None can be undone by the process. Whatever the kernel lacks is reported in [`Enforced`], never assumed.
use crate::syscalls;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs},
};
use serde::{Deserialize, Serialize};
use std::{io, path::PathBuf};

/// Newest Landlock whose rights are known to leave ordinary plugins alone; older kernels enforce what they have.
const LANDLOCK: ABI = ABI::V6;
/// What dynamic linking, the C library and the time zone need.
const SYSTEM: &[&str] = &[
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/urandom",
    "/dev/random",
    "/proc/self/maps",
    "/proc/self/status",
    "/sys/fs/cgroup/cpu.max",
    "/sys/devices/system/cpu/online",
];
/// What finding and trusting a server needs.
const NETWORK: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
];
/// Where programs are.
const PROGRAMS: &[&str] = &[
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/libexec",
];

/// What a plugin's process may do. The default is what a plugin with host networking needs: nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Confinement {
    /// Files and folders that it may read, besides the system's libraries. The plugin's own file belongs here.
    pub readable: Vec<PathBuf>,
    /// Files and folders that it may read, change and delete.
    pub writable: Vec<PathBuf>,
    /// Programs may be started from where it can write: what an agent builds, it runs.
    pub run_written: bool,
    /// Where its network is.
    pub network: Network,
    /// It may start other programs, which are confined as it is.
    pub processes: bool,
    /// Address space, bytes; none for no limit. Threads and libraries reserve far more than they use.
    pub memory: Option<u64>,
    /// Largest file that it may write, bytes; none for no limit.
    pub file_size: Option<u64>,
    /// Open files.
    pub open_files: u64,
    /// Refuse to run at all where the kernel can't confine files.
    pub require: bool,
}

/// Where a plugin's network is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Network {
    /// It has none.
    None,
    /// It asks the gateway; it needs no socket, and gets none.
    #[default]
    Host,
    /// It opens internet sockets itself.
    Own,
}

/// How much of Landlock is in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Landlock {
    /// The kernel has none.
    #[default]
    None,
    /// An older kernel: files are confined, some rights are not known to it.
    Partial,
    /// All that was asked for.
    Full,
}

/// What really holds for a process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Enforced {
    /// Files, and TCP unless the network is its own.
    pub landlock: Landlock,
    /// System calls.
    pub seccomp: bool,
    /// No program that it starts gets more rights.
    pub no_new_privileges: bool,
    /// It has no capabilities, even if it runs as root.
    pub no_capabilities: bool,
    /// Resource limits.
    pub limits: bool,
}

/// Why a process can't be confined.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// Landlock and seccomp hold for threads that start later, not for those that run.
    #[error("the process has {count} threads already; it has to be confined before it starts any")]
    Threads {
        /// How many.
        count: usize,
    },
    /// A limit or a privilege can't be given up.
    #[error("the process can't give up {what}: {source}")]
    System {
        /// Which.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel refused rules that it should know.
    #[error("the kernel refuses the rules for files: {0}")]
    Landlock(#[from] RulesetError),
    /// The kernel has no Landlock and the operator wants it.
    #[error(
        "this kernel can't confine files (no Landlock) and the configuration requires it; \
         use Linux 5.13 or newer with Landlock enabled, or don't require it"
    )]
    NoLandlock,
    /// The kernel refused the filter.
    #[error("the kernel refuses the filter for system calls: {0}")]
    Seccomp(#[from] seccompiler::Error),
}

impl Default for Confinement {
    fn default() -> Self {
        Self {
            readable: Vec::new(),
            writable: Vec::new(),
            run_written: false,
            network: Network::default(),
            processes: false,
            memory: None,
            file_size: None,
            open_files: 256,
            require: false,
        }
    }
}

/// Confines this process for ever. It must have no threads yet.
pub fn apply(confinement: &Confinement) -> Result<Enforced, ConfineError> {
    let count = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if count > 1 {
        return Err(ConfineError::Threads { count });
    }
    limit(confinement)?;
    let system = |what| {
        move |e: rustix::io::Errno| ConfineError::System {
            what,
            source: e.into(),
        }
    };
    set_no_new_privs(true).map_err(system("new privileges"))?;
    let nothing = CapabilitySet::empty();
    let nothing = CapabilitySets {
        effective: nothing,
        permitted: nothing,
        inheritable: nothing,
    };
    set_capabilities(None, nothing).map_err(system("its capabilities"))?;
    let landlock = restrict_files(confinement)?;
    if landlock == Landlock::None && confinement.require {
        return Err(ConfineError::NoLandlock);
    }
    syscalls::filter(confinement)?;
    Ok(Enforced {
        landlock,
        seccomp: true,
        no_new_privileges: true,
        no_capabilities: true,
        limits: true,
    })
}

/// The number of processes is not limited here: the system counts them per user, the gateway's among them. Without
/// `processes` the filter allows none.
fn limit(confinement: &Confinement) -> Result<(), ConfineError> {
    let limits = [
        ("core dumps", Resource::Core, Some(0)),
        ("open files", Resource::Nofile, Some(confinement.open_files)),
        ("address space", Resource::As, confinement.memory),
        ("file size", Resource::Fsize, confinement.file_size),
    ];
    for (what, resource, limit) in limits {
        let Some(limit) = limit else { continue };
        // What the gateway itself may not have, its children can't get.
        let limit = getrlimit(resource)
            .maximum
            .map_or(limit, |maximum| maximum.min(limit));
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        setrlimit(resource, limit).map_err(|e| ConfineError::System {
            what,
            source: e.into(),
        })?;
    }
    Ok(())
}

fn restrict_files(confinement: &Confinement) -> Result<Landlock, ConfineError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let execute = if confinement.processes {
        read | AccessFs::Execute
    } else {
        read
    };
    let own_network = confinement.network == Network::Own;
    // Programs can't be started from where a plugin can write.
    let mut write: BitFlags<AccessFs> =
        AccessFs::from_all(LANDLOCK) & !AccessFs::Execute & !AccessFs::IoctlDev;
    if confinement.run_written {
        write |= AccessFs::Execute;
    }
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?;
    if !own_network {
        rules = rules.handle_access(AccessNet::from_all(LANDLOCK))?;
    }
    let network = if own_network { NETWORK } else { &[] };
    let programs = if confinement.processes { PROGRAMS } else { &[] };
    // the process's own, whichever that is
    let terminal: &[&str] = if confinement.processes { &["/dev/tty"] } else { &[] };
    // whoever may write to a device may also talk to it
    let is_device = |path: &&PathBuf| path.starts_with("/dev");
    let (devices, folders): (Vec<_>, Vec<_>) = confinement.writable.iter().partition(is_device);
    let status = rules
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, execute))?
        .add_rules(path_beneath_rules(network, read))?
        .add_rules(path_beneath_rules(programs, execute))?
        .add_rules(path_beneath_rules(
            ["/dev/null", "/dev/zero"],
            read | AccessFs::WriteFile,
        ))?
        .add_rules(path_beneath_rules(
            terminal,
            read | AccessFs::WriteFile | AccessFs::IoctlDev,
        ))?
        .add_rules(path_beneath_rules(&confinement.readable, execute))?
        .add_rules(path_beneath_rules(folders, write))?
        .add_rules(path_beneath_rules(devices, write | AccessFs::IoctlDev))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Landlock::Full,
        RulesetStatus::PartiallyEnforced => Landlock::Partial,
        RulesetStatus::NotEnforced => Landlock::None,
    })
}
