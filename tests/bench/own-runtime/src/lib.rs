//! The benchmarked plugin with a runtime of its own.
include!("../../src/subject.rs");
export_plugin!(
    Declaration::new("bench-own-runtime", "Bench")
        .channels(&["bench"])
        .own_runtime(),
    start
);
