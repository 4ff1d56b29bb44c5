//! Emits ten thousand events in one call.
use openclaw_bad_plugins::prelude::*;

exhibit!("floods-events", "floods_events", |host: Host| async move {
    for n in 0..10_000 {
        let _ = host.emit("zoo.flood", &n).await;
    }
    Ok("fine".into())
});
