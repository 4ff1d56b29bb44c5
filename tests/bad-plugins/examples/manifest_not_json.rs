//! A manifest that is prose.
use openclaw_bad_plugins::prelude::*;

raw_manifest!(b"This plugin is called manifest_not_json and does nothing.");
