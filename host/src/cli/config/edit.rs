//! `openclaw config unset`, and what every change of openclaw.json goes through: single keys, every other byte as its author
//! wrote it, and only if the result is a configuration.
use super::{
    super::{Failure, output},
    Place, path,
};
use crate::config::{
    ChangeError, Changed, Config, Draft, Edit, EditError, IncludeError, JsonPath, ReloadKind, change,
    reload_kind, write_atomic,
};
use serde_json::{Value, json};

/// Removes a value of openclaw.json, keeping comments and formatting.
#[derive(Debug, clap::Args)]
pub struct Unset {
    /// The value, like agents.list[0].id or channels["my.id"]
    path: String,
    /// Say whether it could be removed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `unset`.
pub fn unset(args: &Unset, place: &Place<'_>) -> Result<(), Failure> {
    let path = path(&args.path)?;
    let draft = place.draft()?;
    let file = place.paths.config_file.display();
    if !draft.exists() {
        return Err(Failure::config(IncludeError::Missing(
            place.paths.config_file.clone(),
        )));
    }
    if path.of(draft.merged()).is_none() {
        return Err(Failure::new(format_args!("{path} is not set in {file}")));
    }
    let edit = Edit::Unset { path: path.clone() };
    let how = How {
        dry_run: args.dry_run,
        json: args.json,
    };
    how.carry_out(&draft, &[edit], ("Removed", "unset"), &[path], place)
}

/// Whether a change is made, and how it is told.
pub(super) struct How {
    pub(super) dry_run: bool,
    pub(super) json: bool,
}

impl How {
    /// Makes the change, or says whether it could be made. `done` and `mode` are what it is called for people and machines,
    /// `paths` what it is about.
    pub(super) fn carry_out(
        &self,
        draft: &Draft<'_>,
        edits: &[Edit],
        (done, mode): (&str, &str),
        paths: &[JsonPath],
        place: &Place<'_>,
    ) -> Result<(), Failure> {
        let plugins = |config: &Config| place.faults_of_plugins(config);
        if self.dry_run {
            let rehearsed = draft.rehearse(edits, &plugins);
            return self.tell_rehearsed(rehearsed, mode, paths, place);
        }
        if !draft.exists() {
            place.paths.prepare_state_dir().map_err(Failure::config)?;
        }
        let changed = draft.write(edits, &plugins).map_err(failed)?;
        if self.json {
            return output::json(&facts_of(&changed, paths, place));
        }
        tell(&changed, done, paths, place);
        if !changed.written {
            anstream::println!("{} was so already.", listed(paths));
        }
        Ok(())
    }

    fn tell_rehearsed(
        &self,
        rehearsed: Result<Changed, ChangeError>,
        mode: &str,
        paths: &[JsonPath],
        place: &Place<'_>,
    ) -> Result<(), Failure> {
        let changed = match rehearsed {
            Ok(changed) => changed,
            Err(error) if self.json => {
                let errors = json!([{ "kind": "schema", "message": error.to_string() }]);
                output::json(&dry(mode, paths, place, json!({ "ok": false, "errors": errors })))?;
                return Err(failed(error).quiet());
            }
            Err(error) => return Err(failed(error)),
        };
        if self.json {
            let mut facts = facts_of(&changed, paths, place);
            facts["ok"] = json!(true);
            return output::json(&dry(mode, paths, place, facts));
        }
        let file = place.paths.config_file.display();
        match changed.written {
            true => anstream::println!(
                "{file} could be changed so: {}. Nothing was written.",
                listed(paths)
            ),
            false => anstream::println!("{} was so already.", listed(paths)),
        }
        still_wrong(&changed);
        Ok(())
    }
}

/// What a dry run says to machines. References to secrets are looked at and not followed.
fn dry(mode: &str, paths: &[JsonPath], place: &Place<'_>, facts: Value) -> Value {
    let mut all = json!({
        "dryRun": true, "operations": paths.len(), "configPath": place.paths.config_file, "inputModes": [mode],
        "checks": { "schema": true, "resolvability": false, "resolvabilityComplete": false },
        "refsChecked": 0, "skippedExecRefs": 0,
    });
    if let (Some(all), Value::Object(facts)) = (all.as_object_mut(), facts) {
        all.extend(facts);
    }
    all
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

pub(super) fn failed(error: ChangeError) -> Failure {
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
    facts_of(changed, std::slice::from_ref(path), place)
}

/// The same for several values. `path` is the first of them.
fn facts_of(changed: &Changed, paths: &[JsonPath], place: &Place<'_>) -> Value {
    let remaining: Vec<_> = changed.remaining.iter().map(ToString::to_string).collect();
    let words: Vec<_> = paths.iter().map(ToString::to_string).collect();
    let mut facts = json!({
        "path": words.first(), "file": place.paths.config_file, "changed": changed.written,
        "needsRestart": changed.written && needs_restart(paths), "stillWrong": remaining,
    });
    if words.len() > 1 {
        facts["paths"] = json!(words);
    }
    facts
}

fn needs_restart(paths: &[JsonPath]) -> bool {
    paths
        .iter()
        .any(|path| matches!(reload_kind(path), ReloadKind::Restart))
}

/// Says what was done, and when it has an effect.
pub(in crate::cli) fn report(changed: &Changed, done: &str, path: &JsonPath, place: &Place<'_>) {
    tell(changed, done, std::slice::from_ref(path), place);
}

fn tell(changed: &Changed, done: &str, paths: &[JsonPath], place: &Place<'_>) {
    if changed.written {
        let file = place.paths.config_file.display();
        anstream::println!("{done} {} in {file}.", listed(paths));
        let next = match needs_restart(paths) {
            true => {
                "It takes effect by a restart: a running gateway does that by itself when no turn runs, unless \
                 gateway.reload.mode is \"off\" or commands.restart is false."
            }
            false => "A running gateway takes it up by itself.",
        };
        anstream::println!("{next}");
    }
    still_wrong(changed);
}

fn still_wrong(changed: &Changed) {
    for problem in &changed.remaining {
        anstream::eprintln!("still wrong: {problem}");
    }
}

fn listed(paths: &[JsonPath]) -> String {
    if paths.is_empty() {
        return "all of it".to_owned();
    }
    let words: Vec<_> = paths.iter().map(ToString::to_string).collect();
    words.join(", ")
}
