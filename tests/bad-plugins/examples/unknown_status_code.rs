//! Fails with a code that nobody knows.
use openclaw_bad_plugins::prelude::*;
use openclaw_bad_plugins::{Dispatch, fault};
use openclaw_plugin_api::abi::plugin_object;

raw_manifest!(br#"{"manifestVersion":1,"id":"unknown-status-code","name":"unknown-status-code","version":"0.1.0","apiVersion":"1.0.0","panic":"unwind","tools":["unknown_status_code"]}"#);
raw_root!("unknown_status_code", plugin_object(Dispatch(|| fault("teapot"))));
