//! Closes standard input, output and error.
use openclaw_bad_plugins::prelude::*;

exhibit!("closes-fd-0-1-2", "closes_fd_0_1_2", |_| async {
    // SAFETY: none; the descriptors are not its own.
    let closed = (0..3).all(|fd| unsafe { libc::close(fd) } == 0);
    Ok(closed.to_string().into())
});
