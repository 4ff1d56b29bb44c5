//! The benchmarked plugin whose futures the host polls.
include!("../../src/subject.rs");
export_plugin!(
    Declaration::new("bench-hosted", "Bench").channels(&["bench"]),
    start
);
