//! Never returns from being destroyed.
use openclaw_bad_plugins::prelude::*;
use std::{thread, time::Duration};

struct OnDrop;

impl Drop for OnDrop {
    fn drop(&mut self) {
        loop {
            thread::sleep(Duration::from_secs(60));
        }
    }
}

exhibit!("hang-destroy", "hang_destroy", |_: &Host| OnDrop, |_| async {
    Ok("fine".into())
});
