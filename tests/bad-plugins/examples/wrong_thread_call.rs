//! Calls the host from a thread that the host has never seen.
use openclaw_bad_plugins::prelude::*;

exhibit!(
    "wrong-thread-call",
    "wrong_thread_call",
    |host: Host| async move {
        let call = move || block_on(host.store().put("key", *b"value"));
        std::thread::spawn(call)
            .join()
            .expect("the thread does not panic")?;
        Ok("fine".into())
    }
);
