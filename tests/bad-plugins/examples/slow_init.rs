//! Takes two seconds to make its instance, which is allowed.
use openclaw_bad_plugins::prelude::*;
use std::{thread, time::Duration};

exhibit!(
    "slow-init",
    "slow_init",
    |_: &Host| thread::sleep(Duration::from_secs(2)),
    |_| async { Ok("fine".into()) }
);
