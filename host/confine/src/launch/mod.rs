//! Starting a command from a program that has threads, without anything between `fork` and `exec`.
//!
//! Two processes of this same program stand between it and the command. The *keeper* adopts whatever the command leaves
//! behind, ends all of it when the command ends, when there are too many, or when whoever asked is gone. The *novice*
//! gives up what the command may not have and then becomes the command. Both inherit the command's environment and
//! streams, so those never stand on a command line.
mod keeper;
mod novice;
mod spec;

pub use keeper::{Frame, TOO_MANY};
pub use spec::{Command, Identity, Limits};

use std::ffi::OsString;

/// First argument of a keeper; the second one is a [`Command`] as JSON. Its standard input takes [`Frame`]s.
pub const KEEP: &str = "keep-command";
/// First argument of a novice.
const BECOME: &str = "become-command";
/// How a novice ends that could not become its command: what shells say of a command that they can't run.
pub const CANT_RUN: u8 = 126;

/// Serves a process that was started as keeper or novice: its exit code. None for any other arguments.
pub fn serve(args: impl IntoIterator<Item = OsString>) -> Option<u8> {
    let mut args = args.into_iter().skip(1);
    let role = args.next()?;
    let serve = match role.to_str()? {
        KEEP => keeper::keep,
        BECOME => novice::begin,
        _ => return None,
    };
    let spec = args.next()?;
    if args.next().is_some() {
        return None;
    }
    let code = spec
        .to_str()
        .ok_or_else(|| "the command is not UTF-8".to_owned())
        .and_then(|json| {
            let command =
                serde_json::from_str(json).map_err(|e| format!("the command can't be read: {e}"))?;
            serve(json, &command)
        });
    Some(code.unwrap_or_else(|why| {
        complain(&why);
        CANT_RUN
    }))
}

/// Where the command's own complaints would go. There is nobody else to tell.
fn complain(why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{why}");
}
