//! Built, so says its manifest, for another machine.
use openclaw_bad_plugins::prelude::*;

raw_manifest!(br#"{"manifestVersion":1,"id":"wrong-target","name":"wrong-target","version":"0.1.0","apiVersion":"1.0.0","panic":"unwind","tools":["wrong_target"],"target":"riscv64gc-unknown-linux-gnu"}"#);
raw_root!("wrong_target");
