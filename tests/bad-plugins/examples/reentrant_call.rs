//! Waits for the host inside a poll of the host.
use openclaw_bad_plugins::prelude::*;

exhibit!("reentrant-call", "reentrant_call", |host: Host| async move {
    block_on(host.store().put("key", *b"value"))?;
    Ok("fine".into())
});
