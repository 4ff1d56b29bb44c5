//! Changes single values of a configuration file and leaves every other byte as its author wrote it: comments,
//! quotes, order, indentation and newlines.
//!
//! An edit is parsed back before it replaces the file and must yield exactly the intended value. What stands in an
//! included file, and a file that does not parse, is not edited.

use std::path::{Path, PathBuf};

use jsonc_parser::cst::{CstArray, CstInputValue, CstLeafNode, CstNode, CstObject, CstRootNode};
use serde_json::{Map, Value};

use super::{
    include::{IncludeError, Sources},
    location::{JsonPath, Step},
    parse::{Document, JSON5, ParseError},
    rewrite::edited,
    schema::type_name,
    write::write_atomic,
};

/// One change.
#[derive(Clone, PartialEq)]
pub enum Edit {
    /// Gives the value at `path` another content. Missing objects on the way are created; an index one behind the end
    /// of an array appends.
    Set {
        /// The value.
        path: JsonPath,
        /// Its new content.
        value: Value,
    },
    /// Removes the value at `path`. Nothing happens if there is none.
    Unset {
        /// The value.
        path: JsonPath,
    },
}

/// Why a file was not edited. It is unchanged then.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file, or one that it includes, can not be read.
    #[error(transparent)]
    Read(#[from] IncludeError),
    /// The text does not parse.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The path leads through a value that can not hold its next step.
    #[error("{path} can not be set: {inner} is of type {kind}; correct the path, or set {inner} instead")]
    NotAContainer {
        /// The path of the edit.
        path: JsonPath,
        /// The value on the way.
        inner: JsonPath,
        /// Its type.
        kind: &'static str,
    },
    /// The index is beyond the end of the array.
    #[error("{path} can not be set: the array has {len} elements; use index {len} to append")]
    BeyondEnd {
        /// The path of the edit.
        path: JsonPath,
        /// The array's length.
        len: usize,
    },
    /// The whole document was named.
    #[error("the whole configuration can not be set or unset; name a key")]
    Root,
    /// The value stands in an included file.
    #[error("{path} comes from the included file {}; change it there", file.display())]
    Included {
        /// The path of the edit.
        path: JsonPath,
        /// The file.
        file: PathBuf,
    },
    /// The edited text would not mean what was asked for.
    #[error("{path} can not be changed without changing something else in the file; edit the file by hand")]
    NotFaithful {
        /// The path of the edit.
        path: JsonPath,
    },
    /// Another program changed the file during the edit.
    #[error("{} was changed by another program meanwhile; try again", .0.display())]
    Raced(PathBuf),
    /// The file can not be replaced.
    #[error("{} could not be written: {source}; check the owner and mode of its folder", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

// === impl Edit ===

impl Edit {
    /// The value that is changed.
    pub fn path(&self) -> &JsonPath {
        match self {
            Self::Set { path, .. } | Self::Unset { path } => path,
        }
    }
}

impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // the value may be a secret
        let name = if matches!(self, Self::Set { .. }) {
            "Set"
        } else {
            "Unset"
        };
        write!(f, "{name}({})", self.path())
    }
}

/// Applies `edits` to the file, atomically and all or none. Returns whether anything changed.
pub fn edit_file(file: &Path, include_roots: &[PathBuf], edits: &[Edit]) -> Result<bool, EditError> {
    let sources = Sources::read(file, include_roots)?;
    let after = edited(&sources, edits)?;
    write_back(&sources, &after)
}

/// Replaces the main file of `sources`, if it is what it was when they were read. Returns whether anything changed.
pub(super) fn write_back(sources: &Sources, after: &str) -> Result<bool, EditError> {
    let (file, before) = (&**sources.main().file(), sources.main().text());
    if after == before {
        return Ok(false);
    }
    let write_error = |source| EditError::Write {
        path: file.into(),
        source,
    };
    if std::fs::read(file).map_err(write_error)? != before.as_bytes() {
        return Err(EditError::Raced(file.into()));
    }
    write_atomic(file, after.as_bytes()).map_err(write_error)?;
    Ok(true)
}

/// Applies `edits` to `text` in their order.
pub fn apply(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    edits
        .iter()
        .try_fold(text.to_owned(), |text, edit| apply_one(&text, edit))
}

fn apply_one(text: &str, edit: &Edit) -> Result<String, EditError> {
    let parse = |text: &str| Document::parse(Path::new("openclaw.json"), text.as_bytes().to_vec());
    let before = parse(text)?;
    let mut intended = before.value().clone();
    change(&mut intended, edit)?;
    if &intended == before.value() {
        return Ok(text.to_owned());
    }
    let unfaithful = || EditError::NotFaithful {
        path: edit.path().clone(),
    };
    let root = CstRootNode::parse(text, &JSON5).map_err(|_| unfaithful())?;
    rewrite(&root, edit).ok_or_else(unfaithful)?;
    let after = root.to_string();
    match parse(&after) {
        Ok(document) if document.value() == &intended => Ok(after),
        _ => Err(unfaithful()),
    }
}

/// The change on the value: what the edited text has to mean.
fn change(root: &mut Value, edit: &Edit) -> Result<(), EditError> {
    let path = edit.path();
    let (last, parents) = path.steps().split_last().ok_or(EditError::Root)?;
    let mut here = root;
    let mut inner = JsonPath::root();
    for (depth, step) in parents.iter().enumerate() {
        let exists = step.of(here).is_some();
        if !exists && matches!(edit, Edit::Unset { .. }) {
            return Ok(());
        }
        here = slot(here, step, path, &inner)?;
        if !exists {
            // what comes next says what it is: the first of a list makes the list
            *here = match path.steps()[depth + 1] {
                Step::Index(0) => Value::Array(Vec::new()),
                _ => Value::Object(Map::new()),
            };
        }
        inner = inner.then(step.clone());
    }
    match edit {
        Edit::Set { value, .. } => *slot(here, last, path, &inner)? = value.clone(),
        Edit::Unset { .. } if last.of(here).is_none() => {}
        Edit::Unset { .. } => match (here, last) {
            (Value::Object(map), Step::Key(key)) => drop(map.shift_remove(key)),
            (Value::Array(items), step) => {
                drop(items.remove(step.as_index().expect("the step was just followed")))
            }
            _ => {}
        },
    }
    Ok(())
}

/// The place for a value in a container; a new one holds null.
fn slot<'v>(
    container: &'v mut Value,
    step: &Step,
    path: &JsonPath,
    inner: &JsonPath,
) -> Result<&'v mut Value, EditError> {
    match container {
        Value::Object(map) => {
            if let Step::Key(key) = step {
                return Ok(map.entry(key.as_str()).or_insert(Value::Null));
            }
            Err(EditError::NotAContainer {
                path: path.clone(),
                inner: inner.clone(),
                kind: "object",
            })
        }
        Value::Array(items) => match step.as_index() {
            Some(index) if index <= items.len() => {
                if index == items.len() {
                    items.push(Value::Null);
                }
                Ok(&mut items[index])
            }
            Some(_) => Err(EditError::BeyondEnd {
                path: path.clone(),
                len: items.len(),
            }),
            None => Err(EditError::NotAContainer {
                path: path.clone(),
                inner: inner.clone(),
                kind: "array",
            }),
        },
        other => Err(EditError::NotAContainer {
            path: path.clone(),
            inner: inner.clone(),
            kind: type_name(other),
        }),
    }
}

/// The same change on the syntax tree. `None` if the tree does not have the shape that the value has.
fn rewrite(root: &CstRootNode, edit: &Edit) -> Option<()> {
    let mut here = root.value()?;
    let steps = edit.path().steps();
    for (depth, step) in steps.iter().enumerate() {
        let rest = &steps[depth + 1..];
        match (child(&here, step), edit) {
            (Some(inner), _) if !rest.is_empty() => here = inner,
            (Some(_), Edit::Set { value, .. }) => return replace(&here, step, input(value)),
            (Some(_), Edit::Unset { .. }) => return remove(&here, step),
            (None, Edit::Set { value, .. }) => {
                return insert(&here, step, nest(rest, input(value))?);
            }
            (None, Edit::Unset { .. }) => return Some(()),
        }
    }
    None
}

fn child(node: &CstNode, step: &Step) -> Option<CstNode> {
    match step {
        Step::Key(key) if node.as_object().is_some() => node.as_object()?.get(key)?.value(),
        step => node.as_array()?.elements().into_iter().nth(step.as_index()?),
    }
}

fn replace(node: &CstNode, step: &Step, value: CstInputValue) -> Option<()> {
    if let (Some(object), Step::Key(key)) = (node.as_object(), step) {
        object.get(key)?.set_value(value);
        return Some(());
    }
    let element = child(node, step)?;
    let replaced = match &element {
        CstNode::Container(_) => match (element.as_object(), element.as_array()) {
            (Some(object), _) => object.replace_with(value),
            (_, array) => array?.replace_with(value),
        },
        CstNode::Leaf(CstLeafNode::StringLit(literal)) => literal.clone().replace_with(value),
        CstNode::Leaf(CstLeafNode::NumberLit(literal)) => literal.clone().replace_with(value),
        CstNode::Leaf(CstLeafNode::BooleanLit(literal)) => literal.clone().replace_with(value),
        CstNode::Leaf(CstLeafNode::NullKeyword(literal)) => literal.clone().replace_with(value),
        CstNode::Leaf(_) => None,
    };
    replaced.map(drop)
}

fn remove(node: &CstNode, step: &Step) -> Option<()> {
    match (node.as_object(), step) {
        (Some(object), Step::Key(key)) => object.get(key)?.remove(),
        _ => node
            .as_array()?
            .elements()
            .into_iter()
            .nth(step.as_index()?)?
            .remove(),
    }
    Some(())
}

fn insert(node: &CstNode, step: &Step, value: CstInputValue) -> Option<()> {
    let object: Option<CstObject> = node.as_object();
    let array: Option<CstArray> = node.as_array();
    match (object, array, step) {
        (Some(object), _, Step::Key(key)) => drop(object.append(key, value)),
        (_, Some(array), _) => drop(array.append(value)),
        _ => return None,
    }
    Some(())
}

/// `value` inside of new objects for the keys of `steps`, and of new lists for the first place in one.
fn nest(steps: &[Step], value: CstInputValue) -> Option<CstInputValue> {
    steps.iter().rev().try_fold(value, |value, step| match step {
        Step::Key(key) => Some(CstInputValue::Object(vec![(key.clone(), value)])),
        Step::Index(0) => Some(CstInputValue::Array(vec![value])),
        Step::Index(_) => None,
    })
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(map) => CstInputValue::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), input(value)))
                .collect(),
        ),
    }
}
