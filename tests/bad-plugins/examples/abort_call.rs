//! Aborts the process.
use openclaw_bad_plugins::prelude::*;

exhibit!("abort-call", "abort_call", |_| async { std::process::abort() });
