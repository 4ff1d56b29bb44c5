//! `${VARIABLE}` in strings.
//!
//! A variable without a value is an error that names it, never an empty string. `$${VARIABLE}` stands for the literal
//! text `${VARIABLE}`. Keys are left alone, and what a variable holds is not looked at again.

use serde_json::Value;

use super::{location::JsonPath, schema::Fault};

/// A variable that has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {}", self.reason())]
pub struct MissingVariable {
    /// The string that names it.
    pub path: JsonPath,
    /// Its name.
    pub variable: String,
}

// === impl MissingVariable ===

impl MissingVariable {
    /// The same, as a fault of the value at the path.
    pub(super) fn into_fault(self) -> Fault {
        Fault {
            message: self.reason(),
            path: self.path,
        }
    }

    fn reason(&self) -> String {
        let name = &self.variable;
        format!("variable {name} is not set; set it, or write `$${{{name}}}` for the literal text")
    }
}

/// Replaces every `${VARIABLE}` in the strings of `value`, or says which have no value.
pub fn substitute<'e>(
    value: &Value,
    lookup: &dyn Fn(&str) -> Option<&'e str>,
) -> Result<Value, Vec<MissingVariable>> {
    let mut missing = Vec::new();
    let replaced = walk(value, &JsonPath::root(), lookup, &mut missing);
    if missing.is_empty() {
        Ok(replaced)
    } else {
        Err(missing)
    }
}

fn walk<'e>(
    value: &Value,
    path: &JsonPath,
    lookup: &dyn Fn(&str) -> Option<&'e str>,
    missing: &mut Vec<MissingVariable>,
) -> Value {
    match value {
        Value::String(text) if text.contains("${") => Value::String(replace(text, |name| {
            let found = lookup(name);
            if found.is_none() {
                missing.push(MissingVariable {
                    path: path.clone(),
                    variable: name.into(),
                });
            }
            found.unwrap_or_default()
        })),
        Value::Array(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(i, item)| walk(item, &path.index(i), lookup, missing))
                .collect(),
        ),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, item)| (key.clone(), walk(item, &path.key(key), lookup, missing)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The names of the variables that a text is made of.
pub(super) fn variables(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    replace(text, |name| {
        names.push(name.to_owned());
        ""
    });
    names
}

fn replace<'e>(text: &str, mut value_of: impl FnMut(&str) -> &'e str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, tail) = rest.split_at(at);
        match variable(tail) {
            Some(name) => {
                let end = name.len() + "${}".len();
                match before.strip_suffix('$') {
                    Some(escaped) => out.extend([escaped, &tail[..end]]),
                    None => out.extend([before, value_of(name)]),
                }
                rest = &tail[end..];
            }
            None => {
                out.extend([before, "${"]);
                rest = &tail["${".len()..];
            }
        }
    }
    out + rest
}

/// The name in a text that starts with `${NAME}`.
fn variable(tail: &str) -> Option<&str> {
    let (name, _) = tail.strip_prefix("${")?.split_once('}')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lookup(name: &str) -> Option<&'static str> {
        match name {
            "A" => Some("1"),
            "B_2" => Some("${A}"),
            _ => None,
        }
    }

    #[test]
    fn replaces_in_strings_only() {
        for (text, expected) in [
            ("${A}", "1"),
            ("x${A}y${A}", "x1y1"),
            ("${B_2}", "${A}"),
            ("$${A}", "${A}"),
            ("$${NONE} ${A}", "${NONE} 1"),
            ("${a} $A ${ A } ${A", "${a} $A ${ A } ${A"),
            ("${x${A}", "${x1"),
            ("$${a}", "$${a}"),
        ] {
            assert_eq!(
                substitute(&json!({"${A}": [text, 1]}), &lookup),
                Ok(json!({"${A}": [expected, 1]})),
                "{text}"
            );
        }
    }

    #[test]
    fn names_every_missing_variable() {
        let missing =
            substitute(&json!({"a": {"b": ["${X}", "${A}"]}, "c": "${Y}${X}"}), &lookup).unwrap_err();
        let seen: Vec<_> = missing
            .iter()
            .map(|m| (m.path.to_string(), m.variable.as_str()))
            .collect();
        assert_eq!(
            seen,
            [("a.b[0]".into(), "X"), ("c".into(), "Y"), ("c".into(), "X")]
        );
        assert!(
            missing[0]
                .to_string()
                .ends_with("or write `$${X}` for the literal text")
        );
    }
}
