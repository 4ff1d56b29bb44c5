//! Keeps the host and calls it after its instance is gone.
use openclaw_bad_plugins::prelude::*;
use std::thread;

struct OnDrop(Host);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let host = self.0.clone();
        thread::spawn(move || {
            loop {
                let _ = block_on(host.emit("zoo.after", &json!(null)));
                thread::sleep(std::time::Duration::from_millis(5));
            }
        });
    }
}

exhibit!(
    "callback-after-destroy",
    "callback_after_destroy",
    |host: &Host| OnDrop(host.clone()),
    |_| async { Ok("fine".into()) }
);
