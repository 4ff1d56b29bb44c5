//! A root that begins with other bytes than it should.
use openclaw_bad_plugins::prelude::*;

raw_manifest!(br#"{"manifestVersion":1,"id":"wrong-magic","name":"wrong-magic","version":"0.1.0","apiVersion":"1.0.0","panic":"unwind","tools":["wrong_magic"]}"#);

#[unsafe(export_name = "openclaw_plugin_root_v1")]
static ROOT: [u64; 64] = [0x6b6f_6f6c_2074_6f6e; 64];
