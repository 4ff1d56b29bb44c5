//! `config.set`, `config.patch`, `config.apply`: from what a client sends to a file that says it, comments kept where that
//! can be, and to a gateway that follows.
use super::{
    Files,
    place::{Place, Snapshot},
    show::{issues, pretty},
};
use crate::{
    config::{
        ChangeError, ConfigError, Document, EditError, Fault, JsonPath, ReloadKind, apply, diff, edited,
        edits_between, has_placeholder, merge_patch, reload_kind, restore, rewrite,
    },
    gateway::Failure,
};
use serde_json::{Value, json};
use std::path::Path;

/// A file that shrinks by more than half from this size on is taken for an accident, bytes.
const CLOBBER: usize = 1_024;

/// What a caller does who has read something older.
const STALE: &str = "config changed since last load; re-run config.get and retry";

/// How the text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::methods) enum Kind {
    /// The whole file; nobody waits until the gateway follows.
    Set,
    /// The whole file.
    Apply,
    /// What is to be different.
    Patch,
}

/// What the caller knows of the file.
#[derive(Debug, Clone)]
pub(in crate::methods) enum Base {
    /// What `config.get` told.
    Hash(Option<String>),
    /// Nothing: the change is small and holds for any file.
    Any,
}

/// A change that somebody asks for.
#[derive(Debug)]
pub(in crate::methods) struct Change {
    pub(in crate::methods) kind: Kind,
    pub(in crate::methods) raw: String,
    pub(in crate::methods) base: Base,
    pub(in crate::methods) note: Option<String>,
    pub(in crate::methods) replace: Vec<String>,
}

/// What was written.
struct Written {
    written: bool,
    hash: Option<String>,
    config: Value,
    paths: Vec<JsonPath>,
    remaining: Vec<Value>,
}

/// Writes, has the gateway follow, and tells everybody.
pub(in crate::methods) async fn change(files: &Files, change: Change) -> Result<Value, Failure> {
    let (kind, note) = (change.kind, change.note.clone());
    let writing = files.writing.lock().await;
    let written = files.aside(move |place| write(place, &change)).await?;
    drop(writing);
    let trouble = match (written.written, kind) {
        (false, _) => None,
        (true, Kind::Set) => {
            let reader = files.reader.clone();
            tokio::spawn(async move { reader.read().await });
            None
        }
        (true, _) => files.followed().await.err(),
    };
    if let (true, Some(hash)) = (written.written, &written.hash) {
        files.changed(hash);
    }
    let file = &files.gateway.paths().config_file;
    let restart = written
        .paths
        .iter()
        .any(|path| reload_kind(path) == ReloadKind::Restart);
    let mode = kind.method();
    Ok(json!({
        "ok": true, "path": file, "hash": written.hash, "config": written.config,
        "changedPaths": written.paths.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "warnings": written.remaining, "noop": !written.written,
        "sentinel": { "persisted": written.written, "payload": {
            "kind": mode.replace('.', "-"), "status": if trouble.is_some() { "error" } else { "ok" },
            "ts": files.gateway.now_ms(), "message": trouble.or(note),
            "stats": { "mode": mode, "root": file, "requiresRestart": restart },
        } },
    }))
}

fn write(place: &Place, change: &Change) -> Result<Written, Failure> {
    let snapshot = place.look();
    let seen = snapshot.hash(&place.fingerprint);
    match (&change.base, &seen) {
        (Base::Any, _) | (Base::Hash(None), None) => {}
        (Base::Hash(None), Some(_)) => {
            let method = change.kind.method();
            return Err(Failure::invalid(format!(
                "config base hash required for {method}; re-run config.get and retry"
            )));
        }
        (Base::Hash(given), seen) if given == seen => {}
        (Base::Hash(_), _) => return Err(Failure::invalid(STALE)),
    }
    let before = snapshot.merged();
    let text = match change.kind {
        Kind::Patch => patched(place, &snapshot, change)?,
        Kind::Set | Kind::Apply => replaced(place, &snapshot, change)?,
    };
    let judge = |config: &crate::config::Config| place.judge(config);
    let done = rewrite(&place.paths, &place.env, snapshot.text.as_deref(), &text, &judge);
    let done = done.map_err(refused)?;
    let now = place.look();
    let after = now.merged();
    Ok(Written {
        written: done.written,
        hash: now.hash(&place.fingerprint),
        config: place.redactor(&now).redact(&after, &JsonPath::root()),
        paths: diff(&before, &after),
        remaining: issues(&done.remaining),
    })
}

fn patched(place: &Place, snapshot: &Snapshot, change: &Change) -> Result<String, Failure> {
    let patch = object(&change.raw, change.kind)?;
    let broken = |error: &dyn std::fmt::Display| {
        Failure::invalid(format!(
            "the configuration can't be patched as it is: {error}; mend it with config.set"
        ))
    };
    let replace: Result<Vec<JsonPath>, _> = change.replace.iter().map(|path| path.parse()).collect();
    let replace = replace.map_err(|error| Failure::params("config.patch", error))?;
    let Some(sources) = snapshot.sources() else {
        return match (&snapshot.text, &snapshot.read) {
            (None, _) => Ok(pretty(&merge_patch(&json!({}), &patch, &replace))),
            (Some(_), Err(error)) => Err(broken(error)),
            (Some(_), Ok(_)) => Err(broken(&"it changes")),
        };
    };
    let before = sources.merged();
    let mut after = merge_patch(before, &patch, &replace);
    if has_placeholder(&patch) {
        let shown = place.redactor(snapshot).redact(before, &JsonPath::root());
        restore(&mut after, &shown, before).map_err(|faults| invalid(&faults))?;
    }
    edited(sources, &edits_between(before, &after)).map_err(|error| refused(error.into()))
}

fn replaced(place: &Place, snapshot: &Snapshot, change: &Change) -> Result<String, Failure> {
    let given = object(&change.raw, change.kind)?;
    let mut after = given.clone();
    let stored = snapshot.main();
    if has_placeholder(&given) {
        let shown = place.redactor(snapshot).redact(&stored, &JsonPath::root());
        restore(&mut after, &shown, &stored).map_err(|faults| invalid(&faults))?;
    }
    if let Some(text) = &snapshot.text {
        // what can't be read may be worth as much as it is long
        let old = snapshot
            .sources()
            .map_or(text.len(), |_| stored.to_string().len());
        not_clobbered(&stored, old, &after)?;
    }
    // strict JSON is what a program makes of a value: the file's own form is kept then
    let by_program = serde_json::from_str::<Value>(&change.raw).is_ok();
    let kept = snapshot.sources().filter(|_| by_program).and_then(|sources| {
        let text = edited(sources, &edits_between(&stored, &after)).ok()?;
        let same = Document::parse(Path::new("openclaw.json"), text.clone().into_bytes()).ok()?;
        (same.value() == &after).then_some(text)
    });
    if let Some(text) = kept {
        return Ok(text);
    }
    apply(&change.raw, &edits_between(&given, &after)).map_err(|error| refused(error.into()))
}

/// Nobody means to lose half of a configuration, or what says that this gateway runs here.
fn not_clobbered(stored: &Value, old: usize, after: &Value) -> Result<(), Failure> {
    let mode = |value: &Value| value["gateway"]["mode"].is_string();
    let new = after.to_string().len();
    let why = if mode(stored) && !mode(after) {
        "gateway.mode would be lost"
    } else if old >= CLOBBER && new * 2 < old {
        "more than half of it would be lost"
    } else {
        return Ok(());
    };
    Err(Failure::invalid(format!(
        "the configuration was not replaced: {why}; remove keys with config.patch, or edit the file"
    )))
}

fn object(raw: &str, kind: Kind) -> Result<Value, Failure> {
    let document = Document::parse(Path::new("raw"), raw.as_bytes().to_vec());
    let document = document.map_err(|error| Failure::invalid(format!("invalid config: {error}")))?;
    if !document.value().is_object() {
        return Err(Failure::invalid(format!(
            "{} raw must be an object",
            kind.method()
        )));
    }
    Ok(document.value().clone())
}

fn refused(error: ChangeError) -> Failure {
    match error {
        ChangeError::Invalid(ConfigError::Invalid(problems)) => {
            let first = problems
                .first()
                .map(|problem| format!("{}: {}", problem.path, problem.message));
            Failure::invalid(format!("invalid config: {}", first.unwrap_or_default()))
                .with_details(json!({ "issues": issues(&problems) }))
        }
        ChangeError::Edit(EditError::Raced(_)) => Failure::invalid(STALE),
        ChangeError::Edit(error @ EditError::Write { .. }) => Failure::unavailable(error.to_string()),
        other => Failure::invalid(format!("invalid config: {other}")),
    }
}

fn invalid(faults: &[Fault]) -> Failure {
    let issue = |fault: &Fault| json!({ "path": fault.path.to_string(), "message": fault.message });
    let first = faults.first().map(ToString::to_string).unwrap_or_default();
    Failure::invalid(format!("invalid config: {first}"))
        .with_details(json!({ "issues": faults.iter().map(issue).collect::<Vec<_>>() }))
}

// === impl Change ===

impl Change {
    /// A patch that holds for any file.
    pub(in crate::methods) fn small(patch: &Value) -> Self {
        Self {
            kind: Kind::Patch,
            raw: patch.to_string(),
            base: Base::Any,
            note: None,
            replace: Vec::new(),
        }
    }
}

// === impl Kind ===

impl Kind {
    fn method(self) -> &'static str {
        match self {
            Kind::Set => "config.set",
            Kind::Apply => "config.apply",
            Kind::Patch => "config.patch",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_configuration_is_an_accident() {
        let stored = json!({"gateway": {"mode": "local"}, "env": {"vars": {"A": "x".repeat(3_000)}}});
        let old = stored.to_string().len();
        for (after, fine) in [
            (json!({"gateway": {"mode": "local"}}), false),
            (json!({"env": {"vars": {"A": "x".repeat(3_000)}}}), false),
            (
                json!({"gateway": {"mode": "remote"}, "env": {"vars": {"A": "x".repeat(2_000)}}}),
                true,
            ),
        ] {
            assert_eq!(not_clobbered(&stored, old, &after).is_ok(), fine, "{after}");
        }
        assert!(
            not_clobbered(&json!({"a": 1, "b": 2, "c": 3}), 19, &json!({})).is_ok(),
            "a small one"
        );
    }
}
