//! `config.get`: the configuration as written and as it runs, without secrets.
use super::place::{Place, Snapshot};
use crate::{
    config::{Edit, JsonPath, Problem, Redactor, Sources, diff, edited, included_file_of},
    gateway::Failure,
};
use serde_json::{Value, json};

/// The answer. Who may change the file gets its text with the comments; anybody else a text without them, for there may
/// be secrets in comments.
pub(super) fn answer(place: &Place, with_comments: bool) -> Result<Value, Failure> {
    let snapshot = place.look();
    let redactor = place.redactor(&snapshot);
    let (issues, warnings) = judged(place, &snapshot);
    let hide = |value: &Value| redactor.redact(value, &JsonPath::root());
    let (parsed, merged) = (hide(&snapshot.main()), hide(&snapshot.merged()));
    let sources = snapshot.sources();
    let owned = |keys: &[&str]| {
        sources.is_some_and(|sources| {
            let path = keys.iter().fold(JsonPath::root(), |path, key| path.key(*key));
            included_file_of(sources, &path).is_some()
        })
    };
    let raw = match sources {
        Some(sources) if with_comments => hidden_text(sources, &redactor),
        _ => None,
    };
    let raw = raw.or_else(|| sources.map(|_| pretty(&parsed)));
    Ok(json!({
        "path": place.paths.config_file, "exists": snapshot.text.is_some(), "raw": raw, "parsed": parsed,
        "sourceConfig": merged, "resolved": merged, "config": merged,
        "runtimeConfig": as_written(&hide(place.running.value()), &merged),
        "valid": issues.is_empty(), "issues": issues, "warnings": warnings, "legacyIssues": [],
        "hash": snapshot.hash(&place.fingerprint), "configRevisionHash": snapshot.revision(&place.fingerprint),
        "appliedConfigHash": place.applied,
        "includedPaths": sources.map(|sources| sources.files().skip(1).collect::<Vec<_>>()).unwrap_or_default(),
        "includeProvenance": sources.map(provenance).unwrap_or_default(),
        "agentRosterIncludeOwned": owned(&["agents", "entries"]) || owned(&["agents", "list"]),
        "bindingsIncludeOwned": owned(&["bindings"]),
    }))
}

/// Path and words of each problem.
pub(super) fn issues(problems: &[Problem]) -> Vec<Value> {
    let issue = |problem: &Problem| {
        json!({
            "path": problem.path.to_string(), "message": problem.message,
            "file": problem.at.file.display().to_string(),
            "line": problem.at.line, "column": problem.at.column,
        })
    };
    problems.iter().map(issue).collect()
}

/// JSON as the older gateway writes it.
pub(super) fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("a JSON value is JSON");
    text.push('\n');
    text
}

fn judged(place: &Place, snapshot: &Snapshot) -> (Vec<Value>, Vec<Value>) {
    match &snapshot.read {
        Ok(inspected) => {
            let (mut problems, mut warnings) = (inspected.problems(), inspected.warnings());
            if let Some(config) = &inspected.config {
                let (faults, assembly) = place.judged(config);
                let faults = faults.into_iter();
                problems.extend(faults.map(|fault| Problem::of_fault(fault, &inspected.sources)));
                warnings = assembly.warnings(config, warnings);
            }
            (issues(&problems), issues(&warnings))
        }
        // a file that is not there is an empty one
        Err(_) if snapshot.text.is_none() => (Vec::new(), Vec::new()),
        Err(error) => (
            vec![json!({ "path": "", "message": error.to_string() })],
            Vec::new(),
        ),
    }
}

/// The main file's text with placeholders where secrets stand.
fn hidden_text(sources: &Sources, redactor: &Redactor) -> Option<String> {
    let value = sources.main().value();
    let shown = redactor.redact(value, &JsonPath::root());
    let edits: Vec<_> = diff(value, &shown)
        .into_iter()
        .filter_map(|path| {
            let value = path.of(&shown)?.clone();
            Some(Edit::Set { path, value })
        })
        .collect();
    edited(sources, &edits).ok()
}

/// Where a text comes from a variable or names a secret elsewhere, what is written is shown and not what it stands for.
fn as_written(running: &Value, written: &Value) -> Value {
    match (running, written) {
        (Value::Object(running), Value::Object(written)) => {
            let inner = running.iter().map(|(key, value)| {
                let value = written
                    .get(key)
                    .map_or_else(|| value.clone(), |written| as_written(value, written));
                (key.clone(), value)
            });
            inner.collect()
        }
        (Value::Array(running), Value::Array(written)) if running.len() == written.len() => {
            let pairs = running.iter().zip(written);
            pairs
                .map(|(running, written)| as_written(running, written))
                .collect()
        }
        (Value::String(_), Value::Object(reference)) if reference.contains_key("source") => written.clone(),
        (Value::String(_), Value::String(text)) if text.contains("${") => written.clone(),
        (running, _) => running.clone(),
    }
}

/// The top-level keys that stand in included files.
fn provenance(sources: &Sources) -> Vec<Value> {
    let keys = sources
        .merged()
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys());
    keys.filter_map(|key| {
        let file = included_file_of(sources, &JsonPath::root().key(key))?;
        Some(json!({ "path": key, "file": file }))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_variables_stand_for_is_not_shown() {
        let running = json!({"a": "value", "b": ["x", "hidden"], "c": "secret", "d": 1});
        let written = json!({"a": "${A}", "b": ["x", "y"], "c": {"source": "env", "id": "C"}, "e": 2});
        assert_eq!(
            as_written(&running, &written),
            json!({"a": "${A}", "b": ["x", "hidden"], "c": {"source": "env", "id": "C"}, "d": 1})
        );
    }
}
