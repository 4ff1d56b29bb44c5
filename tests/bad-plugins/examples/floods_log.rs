//! Writes a hundred thousand log events in one call.
use openclaw_bad_plugins::prelude::*;

exhibit!("floods-log", "floods_log", |_| async {
    for line in 0..100_000 {
        tracing::warn!(line, "a flood");
    }
    Ok("fine".into())
});
