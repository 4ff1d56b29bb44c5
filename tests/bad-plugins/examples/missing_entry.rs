//! A manifest, but no exported root.
use openclaw_bad_plugins::prelude::*;

raw_manifest!(br#"{"manifestVersion":1,"id":"missing-entry","name":"missing-entry","version":"0.1.0","apiVersion":"1.0.0","panic":"unwind","tools":["missing_entry"]}"#);
