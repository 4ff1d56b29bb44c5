//! Says that its panics can not be caught, although they could.
use openclaw_bad_plugins::prelude::*;

raw_manifest!(br#"{"manifestVersion":1,"id":"panic-abi-flag-false","name":"x","version":"0.1.0","apiVersion":"1.0.0","panic":"abort","tools":["panic_abi_flag_false"]}"#);
raw_root!("panic_abi_flag_false");
