//! What the first process of a container owes to the others, and how a process of root's becomes the gateway's user.
//!
//! As process 1 this program starts itself once more, passes signals on, and waits for every child that it inherits, so
//! no container needs a program for that. As root with `OPENCLAW_RUN_AS` it gives the state directory to that user and
//! goes on as that user: volumes are often root's when they are new.
//!
//! It reads no configuration. Invariant: with `OPENCLAW_RUN_AS` nothing but this file runs as root.
use super::Failure;
use crate::config::Env;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, geteuid, getpid, kill_process, wait};
use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, lchown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Whose the state is and who runs the gateway, `uid` or `uid:gid`; only root is asked to.
const RUN_AS: &str = "OPENCLAW_RUN_AS";
/// Where the state is.
const STATE_DIR: &str = "OPENCLAW_STATE_DIR";
/// What a container's engine or a person sends to process 1 and means for the gateway.
const FORWARDED: [SignalKind; 6] = [
    SignalKind::terminate(),
    SignalKind::interrupt(),
    SignalKind::hangup(),
    SignalKind::quit(),
    SignalKind::user_defined1(),
    SignalKind::user_defined2(),
];
/// Signals that may wait to be passed on.
const PENDING: usize = 16;
/// The user's part of the system's word for "ended by a signal", as shells have it.
const BY_SIGNAL: i32 = 128;

/// A user and a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct User {
    uid: u32,
    gid: u32,
}

/// Does what is owed, and gives the exit code; nothing if this is an ordinary process, which just goes on.
pub(super) fn run(env: &Env) -> Option<u8> {
    let first = getpid() == Pid::INIT;
    let named = env.var(RUN_AS).filter(|_| geteuid().is_root());
    if !first && named.is_none() {
        return None;
    }
    Some(match become_gateway(first, named, env) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    })
}

fn become_gateway(first: bool, named: Option<&str>, env: &Env) -> Result<u8, Failure> {
    let program = std::env::current_exe().map_err(|e| Failure::io("find this program", e))?;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1));
    if let Some(named) = named {
        let user = User::parse(named)?;
        if let Some(state) = env.var(STATE_DIR) {
            let state = Path::new(state);
            hand_over(state, user).map_err(|e| {
                Failure::io(
                    format_args!(
                        "give the state directory {} to user {}",
                        state.display(),
                        user.uid
                    ),
                    e,
                )
            })?;
        }
        // with the user go root's further groups; the system's library sees to that
        command.uid(user.uid).gid(user.gid).env_remove(RUN_AS);
    }
    if first {
        return serve(command).map_err(|e| Failure::io("run the gateway as a child of process 1", e));
    }
    // returns only if it can't be done
    Err(Failure::io("go on as another user", command.exec()))
}

// === impl User ===

impl User {
    fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = || {
            Failure::config(format_args!(
                "{RUN_AS} is \"{text}\"; write the numbers of a user and a group other than root's, such as 65532:65532"
            ))
        };
        let (uid, gid) = text.split_once(':').unwrap_or((text, text));
        match (uid.parse(), gid.parse()) {
            (Ok(uid), Ok(gid)) if uid != 0 => Ok(Self { uid, gid }),
            _ => Err(wrong()),
        }
    }
}

/// Makes the directory the user's, with all that is in it if it was somebody else's. The directory itself comes last, so
/// that an interrupted attempt is repeated. No link is followed and no other disk is entered.
fn hand_over(state: &Path, user: User) -> io::Result<()> {
    if !state.is_absolute() || state.parent().is_none() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it has to be an absolute path and not the root of all files",
        ));
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(state)?;
    let top = fs::symlink_metadata(state)?;
    if !top.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    if top.uid() == user.uid {
        return Ok(());
    }
    let mut folders: Vec<PathBuf> = vec![state.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let metadata = fs::symlink_metadata(&path)?;
            if metadata.dev() != top.dev() {
                continue;
            }
            lchown(&path, Some(user.uid), Some(user.gid))?;
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    lchown(state, Some(user.uid), Some(user.gid))
}

/// Process 1: one child that does the work, and any number of children that others left behind.
fn serve(command: Command) -> io::Result<u8> {
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(watch(command))
}

async fn watch(mut command: Command) -> io::Result<u8> {
    // before there is a child, so that no signal is missed
    let mut ended = signal(SignalKind::child())?;
    let (told, mut heard) = mpsc::channel(PENDING);
    for kind in FORWARDED {
        let (mut signals, told) = (signal(kind)?, told.clone());
        tokio::spawn(async move { while signals.recv().await.is_some() && told.send(kind).await.is_ok() {} });
    }
    let child = command.spawn()?.id();
    let child = i32::try_from(child).ok().and_then(Pid::from_raw);
    let child = child.expect("the system numbers processes from 1 and below 2^31");
    loop {
        // also at the beginning: who was process 1 before this program may have left children that have ended
        if let Some(code) = reap(child)? {
            return Ok(code);
        }
        tokio::select! {
            _ = ended.recv() => {}
            Some(kind) = heard.recv() => {
                if let Some(signal) = Signal::from_named_raw(kind.as_raw_value()) {
                    // it fails only if the child has ended, of which we hear next
                    let _ = kill_process(child, signal);
                }
            }
        }
    }
}

/// Takes note of every child that has ended; gives the exit code if the one is among them.
fn reap(child: Pid) -> io::Result<Option<u8>> {
    let mut code = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == child => code = Some(exit_code(status)),
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(code),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn exit_code(status: WaitStatus) -> u8 {
    let code = status
        .exit_status()
        .or_else(|| Some(BY_SIGNAL + status.terminating_signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_two_numbers_and_not_root() {
        let of = |text| User::parse(text).ok().map(|user| (user.uid, user.gid));
        assert_eq!(of("65532:65533"), Some((65_532, 65_533)));
        assert_eq!(of("1000"), Some((1000, 1000)));
        for text in ["0", "0:0", "root", "1000:", ":1", "-1", "1:2:3"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn a_directory_that_is_the_users_is_left_alone_and_the_root_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let user = User {
            uid: geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        };
        let state = folder.path().join("new/state");
        hand_over(&state, user).expect("made");
        let mode = fs::metadata(&state).expect("it is there").mode();
        assert_eq!(mode & 0o777, 0o700);
        for wrong in ["/", "relative"] {
            let error = hand_over(Path::new(wrong), user).expect_err(wrong);
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        assert!(hand_over(&file, user).is_err());
    }

    #[test]
    fn what_was_roots_becomes_the_users_and_links_are_not_followed() {
        if !geteuid().is_root() {
            eprintln!("skipped: only root may give files away");
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (state, other) = (folder.path().join("state"), folder.path().join("other"));
        fs::create_dir_all(state.join("media")).expect("made");
        fs::write(state.join("media/picture"), "").expect("written");
        fs::write(&other, "").expect("written");
        std::os::unix::fs::symlink(&other, state.join("link")).expect("linked");
        hand_over(
            &state,
            User {
                uid: 65_532,
                gid: 65_532,
            },
        )
        .expect("handed over");
        let uid = |path: PathBuf| fs::symlink_metadata(path).expect("it is there").uid();
        for path in ["", "media", "media/picture", "link"] {
            assert_eq!(uid(state.join(path)), 65_532, "{path}");
        }
        assert_eq!(uid(other), 0);
    }
}
