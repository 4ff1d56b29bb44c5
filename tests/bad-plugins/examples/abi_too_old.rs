//! Built, so says its manifest, with a earlier major version of the API.
use openclaw_bad_plugins::prelude::*;

raw_manifest!(br#"{"manifestVersion":1,"id":"abi-too-old","name":"abi-too-old","version":"0.1.0","apiVersion":"0.9.0","panic":"unwind","tools":["abi_too_old"]}"#);
raw_root!("abi_too_old");
