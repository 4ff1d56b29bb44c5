//! The process that becomes the command.
use super::{Command, Identity};
use crate::{Landlock, apply};
use rustix::{
    fs::{CWD, Mode, OFlags, fstat, openat},
    process::{
        Pid, Resource, Rlimit, Signal, getppid, getrlimit, ioctl_tiocsctty, set_parent_process_death_signal,
        setpriority_process, setrlimit, setsid,
    },
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
};
use std::{
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::Path,
    process,
};

/// How much later than others a confined command gets to run.
const PATIENCE: i32 = 5;

/// Gives up what the command may not have and becomes it. Returns only if that fails.
pub(super) fn begin(_: &str, command: &Command) -> Result<u8, String> {
    let failed = |what: &'static str| move |e: rustix::io::Errno| format!("{what}: {}", io::Error::from(e));
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(failed("the command can't be tied to its keeper"))?;
    if getppid().is_none_or(Pid::is_init) {
        return Err("the command's keeper is gone".to_owned());
    }
    setsid().map_err(failed("the command gets no session of its own"))?;
    if let Some(path) = &command.terminal {
        take_terminal(path).map_err(failed("the terminal can't be taken"))?;
    }
    std::env::set_current_dir(&command.folder)
        .map_err(|e| format!("{} can't be entered: {e}", command.folder.display()))?;
    limit(command).map_err(failed("the command's limits can't be set"))?;
    if command.confinement.is_some() {
        // what nobody asked for waits for what somebody did
        let _ = setpriority_process(None, PATIENCE);
    }
    let program = match command.identity {
        Some(identity) => identify(&command.program, identity)?,
        None => None,
    };
    if let Some(confinement) = &command.confinement {
        let enforced = apply(confinement).map_err(|e| format!("the command can't be confined: {e}"))?;
        if enforced.landlock == Landlock::None && confinement.require {
            return Err("the command can't be confined: this kernel has no Landlock".to_owned());
        }
    }
    let path = program.as_ref().map_or_else(
        || command.program.clone(),
        // by its handle: nobody can put another file there any more
        |file| format!("/proc/self/fd/{}", file.as_raw_fd()).into(),
    );
    let error = process::Command::new(path)
        .arg0(&command.name)
        .args(&command.args)
        .exec();
    Err(format!("{} can't be run: {error}", command.program.display()))
}

impl Identity {
    /// Which file this is.
    pub fn of(stat: &rustix::fs::Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            changed: (
                stat.st_ctime,
                i64::try_from(stat.st_ctime_nsec).unwrap_or_default(),
            ),
        }
    }
}

/// Makes it the controlling terminal, and the three streams.
fn take_terminal(path: &Path) -> rustix::io::Result<()> {
    let terminal = openat(CWD, path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
    ioctl_tiocsctty(&terminal)?;
    dup2_stdin(&terminal)?;
    dup2_stdout(&terminal)?;
    dup2_stderr(&terminal)
}

/// The system counts processes per user, so those that there are come on top. It does not count root's: for them there
/// is the keeper.
fn limit(command: &Command) -> rustix::io::Result<()> {
    let mut limits = vec![(Resource::Core, 0)];
    if command.limits.processes > 0 {
        limits.push((Resource::Nproc, own_tasks() + u64::from(command.limits.processes)));
    }
    if command.limits.file_size > 0 {
        limits.push((Resource::Fsize, command.limits.file_size));
    }
    for (resource, limit) in limits {
        let limit = getrlimit(resource).maximum.map_or(limit, |most| most.min(limit));
        setrlimit(
            resource,
            Rlimit {
                current: Some(limit),
                maximum: Some(limit),
            },
        )?;
    }
    Ok(())
}

/// Threads of this user's processes.
fn own_tasks() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::getuid().as_raw();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let own = entries.filter(|entry| {
        let is_process = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.parse::<u32>().is_ok());
        is_process && entry.metadata().is_ok_and(|metadata| metadata.uid() == user)
    });
    own.map(|entry| std::fs::read_dir(entry.path().join("task")).map_or(1, Iterator::count) as u64)
        .sum()
}

/// Opens the program and looks whether it is the file that was judged. A program that another one interprets is opened
/// once more by that one, so it is run by its name: none then.
fn identify(path: &Path, identity: Identity) -> Result<Option<OwnedFd>, String> {
    let shown = path.display();
    let opened = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let file = opened.map_err(|e| format!("{shown} can't be opened: {}", io::Error::from(e)))?;
    let stat = fstat(&file).map_err(|e| format!("{shown} can't be looked at: {}", io::Error::from(e)))?;
    if Identity::of(&stat) != identity {
        return Err(format!(
            "{shown} is not the file any more that was judged; ask again"
        ));
    }
    let mut file = File::from(file);
    let mut head = [0; 4];
    let binary = file.read_exact(&mut head).is_ok() && &head == b"\x7fELF";
    Ok(binary.then(|| file.into()))
}
