//! The benchmarked plugin whose futures the host polls.
#[path = "../../src/subject.rs"]
mod subject;

use openclaw_plugin_api::prelude::*;

export_plugin!(
    Declaration::new("bench-hosted", "Bench").channels(&["bench"]),
    subject::start
);
