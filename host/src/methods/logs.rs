//! `logs.tail`: the last log lines of this process.
use super::params;
use crate::{
    gateway::{Failure, Method, Scope},
    observe,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Lines if the caller doesn't say.
const DEFAULT_LINES: usize = 200;
/// Lines at most.
const MAX_LINES: usize = 5_000;
/// Bytes if the caller doesn't say.
const DEFAULT_BYTES: usize = 250_000;
/// Bytes at most.
const MAX_BYTES: usize = 1_000_000;

/// Parameters of `logs.tail`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    cursor: Option<u64>,
    limit: Option<usize>,
    max_bytes: Option<usize>,
}

pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("logs.tail", Scope::Read)]
}

/// Lines from a cursor on, or the last ones.
pub(super) fn tail(given: Value) -> Result<Value, Failure> {
    let asked: Params = params("logs.tail", given)?;
    let lines = asked.limit.unwrap_or(DEFAULT_LINES).clamp(1, MAX_LINES);
    let bytes = asked.max_bytes.unwrap_or(DEFAULT_BYTES).clamp(1, MAX_BYTES);
    let tail = observe::recent().tail(asked.cursor, lines, bytes);
    Ok(json!({
        "file": "", "cursor": tail.cursor, "size": tail.cursor, "lines": tail.lines,
        "truncated": tail.truncated, "reset": tail.reset,
    }))
}
