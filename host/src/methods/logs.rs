//! `logs.tail`: the last lines of the log file, or of this process where there is none.
use super::params;
use crate::{
    gateway::{Failure, Method, Scope},
    observe,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Lines if the caller doesn't say.
const DEFAULT_LINES: usize = 500;
/// Bytes if the caller doesn't say.
const DEFAULT_BYTES: usize = 250_000;

/// Parameters of `logs.tail`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    cursor: Option<u64>,
    #[schemars(range(min = 1, max = 5_000))]
    limit: Option<usize>,
    #[schemars(range(min = 1, max = 1_000_000))]
    max_bytes: Option<usize>,
}

pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("logs.tail", Scope::Read).with::<Params>()]
}

/// Lines from a cursor on, or the last ones.
pub(super) async fn tail(given: Value) -> Result<Value, Failure> {
    let asked: Params = params("logs.tail", given)?;
    let lines = asked.limit.unwrap_or(DEFAULT_LINES);
    let bytes = asked.max_bytes.unwrap_or(DEFAULT_BYTES);
    let Some(path) = observe::file() else {
        return Ok(kept(asked.cursor, lines, bytes));
    };
    let file = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || {
        observe::flush();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        observe::tail_of(&path, asked.cursor, lines, bytes)
    });
    match read.await {
        Ok(Ok(tail)) => Ok(json!({
            "file": file, "cursor": tail.cursor, "size": tail.size, "lines": tail.lines,
            "truncated": tail.truncated, "reset": tail.reset, "skippedBytes": tail.skipped,
        })),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(json!({
            "file": file, "cursor": 0, "size": 0, "lines": [], "truncated": false,
            "reset": asked.cursor.is_some_and(|cursor| cursor > 0),
        })),
        Ok(Err(error)) => Err(Failure::unavailable(format!(
            "the log file {file} can't be read: {error}"
        ))),
        Err(ended) => Err(Failure::unavailable(ended.to_string())),
    }
}

/// What this process keeps in memory.
fn kept(cursor: Option<u64>, lines: usize, bytes: usize) -> Value {
    let tail = observe::recent().tail(cursor, lines, bytes);
    json!({
        "file": "", "cursor": tail.cursor, "size": tail.cursor, "lines": tail.lines,
        "truncated": tail.truncated, "reset": tail.reset,
    })
}
