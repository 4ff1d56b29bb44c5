//! A pseudo-terminal: the master's end in both directions, and the name of the other one.
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use std::{io, path::PathBuf};
use tokio::net::unix::pipe;

/// Size of the screen that programs see.
const SIZE: Winsize = Winsize {
    ws_row: 40,
    ws_col: 120,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// A terminal without anybody on its other end yet.
pub struct Terminal {
    /// What its programs show.
    pub screen: pipe::Receiver,
    /// What is typed.
    pub keyboard: pipe::Sender,
    /// Where its programs find it.
    pub path: PathBuf,
}

impl Terminal {
    /// Opens one.
    pub fn open() -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        tcsetwinsize(&master, SIZE)?;
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        let name = ptsname(&master, Vec::new())?;
        let path = PathBuf::from(name.into_string().map_err(io::Error::other)?);
        Ok(Self {
            keyboard: pipe::Sender::from_owned_fd_unchecked(master.try_clone()?)?,
            screen: pipe::Receiver::from_owned_fd_unchecked(master)?,
            path,
        })
    }
}
