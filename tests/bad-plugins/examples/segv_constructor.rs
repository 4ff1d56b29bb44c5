//! Writes where nothing is, while the library is opened.
use openclaw_bad_plugins::prelude::*;

extern "C" fn segv() {
    let nowhere = std::hint::black_box(16 as *mut u8);
    // SAFETY: none; nothing is mapped there.
    unsafe { nowhere.write_volatile(1) }
}

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = segv;

exhibit!("segv-constructor", "segv_constructor", |_| async {
    Ok("unreachable".into())
});
