//! Panics in a call.
use openclaw_bad_plugins::prelude::*;

exhibit!("panic-call", "panic_call", |_| async { panic!("on purpose") });
