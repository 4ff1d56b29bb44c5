//! `openclaw config set`: one value, a reference to a secret, where secrets come from, or several of them in one step.
mod provider;

use super::{super::Failure, Place, edit::How, json5, json5_file, path};
use crate::config::{Edit, JsonPath, SecretRef, Step, merge_patch};
use provider::Provider;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The flags that bring paths and values of their own.
const BATCH: [&str; 2] = ["batch_json", "batch_file"];
/// What stands in the place of a value.
const NO_VALUE: [&str; 4] = ["batch_json", "batch_file", "ref_id", "provider_source"];
/// Maps and lists of which nothing goes unless somebody says so; `*` is any key.
const PROTECTED: [&[&str]; 5] = [
    &["agents", "defaults", "models"],
    &["models", "providers"],
    &["models", "providers", "*", "models"],
    &["plugins", "entries"],
    &["auth", "profiles"],
];
/// Where a provider of secrets stands, before its name.
const PROVIDERS: [&str; 2] = ["secrets", "providers"];

/// Sets a value of openclaw.json, or several in one step, keeping comments and formatting.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The value, like agents.list[0].id or channels["my.id"]
    #[arg(required_unless_present_any = BATCH, conflicts_with_all = BATCH)]
    path: Option<String>,
    /// Its new content: JSON5, or else a text
    #[arg(allow_hyphen_values = true, required_unless_present_any = NO_VALUE, conflicts_with_all = NO_VALUE)]
    value: Option<String>,
    /// Take the content as JSON5 only
    #[arg(long, visible_alias = "strict-json")]
    json5: bool,
    /// The same; with --dry-run, print JSON too
    #[arg(long)]
    json: bool,
    /// Say whether it could be set, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Add to the object, or to the list whose elements have ids, that is there; null removes a key
    #[arg(long)]
    merge: bool,
    /// Replace it even if entries of it go that --merge would keep, as of plugins.entries
    #[arg(long, conflicts_with = "merge")]
    replace: bool,
    /// Only if it is this now, as it is written, JSON
    #[arg(long, value_name = "JSON", conflicts_with_all = BATCH)]
    expect_current_json: Option<String>,
    /// Only if it is not set now
    #[arg(long, conflicts_with_all = ["batch_json", "batch_file", "expect_current_json"])]
    expect_current_absent: bool,
    /// Refer to a secret: where it is, a variable, a file or what a program says
    #[arg(long, value_name = "KIND", value_parser = ["env", "file", "exec"], requires = "ref_id", conflicts_with_all = BATCH)]
    ref_source: Option<String>,
    /// The name of that in secrets.providers [default: what secrets.defaults says]
    #[arg(long, value_name = "NAME", requires = "ref_id", conflicts_with_all = BATCH)]
    ref_provider: Option<String>,
    /// Which secret there: a variable, a JSON pointer or a name
    #[arg(long, value_name = "ID", requires = "ref_source", conflicts_with_all = BATCH)]
    ref_id: Option<String>,
    #[command(flatten)]
    provider: Provider,
    /// Set these, all or none: a JSON list of objects with `path` and one of `value`, `ref` and `provider`
    #[arg(long, value_name = "JSON", conflicts_with = "batch_file")]
    batch_json: Option<String>,
    /// The same from a file; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    batch_file: Option<PathBuf>,
}

/// One value that is to be set.
#[derive(Debug, PartialEq)]
struct Wish {
    path: JsonPath,
    value: Value,
}

/// One of a batch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    #[serde(default, deserialize_with = "given")]
    value: Option<Value>,
    #[serde(default, rename = "ref")]
    reference: Option<Value>,
    #[serde(default)]
    provider: Option<Value>,
}

/// Null is a value, too.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// Runs the command.
pub fn run(args: &Args, place: &Place<'_>) -> Result<(), Failure> {
    let wishes = args.wishes()?;
    let draft = place.draft()?;
    let now = draft.merged();
    for wish in &wishes {
        args.expected(&wish.path, now)?;
    }
    let paths: Vec<_> = wishes.iter().map(|wish| wish.path.clone()).collect();
    if args.merge {
        apart(&paths)?;
    }
    let edits = wishes
        .into_iter()
        .map(|wish| args.edit(wish, now))
        .collect::<Result<Vec<_>, _>>()?;
    let how = How {
        dry_run: args.dry_run,
        json: args.json && args.dry_run,
    };
    how.carry_out(&draft, &edits, ("Set", args.mode()), &paths, place)
}

// === impl Args ===

impl Args {
    /// What is to be set.
    fn wishes(&self) -> Result<Vec<Wish>, Failure> {
        let batch = match (&self.batch_json, &self.batch_file) {
            (Some(text), _) => json5("--batch-json", text.clone())?,
            (None, Some(file)) => json5_file(file)?,
            (None, None) => {
                let path = path(self.path.as_deref().unwrap_or_default())?;
                let value = match self.provider.value() {
                    Some(provider) => {
                        is_of_provider(&path)?;
                        provider
                    }
                    None => self.content()?,
                };
                return Ok(vec![Wish { path, value }]);
            }
        };
        let entries: Vec<Entry> = serde_json::from_value(batch)
            .map_err(|error| Failure::usage(format_args!("the batch can't be read: {error}")))?;
        if entries.is_empty() {
            return Err(Failure::usage("the batch is empty"));
        }
        entries.into_iter().map(Entry::wish).collect()
    }

    /// What one value is to be.
    fn content(&self) -> Result<Value, Failure> {
        if let (Some(source), Some(id)) = (&self.ref_source, &self.ref_id) {
            let mut reference = json!({ "source": source });
            if let Some(provider) = &self.ref_provider {
                reference["provider"] = json!(provider);
            }
            reference["id"] = json!(id);
            return Ok(reference);
        }
        let text = self.value.clone().unwrap_or_default();
        match json5("value", text.clone()) {
            Ok(value) => Ok(value),
            Err(error) if self.json5 || self.json => Err(error),
            Err(_) => Ok(Value::String(text)),
        }
    }

    /// Is it what the caller takes it for?
    fn expected(&self, path: &JsonPath, now: &Value) -> Result<(), Failure> {
        let stored = path.of(now);
        if self.expect_current_absent && stored.is_some() {
            return Err(Failure::new(format_args!(
                "{path} is set already; nothing was changed"
            )));
        }
        let Some(text) = &self.expect_current_json else {
            return Ok(());
        };
        let expected: Value = serde_json::from_str(text)
            .map_err(|error| Failure::usage(format_args!("--expect-current-json is no JSON: {error}")))?;
        match stored == Some(&expected) {
            true => Ok(()),
            false => Err(Failure::new(format_args!(
                "{path} is not what --expect-current-json says; nothing was changed"
            ))),
        }
    }

    /// The change of the file.
    fn edit(&self, wish: Wish, now: &Value) -> Result<Edit, Failure> {
        let Wish { path, value } = wish;
        let stored = path.of(now);
        if self.merge {
            if !value.is_object() && !value.is_array() {
                return Err(Failure::usage(format_args!(
                    "{path}: --merge takes an object or a list"
                )));
            }
            let value = merge_patch(stored.unwrap_or(&Value::Null), &value, &[]);
            return Ok(Edit::Set { path, value });
        }
        if !self.replace && is_protected(&path) && stored.is_some_and(|stored| loses(stored, &value)) {
            return Err(Failure::usage(format_args!(
                "{path} would lose entries that it has; add to it with --merge, or give --replace"
            )));
        }
        Ok(Edit::Set { path, value })
    }

    /// How the content was given, for machines.
    fn mode(&self) -> &'static str {
        let is_batch = self.batch_json.is_some() || self.batch_file.is_some();
        if self.ref_id.is_some() || self.provider.value().is_some() {
            "builder"
        } else if is_batch || self.json5 || self.json {
            "json"
        } else {
            "value"
        }
    }
}

// === impl Entry ===

impl Entry {
    fn wish(self) -> Result<Wish, Failure> {
        let path = path(&self.path)?;
        let value = match (self.value, self.reference, self.provider) {
            (Some(value), None, None) => value,
            (None, Some(reference), None) => {
                SecretRef::deserialize(&reference).map_err(|error| {
                    Failure::usage(format_args!("{path}: no reference to a secret: {error}"))
                })?;
                reference
            }
            (None, None, Some(provider)) => {
                is_of_provider(&path)?;
                provider
            }
            _ => {
                return Err(Failure::usage(format_args!(
                    "{path}: give one of `value`, `ref` and `provider`"
                )));
            }
        };
        Ok(Wish { path, value })
    }
}

/// A provider of secrets stands where they stand.
fn is_of_provider(path: &JsonPath) -> Result<(), Failure> {
    match path.steps() {
        [Step::Key(one), Step::Key(two), Step::Key(_)] if one == PROVIDERS[0] && two == PROVIDERS[1] => {
            Ok(())
        }
        _ => Err(Failure::usage(format_args!(
            "{path}: a provider is set at secrets.providers.<name>"
        ))),
    }
}

/// What is merged is merged with the file; two that meet would not see each other.
fn apart(paths: &[JsonPath]) -> Result<(), Failure> {
    for (position, path) in paths.iter().enumerate() {
        let mut before = paths[..position].iter();
        if let Some(other) = before.find(|other| other.holds(path) || path.holds(other)) {
            return Err(Failure::usage(format_args!(
                "{other} and {path} meet; merge them in two steps"
            )));
        }
    }
    Ok(())
}

fn is_protected(path: &JsonPath) -> bool {
    let steps = path.steps();
    let is = |step: &Step, key: &str| matches!(step, Step::Key(name) if key == "*" || name == key);
    PROTECTED
        .iter()
        .any(|keys| keys.len() == steps.len() && steps.iter().zip(*keys).all(|(step, key)| is(step, key)))
}

/// Has the new value less entries than the stored one?
fn loses(stored: &Value, new: &Value) -> bool {
    let name = |value: &Value| value.get("id").unwrap_or(value).clone();
    match (stored, new) {
        (Value::Object(stored), Value::Object(new)) => stored.keys().any(|key| !new.contains_key(key)),
        (Value::Array(stored), Value::Array(new)) => {
            let kept: Vec<_> = new.iter().map(name).collect();
            stored.iter().any(|value| !kept.contains(&name(value)))
        }
        (Value::Object(stored), _) => !stored.is_empty(),
        (Value::Array(stored), _) => !stored.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
