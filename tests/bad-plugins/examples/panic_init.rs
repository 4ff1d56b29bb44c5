//! Panics while its instance is made.
use openclaw_bad_plugins::prelude::*;

exhibit!(
    "panic-init",
    "panic_init",
    |_: &Host| panic!("on purpose"),
    |_| async { Ok("unreachable".into()) }
);
