//! The benchmarked plugin with a runtime of its own.
#[path = "../../src/subject.rs"]
mod subject;

use openclaw_plugin_api::prelude::*;

export_plugin!(
    Declaration::new("bench-own-runtime", "Bench")
        .channels(&["bench"])
        .own_runtime(),
    subject::start
);
