//! `openclaw config set` and `unset`: one key, every other byte as its author wrote it, and only if the result is a
//! configuration.
use super::{super::Failure, Place, path};
use crate::config::{
    ChangeError, Changed, Config, Document, Edit, EditError, IncludeError, JsonPath, ReloadKind, change,
    reload_kind, write_atomic,
};
use serde_json::{Value, json};

/// Sets a value of openclaw.json, keeping comments and formatting.
#[derive(Debug, clap::Args)]
pub struct Set {
    /// The value, like agents.list[0].id or channels["my.id"]
    path: String,
    /// Its new content: JSON5, or else a text
    #[arg(allow_hyphen_values = true)]
    value: String,
    /// Take the content as JSON5 only
    #[arg(long, visible_alias = "strict-json", visible_alias = "json")]
    json5: bool,
}

/// Removes a value of openclaw.json, keeping comments and formatting.
#[derive(Debug, clap::Args)]
pub struct Unset {
    /// The value, like agents.list[0].id or channels["my.id"]
    path: String,
}

/// Runs `set`.
pub fn set(args: &Set, place: &Place<'_>) -> Result<(), Failure> {
    let path = path(&args.path)?;
    let value = match Document::parse(std::path::Path::new("value"), args.value.clone().into_bytes()) {
        Ok(document) => document.value().clone(),
        Err(error) if args.json5 => return Err(Failure::usage(error)),
        Err(_) => Value::String(args.value.clone()),
    };
    create_if_missing(place)?;
    let edit = Edit::Set {
        path: path.clone(),
        value,
    };
    let changed = apply(&[edit], place)?;
    report(&changed, "Set", &path, place);
    if !changed.written {
        anstream::println!("{path} was so already.");
    }
    Ok(())
}

/// Runs `unset`.
pub fn unset(args: &Unset, place: &Place<'_>) -> Result<(), Failure> {
    let path = path(&args.path)?;
    let changed = apply(&[Edit::Unset { path: path.clone() }], place)?;
    report(&changed, "Removed", &path, place);
    if changed.written {
        Ok(())
    } else {
        let file = place.paths.config_file.display();
        Err(Failure::new(format_args!("{path} is not set in {file}")))
    }
}

/// Applies all or none.
pub(in crate::cli) fn apply(edits: &[Edit], place: &Place<'_>) -> Result<Changed, Failure> {
    let plugins = |config: &Config| place.faults_of_plugins(config);
    change(&place.paths, place.env, edits, &plugins).map_err(failed)
}

/// Would they be applied?
pub(in crate::cli) fn rehearse(edits: &[Edit], place: &Place<'_>) -> Result<(), Failure> {
    let plugins = |config: &Config| place.faults_of_plugins(config);
    let rehearsed = crate::config::rehearse(&place.paths, place.env, edits, &plugins);
    rehearsed.map(drop).map_err(failed)
}

fn failed(error: ChangeError) -> Failure {
    match &error {
        ChangeError::Edit(EditError::Raced(_) | EditError::Write { .. }) => Failure::new(error),
        ChangeError::Edit(EditError::Read(IncludeError::Missing(_))) => Failure::config(error),
        ChangeError::Edit(EditError::Read(_) | EditError::Parse(_)) => Failure::config(error),
        ChangeError::Edit(_) => Failure::usage(error),
        ChangeError::Invalid(_) => Failure::config(error),
    }
}

/// A command that sets something may be the first one that is given.
pub(in crate::cli) fn create_if_missing(place: &Place<'_>) -> Result<(), Failure> {
    let file = &place.paths.config_file;
    if file.exists() {
        return Ok(());
    }
    place.paths.prepare_state_dir().map_err(Failure::config)?;
    write_atomic(file, b"{}\n").map_err(|e| Failure::io(format_args!("create {}", file.display()), e))
}

/// The same as [`report`] says, for machines.
pub(in crate::cli) fn facts(changed: &Changed, path: &JsonPath, place: &Place<'_>) -> Value {
    let remaining: Vec<_> = changed.remaining.iter().map(ToString::to_string).collect();
    json!({
        "path": path.to_string(), "file": place.paths.config_file, "changed": changed.written,
        "needsRestart": changed.written && needs_restart(path), "stillWrong": remaining,
    })
}

fn needs_restart(path: &JsonPath) -> bool {
    matches!(reload_kind(path), ReloadKind::Restart)
}

/// Says what was done, and when it has an effect.
pub(in crate::cli) fn report(changed: &Changed, done: &str, path: &JsonPath, place: &Place<'_>) {
    if changed.written {
        anstream::println!("{done} {path} in {}.", place.paths.config_file.display());
        let next = match needs_restart(path) {
            true => "It takes effect when the gateway is started again.",
            false => "A running gateway takes it up by itself.",
        };
        anstream::println!("{next}");
    }
    for problem in &changed.remaining {
        anstream::eprintln!("still wrong: {problem}");
    }
}
