//! Loses a megabyte with every call.
use openclaw_bad_plugins::prelude::*;

exhibit!("leak", "leak", |_| async {
    std::mem::forget(vec![1_u8; 1 << 20]);
    Ok("fine".into())
});
