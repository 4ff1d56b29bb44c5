//! Blocks its thread for ever, so that not even dropping the call helps.
use openclaw_bad_plugins::prelude::*;
use std::{thread, time::Duration};

exhibit!("hang-call", "hang_call", |_| async {
    loop {
        thread::sleep(Duration::from_secs(60));
    }
});
