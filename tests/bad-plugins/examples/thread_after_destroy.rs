//! Leaves a thread running when its instance is gone.
use openclaw_bad_plugins::prelude::*;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

static BEATS: AtomicU64 = AtomicU64::new(0);

exhibit!(
    "thread-after-destroy",
    "thread_after_destroy",
    |_: &Host| {
        thread::spawn(|| {
            loop {
                BEATS.fetch_add(1, Ordering::Relaxed);
                thread::sleep(std::time::Duration::from_millis(5));
            }
        });
    },
    |_| async { Ok("fine".into()) }
);
