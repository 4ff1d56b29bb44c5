//! Writes where nothing is, in a call.
use openclaw_bad_plugins::prelude::*;

fn segv() {
    let nowhere = std::hint::black_box(16 as *mut u8);
    // SAFETY: none; nothing is mapped there.
    unsafe { nowhere.write_volatile(1) }
}

exhibit!("segv-call", "segv_call", |_| async {
    segv();
    Ok("unreachable".into())
});
