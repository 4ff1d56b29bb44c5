//! Writes where nothing is, while its instance is made.
use openclaw_bad_plugins::prelude::*;

fn segv() {
    let nowhere = std::hint::black_box(16 as *mut u8);
    // SAFETY: none; nothing is mapped there.
    unsafe { nowhere.write_volatile(1) }
}

exhibit!("segv-init", "segv_init", |_: &Host| segv(), |_| async {
    Ok("unreachable".into())
});
