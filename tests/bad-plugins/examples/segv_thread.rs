//! Writes where nothing is, on a thread of its own.
use openclaw_bad_plugins::prelude::*;

fn segv() {
    let nowhere = std::hint::black_box(16 as *mut u8);
    // SAFETY: none; nothing is mapped there.
    unsafe { nowhere.write_volatile(1) }
}

exhibit!("segv-thread", "segv_thread", |_| async {
    let _ = std::thread::spawn(segv).join();
    Ok("unreachable".into())
});
