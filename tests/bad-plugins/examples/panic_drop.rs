//! Panics while its instance is destroyed.
use openclaw_bad_plugins::prelude::*;

struct OnDrop;

impl Drop for OnDrop {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

exhibit!("panic-drop", "panic_drop", |_: &Host| OnDrop, |_| async {
    Ok("fine".into())
});
