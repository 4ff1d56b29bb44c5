//! Where a value stands: its path inside the document (`plugins.entries.demo`) and its place in a file (`line:column`).
//!
//! Nothing here reads a file or holds a value, so both types are safe to print anywhere.

use std::{fmt, path::Path, str::FromStr, sync::Arc};

use serde_json::Value;

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: Arc<Path>,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A path of keys and indices from the root of a document to one of its values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JsonPath(Vec<Step>);

/// One step of a [`JsonPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Into an object, by key.
    Key(String),
    /// Into an array, by position from 0.
    Index(usize),
}

/// A text that is no JSON path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a path: {reason}; write it like `agents.list[0].id` or `channels[\"my.id\"]`")]
pub struct PathSyntaxError {
    text: String,
    reason: &'static str,
}

// === impl Location ===

impl Location {
    /// The place of the byte at `offset` of `text`.
    pub fn of_offset(file: Arc<Path>, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            file,
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

// === impl JsonPath ===

impl JsonPath {
    /// The whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// This path and then `key`.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.then(Step::Key(key.into()))
    }

    /// This path and then the element at `index`.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    /// This path and then `step`.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The path of a JSON pointer (`/a/0/b`) into `value`, placed below this path.
    #[must_use]
    pub fn pointer(&self, pointer: &str, value: &Value) -> Self {
        let mut path = self.clone();
        let mut here = Some(value);
        for raw in pointer.split('/').skip(1) {
            let name = raw.replace("~1", "/").replace("~0", "~");
            let step = match (here, name.parse()) {
                (Some(Value::Array(_)), Ok(index)) => Step::Index(index),
                _ => Step::Key(name),
            };
            here = here.and_then(|value| step.of(value));
            path.0.push(step);
        }
        path
    }

    /// The first `depth` steps of this path.
    #[must_use]
    pub fn prefix(&self, depth: usize) -> Self {
        Self(self.0.iter().take(depth).cloned().collect())
    }

    /// Does this path lead to `inner` or to something around it?
    pub fn holds(&self, inner: &Self) -> bool {
        inner.0.starts_with(&self.0)
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether this is the whole document.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The value at this path of `root`.
    pub fn of<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(root, |value, step| step.of(value))
    }
}

impl Step {
    /// The value that this step leads to from `value`.
    pub fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match (self, value) {
            (Self::Key(key), Value::Object(map)) => map.get(key),
            (step, Value::Array(items)) => items.get(step.as_index()?),
            _ => None,
        }
    }

    /// The position that the step names in an array; the key `"0"` names the first one too.
    pub fn as_index(&self) -> Option<usize> {
        match self {
            Self::Index(index) => Some(*index),
            Self::Key(key) => key.parse().ok(),
        }
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str("<root>");
        }
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_plain(key) => {
                    f.write_str(if position == 0 { "" } else { "." })?;
                    f.write_str(key)?;
                }
                Step::Key(key) => write!(f, "[{}]", Value::String(key.clone()))?,
            }
        }
        Ok(())
    }
}

impl FromStr for JsonPath {
    type Err = PathSyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = |reason| PathSyntaxError {
            text: text.into(),
            reason,
        };
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (step, after) = bracketed(inside).map_err(fault)?;
                steps.push(step);
                rest = after;
            } else {
                let name = if steps.is_empty() {
                    rest
                } else {
                    rest.strip_prefix('.').ok_or_else(|| fault("a dot is missing"))?
                };
                let end = name.find(['.', '[']).unwrap_or(name.len());
                if end == 0 {
                    return Err(fault("a key is empty"));
                }
                steps.push(Step::Key(name[..end].into()));
                rest = &name[end..];
            }
        }
        if steps.is_empty() {
            Err(fault("it is empty"))
        } else {
            Ok(Self(steps))
        }
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-$*@/:".contains(c))
}

/// Reads what follows a `[`: a position, or a key, in quotes or, where it has none of the signs of a path, without.
fn bracketed(inside: &str) -> Result<(Step, &str), &'static str> {
    if inside.starts_with('"') {
        let mut keys = serde_json::Deserializer::from_str(inside).into_iter::<String>();
        let key = keys
            .next()
            .and_then(Result::ok)
            .ok_or("a quoted key does not end")?;
        let after = inside[keys.byte_offset()..]
            .strip_prefix(']')
            .ok_or("a `]` is missing")?;
        return Ok((Step::Key(key), after));
    }
    if let Some(quoted) = inside.strip_prefix('\'') {
        let (key, after) = quoted.split_once("']").ok_or("a quoted key does not end")?;
        return Ok((Step::Key(key.into()), after));
    }
    let (name, after) = inside.split_once(']').ok_or("a `]` is missing")?;
    match name.parse() {
        Ok(index) => Ok((Step::Index(index), after)),
        Err(_) if is_plain(name) => Ok((Step::Key(name.into()), after)),
        Err(_) => Err("between `[` and `]` stands neither a position nor a key; put the key into quotes"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, steps) in [
            ("a", vec![Step::Key("a".into())]),
            (
                "a.b[2].c",
                vec![
                    Step::Key("a".into()),
                    Step::Key("b".into()),
                    Step::Index(2),
                    Step::Key("c".into()),
                ],
            ),
            (
                "g[\"a.b]\"].x",
                vec![
                    Step::Key("g".into()),
                    Step::Key("a.b]".into()),
                    Step::Key("x".into()),
                ],
            ),
            (
                "g[x]['a.b]'].y",
                vec![
                    Step::Key("g".into()),
                    Step::Key("x".into()),
                    Step::Key("a.b]".into()),
                    Step::Key("y".into()),
                ],
            ),
        ] {
            assert_eq!(text.parse::<JsonPath>().map(|path| path.0), Ok(steps), "{text}");
        }
        for text in [
            "", ".", "a.", "a..b", "a[", "a[]", "a[x y]", "a[x", "a['b", "a[\"b", "a[0]b",
        ] {
            assert!(text.parse::<JsonPath>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn prints_what_it_reads(keys in prop::collection::vec(prop_oneof![
            any::<String>().prop_map(Step::Key), (0usize..100).prop_map(Step::Index)], 1..6)) {
            let path = JsonPath(keys);
            prop_assert_eq!(path.to_string().parse::<JsonPath>(), Ok(path));
        }
    }
}
