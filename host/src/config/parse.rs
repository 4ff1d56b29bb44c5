//! One file of configuration: bytes to a JSON value, and from a path back to its place in the text.
//!
//! The grammar is JSON5. Reading never guesses: what is cut off, ambiguous (a key twice) or not text is an error with
//! its place, never an empty default. It does not follow `$include`, substitute variables or know any key.

use std::{fmt, path::Path, sync::Arc};

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{self, ObjectPropName},
    common::Ranged,
    errors::ParseErrorKind,
    parse_to_ast,
};
use serde_json::{Map, Number, Value};

use super::location::{JsonPath, Location, Step};

/// Largest file that is read.
pub const MAX_BYTES: usize = 5 * 1024 * 1024;
/// Deepest nesting of objects and arrays.
pub const MAX_DEPTH: usize = 100;
/// JSON5: all that the parser knows, except commas left out.
pub(super) const JSON5: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: true,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: true,
    allow_hexadecimal_numbers: true,
    allow_unary_plus_numbers: true,
    allow_bare_decimal_point_numbers: true,
    allow_non_finite_numbers: true,
    allow_extended_string_escapes: true,
};

/// A file that parsed: its text as written, and its value.
#[derive(Clone)]
pub struct Document {
    file: Arc<Path>,
    text: String,
    value: Value,
}

/// Why a file is not a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The file is too large to be one.
    #[error("{}: the file is larger than {} MB; is this the right file?", .0.display(), MAX_BYTES / 1024 / 1024)]
    TooLarge(Arc<Path>),
    /// The file is empty, or has only comments.
    #[error("{}: the file is empty; write `{{}}` for a configuration without settings", .0.display())]
    Empty(Arc<Path>),
    /// The bytes are not plain UTF-8 text.
    #[error("{at}: {what}; save the file as UTF-8 without a byte-order mark")]
    NotText {
        /// The first byte that is wrong.
        at: Location,
        /// What it is.
        what: &'static str,
    },
    /// The text is not JSON5.
    #[error("{at}: {reason}; correct the file, or restore its copy `.bak`")]
    Syntax {
        /// Where it stops being JSON5.
        at: Location,
        /// What is wrong there.
        reason: String,
    },
    /// An object has the same key twice.
    #[error("{at}: key `{path}` appears a second time, the first is in line {first}; remove one of the two")]
    DuplicateKey {
        /// The second one.
        at: Location,
        /// Its path.
        path: JsonPath,
        /// The line of the first one.
        first: usize,
    },
}

// === impl Document ===

impl Document {
    /// Parses `bytes`, which were read from `file`.
    pub fn parse(file: impl Into<Arc<Path>>, bytes: Vec<u8>) -> Result<Self, ParseError> {
        let file = file.into();
        if bytes.len() > MAX_BYTES {
            return Err(ParseError::TooLarge(file));
        }
        let text = to_text(&file, bytes)?;
        let value = {
            let reader = Reader {
                file: &file,
                text: &text,
            };
            let tree = reader.tree()?;
            reader.value(&tree, &JsonPath::root())?
        };
        Ok(Self { file, text, value })
    }

    /// The file that it came from.
    pub fn file(&self) -> &Arc<Path> {
        &self.file
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value, before includes and variables.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Where the value at `path` stands: its key, or the value itself in an array.
    pub fn locate(&self, path: &JsonPath) -> Option<Location> {
        let reader = Reader {
            file: &self.file,
            text: &self.text,
        };
        let tree = reader.tree().ok()?;
        let mut here = &tree;
        let mut offset = tree.range().start;
        for step in path.steps() {
            match (here, step) {
                (ast::Value::Object(object), Step::Key(key)) => {
                    let property = object
                        .properties
                        .iter()
                        .find(|property| property.name.as_str() == key)?;
                    (here, offset) = (&property.value, property.range.start);
                }
                (ast::Value::Array(array), step) => {
                    here = array.elements.get(step.as_index()?)?;
                    offset = here.range().start;
                }
                _ => return None,
            }
        }
        Some(reader.at(offset))
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the text may hold secrets
        f.debug_struct("Document")
            .field("file", &self.file)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

/// Where the value at `path` of `text` stands; `None` if the text does not parse or has no such value.
pub fn locate(text: &str, path: &JsonPath) -> Option<(usize, usize)> {
    let document = Document::parse(Path::new(""), text.as_bytes().to_vec()).ok()?;
    document.locate(path).map(|at| (at.line, at.column))
}

fn to_text(file: &Arc<Path>, bytes: Vec<u8>) -> Result<String, ParseError> {
    let (text, fault) = match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            (
                String::from_utf8_lossy(error.as_bytes()).into_owned(),
                Some((offset, "the bytes are not UTF-8")),
            )
        }
    };
    let fault = match text
        .find(['\0', '\u{feff}'])
        .filter(|at| fault.is_none_or(|(offset, _)| *at < offset))
    {
        Some(at) if text[at..].starts_with('\0') => Some((at, "a NUL byte")),
        // inside a string the character is ordinary text
        Some(0) => Some((0, "a byte-order mark")),
        _ => fault,
    };
    match fault {
        None => Ok(text),
        Some((offset, what)) => Err(ParseError::NotText {
            at: Location::of_offset(file.clone(), &text, offset),
            what,
        }),
    }
}

/// Turns the syntax tree into a value, checking what the parser lets pass.
struct Reader<'t> {
    file: &'t Arc<Path>,
    text: &'t str,
}

impl<'t> Reader<'t> {
    fn tree(&self) -> Result<ast::Value<'t>, ParseError> {
        let parsed = parse_to_ast(self.text, &CollectOptions::default(), &JSON5)
            .map_err(|error| self.syntax(error.range().start, reason(error.kind())))?;
        parsed.value.ok_or_else(|| ParseError::Empty(self.file.clone()))
    }

    fn value(&self, node: &ast::Value<'t>, path: &JsonPath) -> Result<Value, ParseError> {
        if path.steps().len() > MAX_DEPTH {
            return Err(self.syntax(
                node.range().start,
                format!("nesting is deeper than {MAX_DEPTH} levels"),
            ));
        }
        Ok(match node {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
            ast::Value::NumberLit(literal) => Value::Number(self.number(literal)?),
            ast::Value::StringLit(literal) => Value::String(self.string(literal)?),
            ast::Value::Array(array) => {
                let items = array.elements.iter().enumerate();
                Value::Array(
                    items
                        .map(|(index, item)| self.value(item, &path.index(index)))
                        .collect::<Result<_, _>>()?,
                )
            }
            ast::Value::Object(object) => self.object(object, path)?,
        })
    }

    fn object(&self, object: &ast::Object<'t>, path: &JsonPath) -> Result<Value, ParseError> {
        let mut map = Map::with_capacity(object.properties.len());
        for property in &object.properties {
            let key = match &property.name {
                ObjectPropName::String(literal) => self.string(literal)?,
                ObjectPropName::Word(word) => word.value.to_owned(),
            };
            let path = path.key(&key);
            if map.contains_key(&key) {
                let first = object.properties.iter().find(|other| other.name.as_str() == key);
                let first = first.map_or(0, |first| self.at(first.range.start).line);
                return Err(ParseError::DuplicateKey {
                    at: self.at(property.range.start),
                    path,
                    first,
                });
            }
            map.insert(key, self.value(&property.value, &path)?);
        }
        Ok(Value::Object(map))
    }

    /// A string may span lines only by a backslash: otherwise a forgotten quote would swallow the next key.
    fn string(&self, literal: &ast::StringLit<'t>) -> Result<String, ParseError> {
        let raw = literal.range.text(self.text).as_bytes();
        let is_break = |at: usize| match raw[at] {
            b'\n' => {
                raw[at - 1] != b'\r' && !is_escaped(raw, at)
                    || raw[at - 1] == b'\r' && !is_escaped(raw, at - 1)
            }
            b'\r' => !is_escaped(raw, at),
            _ => false,
        };
        match (1..raw.len()).find(|at| is_break(*at)) {
            Some(_) => Err(self.syntax(
                literal.range.start,
                "a string that starts here does not end on its line",
            )),
            None => Ok(literal.value.clone().into_owned()),
        }
    }

    fn number(&self, literal: &ast::NumberLit<'t>) -> Result<Number, ParseError> {
        let (negative, digits) = match literal.value.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, literal.value.strip_prefix('+').unwrap_or(literal.value)),
        };
        let magnitude = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        };
        let number = match magnitude {
            Some(magnitude) if !negative => Some(Number::from(magnitude)),
            Some(magnitude) => 0i64.checked_sub_unsigned(magnitude).map(Number::from),
            None => literal.value.parse().ok().and_then(Number::from_f64),
        };
        number.ok_or_else(|| self.syntax(literal.range.start, "the number is not finite or too large"))
    }

    fn at(&self, offset: usize) -> Location {
        Location::of_offset(self.file.clone(), self.text, offset)
    }

    fn syntax(&self, offset: usize, reason: impl Into<String>) -> ParseError {
        ParseError::Syntax {
            at: self.at(offset),
            reason: reason.into(),
        }
    }
}

/// Whether an odd number of backslashes stands before `at`.
fn is_escaped(raw: &[u8], at: usize) -> bool {
    raw[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

fn reason(kind: &ParseErrorKind) -> String {
    match kind {
        ParseErrorKind::UnterminatedObject => {
            "the object that starts here is not closed; is the file cut off?".into()
        }
        ParseErrorKind::UnterminatedArray => {
            "the array that starts here is not closed; is the file cut off?".into()
        }
        ParseErrorKind::NestingDepthExceeded => format!("nesting is deeper than {MAX_DEPTH} levels"),
        other => {
            let text = other.to_string();
            text.chars()
                .take(1)
                .flat_map(char::to_lowercase)
                .chain(text.chars().skip(1))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests;
