//! Panics in a call; built with `panic = "abort"` by `library_with_panic_abort`.
use openclaw_bad_plugins::prelude::*;

exhibit!("panic-abort-profile", "panic_abort_profile", |_| async {
    panic!("on purpose")
});
