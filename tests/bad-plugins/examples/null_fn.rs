//! A table in which the most important function is missing.
use openclaw_bad_plugins::prelude::*;
use std::ffi::c_void;

extern "C" fn nothing(_: *const c_void) {}

extern "C" fn ping(_: *const c_void, n: u64) -> u64 {
    n + 1
}

raw_manifest!(br#"{"manifestVersion":1,"id":"null-fn","name":"null-fn","version":"0.1.0","apiVersion":"1.0.0","panic":"unwind","tools":["null_fn"]}"#);
raw_root!("null_fn", unsafe {
    openclaw_bad_plugins::table([nothing as *const (), std::ptr::null(), ping as *const ()])
});
