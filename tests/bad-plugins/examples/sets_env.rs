//! Changes the environment of the process.
use openclaw_bad_plugins::prelude::*;

exhibit!("sets-env", "sets_env", |_| async {
    // SAFETY: none; other threads may be reading.
    unsafe { std::env::set_var("HOME", "/nowhere") };
    Ok("fine".into())
});
