//! Makes the process deaf to SIGTERM.
use openclaw_bad_plugins::prelude::*;

exhibit!("changes-signal-handler", "changes_signal_handler", |_| async {
    // SAFETY: a call of the C library without memory; that it concerns the whole process is the fault.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    Ok("fine".into())
});
