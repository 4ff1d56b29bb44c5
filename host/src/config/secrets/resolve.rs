//! Puts secrets in the place of the references to them.
//!
//! Works on the value of the whole configuration, so it holds for keys of plugins too. What can't be resolved is a
//! fault at the reference; nothing else is tried in its place. A program is started once for all its ids.
use super::{EnvProvider, SecretProvider, SecretRef, SecretSource, SecretsConfig, exec, file, sensitive_key};
use crate::config::{Env, JsonPath, Paths, location::Step, schema::Fault};
use openclaw_plugin_api::Secret;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The provider that a reference means which names none.
const DEFAULT: &str = "default";
/// Longest name of a provider.
const MAX_PROVIDER: usize = 64;
/// Longest name of a variable.
const MAX_VARIABLE: usize = 128;
/// Longest name of a secret for a program.
const MAX_EXEC_ID: usize = 256;
/// Most references in one configuration.
const MAX_REFERENCES: usize = 1000;

/// Where references lead.
pub(in crate::config) struct Places<'c> {
    /// `secrets`
    pub(in crate::config) config: &'c SecretsConfig,
    /// The value of a variable, from the environment or `env.vars`.
    pub(in crate::config) variable: &'c dyn Fn(&str) -> Option<&'c str>,
    /// The process's own environment, for programs.
    pub(in crate::config) env: &'c Env,
    /// For `~`.
    pub(in crate::config) paths: &'c Paths,
}

/// One reference and where it stands.
struct Found {
    path: JsonPath,
    reference: SecretRef,
}

/// Replaces every reference in `value`, or says which can't be and why.
pub(in crate::config) fn resolve(value: &mut Value, places: &Places<'_>) -> Result<(), Vec<Fault>> {
    let mut found = Vec::new();
    let mut faults = Vec::new();
    collect(value, &JsonPath::root(), &mut found, &mut faults);
    // one that is left where it stands would be no secret at all
    if let Some(one) = found.get(MAX_REFERENCES) {
        let message = format!(
            "is one more reference to a secret than a configuration may have ({MAX_REFERENCES}); use fewer"
        );
        let path = one.path.clone();
        return Err(vec![Fault { path, message }]);
    }
    let mut groups: BTreeMap<(&str, &str), Vec<&Found>> = BTreeMap::new();
    for one in &found {
        let alias = places.alias(&one.reference);
        groups
            .entry((one.reference.source.word(), alias))
            .or_default()
            .push(one);
    }
    let mut secrets = Vec::new();
    for ((_, alias), group) in groups {
        for (one, outcome) in places.fetch(alias, &group) {
            match outcome {
                Ok(secret) => secrets.push((one.path.clone(), secret)),
                Err(message) => faults.push(Fault {
                    path: one.path.clone(),
                    message,
                }),
            }
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    for (path, secret) in secrets {
        if let Some(place) = path
            .steps()
            .iter()
            .try_fold(&mut *value, |here, step| slot(here, step))
        {
            *place = Value::String(secret.expose().to_owned());
        }
    }
    Ok(())
}

impl SecretSource {
    /// The word in the file.
    fn word(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::File => "file",
            Self::Exec => "exec",
        }
    }
}

impl Places<'_> {
    /// The name of the provider that a reference means.
    fn alias<'r>(&'r self, reference: &'r SecretRef) -> &'r str {
        let defaults = &self.config.defaults;
        let default = match reference.source {
            SecretSource::Env => &defaults.env,
            SecretSource::File => &defaults.file,
            SecretSource::Exec => &defaults.exec,
        };
        match reference.provider.as_deref() {
            Some(name) if name != DEFAULT => name,
            _ => default.as_deref().unwrap_or(DEFAULT),
        }
    }

    /// The secrets of references that lead to one provider.
    fn fetch<'f>(&self, alias: &str, group: &[&'f Found]) -> Vec<(&'f Found, Result<Secret, String>)> {
        let source = group[0].reference.source;
        let all = |why: String| group.iter().map(|one| (*one, Err(why.clone()))).collect();
        if !is_provider(alias) {
            return all(format!(
                "`{alias}` is no name of a provider; use a-z, 0-9, - and _"
            ));
        }
        let provider = self.config.providers.get(alias);
        let unfit = |one: &&'f Found| check_id(&one.reference).err().map(|why| (*one, Err(why)));
        let mut outcomes: Vec<_> = group.iter().filter_map(unfit).collect();
        let fit: Vec<&Found> = group
            .iter()
            .copied()
            .filter(|one| check_id(&one.reference).is_ok())
            .collect();
        outcomes.extend(match (source, provider) {
            (SecretSource::Env, None) if alias == DEFAULT => self.variables(&EnvProvider::default(), &fit),
            (SecretSource::Env, Some(SecretProvider::Env(provider))) => self.variables(provider, &fit),
            (SecretSource::File, Some(SecretProvider::File(provider))) => {
                let path = self.paths.expand(&provider.path);
                let content = file::read(provider, &path);
                let secret = |one: &&'f Found| {
                    let content = content.as_ref().map_err(Clone::clone);
                    (
                        *one,
                        content.and_then(|content| content.secret(&one.reference.id)),
                    )
                };
                fit.iter().map(secret).collect()
            }
            (SecretSource::Exec, Some(SecretProvider::Exec(provider))) => {
                let ids: Vec<_> = fit.iter().map(|one| one.reference.id.as_str()).collect();
                let answer = exec::ask(provider, alias, &ids, self.env);
                let secret = |one: &&'f Found| {
                    let answer = answer.as_ref().map_err(Clone::clone);
                    (
                        *one,
                        answer.and_then(|answer| exec::secret(answer, &one.reference.id)),
                    )
                };
                fit.iter().map(secret).collect()
            }
            (_, found) => {
                let word = source.word();
                let why = match found {
                    None => format!(
                        "there is no secrets.providers.{alias}; add it with `source: \"{word}\"`, or name another provider"
                    ),
                    Some(_) => format!("secrets.providers.{alias} is not of source {word}; name another provider"),
                };
                return all(why);
            }
        });
        outcomes
    }

    fn variables<'f>(
        &self,
        provider: &EnvProvider,
        fit: &[&'f Found],
    ) -> Vec<(&'f Found, Result<Secret, String>)> {
        let allowed = |id: &String| {
            provider
                .allowlist
                .as_ref()
                .is_none_or(|allowed| allowed.contains(id))
        };
        let secret = |one: &&'f Found| {
            let id = &one.reference.id;
            let outcome = if allowed(id) {
                let unset = || format!("variable {id} is not set; set it, or correct the reference");
                (self.variable)(id).map(Secret::new).ok_or_else(unset)
            } else {
                Err(format!(
                    "variable {id} is not in the provider's allowlist; add it there"
                ))
            };
            (*one, outcome)
        };
        fit.iter().map(secret).collect()
    }
}

/// Finds references everywhere but in `secrets` itself.
fn collect(value: &Value, path: &JsonPath, found: &mut Vec<Found>, faults: &mut Vec<Fault>) {
    let fault = |message: String| Fault {
        path: path.clone(),
        message,
    };
    match value {
        Value::Object(map) if is_reference(map) => match SecretRef::deserialize(value) {
            Ok(reference) => found.push(Found {
                path: path.clone(),
                reference,
            }),
            Err(_) => faults.push(fault(
                "is a reference to a secret whose source is not known here; use env, file or exec".into(),
            )),
        },
        Value::Object(map) => {
            for (key, inner) in map {
                if path.steps().is_empty() && key == "secrets" {
                    continue;
                }
                collect(inner, &path.key(key), found, faults);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                collect(inner, &path.index(index), found, faults);
            }
        }
        Value::String(text) => {
            if let Some(variable) = shorthand(path, text) {
                let reference = SecretRef {
                    source: SecretSource::Env,
                    provider: None,
                    id: variable.to_owned(),
                };
                found.push(Found {
                    path: path.clone(),
                    reference,
                });
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `$VARIABLE` as the whole text of a key that holds a secret.
fn shorthand<'t>(path: &JsonPath, text: &'t str) -> Option<&'t str> {
    let variable = text.strip_prefix('$').filter(|name| is_variable(name))?;
    match path.steps().last() {
        Some(Step::Key(key)) if sensitive_key(key) => Some(variable),
        _ => None,
    }
}

/// `{ source, id }`, maybe with `provider`, and nothing else.
pub(in crate::config) fn is_reference(map: &Map<String, Value>) -> bool {
    let texts = |key: &str| map.get(key).is_some_and(Value::is_string);
    texts("source")
        && texts("id")
        && map
            .keys()
            .all(|key| ["source", "provider", "id"].contains(&key.as_str()))
}

fn check_id(reference: &SecretRef) -> Result<(), String> {
    let id = &reference.id;
    let (fits, rule) = match reference.source {
        SecretSource::Env => (
            is_variable(id),
            "a variable's name is written in A-Z, 0-9 and _, and begins with a letter",
        ),
        SecretSource::File => (
            id == file::VALUE || id.starts_with('/'),
            "an id in a file is a JSON pointer like /a/b, or `value`",
        ),
        SecretSource::Exec => (
            is_exec_id(id),
            "an id for a program has A-Z, a-z, 0-9 and . _ : / # -, and no part `.` or `..`",
        ),
    };
    if fits {
        Ok(())
    } else {
        Err(format!("`{id}` is no id of a secret: {rule}"))
    }
}

fn is_provider(name: &str) -> bool {
    name.len() <= MAX_PROVIDER
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}

fn is_variable(name: &str) -> bool {
    name.len() <= MAX_VARIABLE
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn is_exec_id(id: &str) -> bool {
    id.len() <= MAX_EXEC_ID
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._:/#-".contains(c))
        && id.split('/').all(|part| part != "." && part != "..")
}

fn slot<'v>(value: &'v mut Value, step: &Step) -> Option<&'v mut Value> {
    match (value, step) {
        (Value::Object(map), Step::Key(key)) => map.get_mut(key),
        (Value::Array(items), step) => items.get_mut(step.as_index()?),
        _ => None,
    }
}
