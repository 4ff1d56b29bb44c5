//! Answers with bytes that are no record.
use openclaw_bad_plugins::Dispatch;
use openclaw_bad_plugins::prelude::*;
use openclaw_plugin_api::abi::plugin_object;

raw_manifest!(br#"{"manifestVersion":1,"id":"returns-garbage-json","name":"returns-garbage-json","version":"0.1.0","apiVersion":"1.0.0","panic":"unwind","tools":["returns_garbage_json"]}"#);
raw_root!(
    "returns_garbage_json",
    plugin_object(Dispatch(|| p::RResult::ROk(b"\xff{[not json".to_vec().into())))
);
