//! Built, so says its manifest, with a later major version of the API.
use openclaw_bad_plugins::prelude::*;

raw_manifest!(br#"{"manifestVersion":1,"id":"abi-too-new","name":"abi-too-new","version":"0.1.0","apiVersion":"2.0.0","panic":"unwind","tools":["abi_too_new"]}"#);
raw_root!("abi_too_new");
