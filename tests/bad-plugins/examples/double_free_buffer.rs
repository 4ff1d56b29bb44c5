//! Frees the same memory twice.
use openclaw_bad_plugins::prelude::*;

exhibit!("double-free-buffer", "double_free_buffer", |_| async {
    let buffer = std::hint::black_box(Box::into_raw(Box::new([0_u8; 64])));
    // SAFETY: none; the second one is the fault.
    unsafe { (drop(Box::from_raw(buffer)), drop(Box::from_raw(buffer))) };
    Ok("unreachable".into())
});
