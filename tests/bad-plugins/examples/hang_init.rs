//! Never finishes making its instance.
use openclaw_bad_plugins::prelude::*;
use std::{thread, time::Duration};

exhibit!(
    "hang-init",
    "hang_init",
    |_: &Host| loop {
        thread::sleep(Duration::from_secs(60));
    },
    |_| async { Ok("unreachable".into()) }
);
