//! `$include`: one configuration out of several files.
//!
//! `{ "$include": "models.json5", … }` or a list of files, relative to the file that names them. Objects are merged key
//! by key, lists are joined, and otherwise the later value wins: first the included files in their order, then the
//! keys beside `$include`. Only files inside the configuration's own folder and the allowed roots are read, through
//! directory handles, so neither `..` nor a link leads out of them. Depth, number and size are bounded.

use std::{
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use super::{
    location::{JsonPath, Location, Step},
    parse::{self, Document, ParseError},
    read,
};

/// The key that names other files.
pub const INCLUDE: &str = "$include";
/// Longest chain of files that include each other.
pub const MAX_DEPTH: usize = 10;
/// Most files of one configuration.
pub const MAX_FILES: usize = 64;
/// Most bytes of all files together.
pub const MAX_TOTAL_BYTES: usize = 4 * parse::MAX_BYTES;

/// All files of one configuration, and the value they make together.
#[derive(Debug)]
pub struct Sources {
    documents: Vec<Document>,
    links: Vec<Link>,
    merged: super::Opaque,
}

/// `documents[to]` is included by the object at `at` of `documents[from]`.
#[derive(Debug)]
struct Link {
    from: usize,
    at: JsonPath,
    to: usize,
}

/// What contributes to a merged value: a document and the path inside it.
type Part = (usize, JsonPath);

/// Why the files could not be read as one configuration.
#[derive(Debug, thiserror::Error)]
pub enum IncludeError {
    /// The main file does not exist.
    #[error("configuration file {} does not exist; create it, or set OPENCLAW_CONFIG_PATH", .0.display())]
    Missing(PathBuf),
    /// The main file can not be read.
    #[error("configuration file {} could not be read: {source}; check its owner and mode", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One of the files does not parse.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// An `$include` can not be followed.
    #[error("{at}: `$include` of `{target}`: {reason}")]
    Include {
        /// The `$include`.
        at: Location,
        /// The file that it names.
        target: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

// === impl Sources ===

impl Sources {
    /// Reads `file` and everything that it includes.
    pub fn read(file: &Path, roots: &[PathBuf]) -> Result<Self, IncludeError> {
        Self::of(file, read::main(file)?, roots)
    }

    /// The same as if `file` held `bytes`.
    pub(super) fn of(file: &Path, bytes: Vec<u8>, roots: &[PathBuf]) -> Result<Self, IncludeError> {
        let main = Document::parse(file, bytes)?;
        let folder = normalise(file.parent().unwrap_or(Path::new("/")));
        let mut reader = Reader {
            roots: std::iter::once(folder.clone())
                .chain(roots.iter().map(|root| normalise(root)))
                .collect(),
            total: main.text().len(),
            documents: Vec::new(),
            links: Vec::new(),
        };
        let merged = reader.add(main, &mut vec![normalise(file)])?;
        Ok(Self {
            documents: reader.documents,
            links: reader.links,
            merged: super::Opaque(merged),
        })
    }

    /// The value of all files together, before variables are replaced.
    pub fn merged(&self) -> &Value {
        &self.merged
    }

    /// The main file.
    pub fn main(&self) -> &Document {
        &self.documents[0]
    }

    /// The files as they were read, the main one first.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The files, the main one first.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.documents.iter().map(|document| &**document.file())
    }

    /// Where the value at `path` of the merged configuration, or the nearest value around it, was written.
    pub fn locate(&self, path: &JsonPath) -> Location {
        let (_, parts) = self.resolve(path);
        let (document, path) = parts.last().expect("the root always resolves");
        let document = &self.documents[*document];
        let start = || Location::of_offset(document.file().clone(), "", 0);
        document.locate(path).unwrap_or_else(start)
    }

    /// The included file that an edit at `path` would have to change, if there is one.
    pub(super) fn included_file_of(&self, path: &JsonPath) -> Option<&Path> {
        let own = (0..=path.steps().len())
            .rev()
            .find(|depth| path.prefix(*depth).of(self.main().value()).is_some());
        let (depth, parts) = self.resolve(path);
        let reached_elsewhere = Some(depth) > own || depth == path.steps().len();
        let other = parts.iter().rev().find(|(document, _)| *document != 0)?;
        reached_elsewhere.then(|| &**self.documents[other.0].file())
    }

    /// How deep `path` exists, and the parts that make up the value there, the winning one last.
    fn resolve(&self, path: &JsonPath) -> (usize, Vec<Part>) {
        let mut parts = self.expand(vec![(0, JsonPath::root())]);
        for (depth, step) in path.steps().iter().enumerate() {
            let next = self.expand(self.step(&parts, step));
            if next.is_empty() {
                return (depth, parts);
            }
            parts = next;
        }
        (path.steps().len(), parts)
    }

    fn step(&self, parts: &[Part], step: &Step) -> Vec<Part> {
        let mut index = step.as_index();
        let mut next = Vec::new();
        for (document, path) in parts {
            match (path.of(self.documents[*document].value()), index) {
                (Some(Value::Array(items)), Some(i)) if i < items.len() => {
                    return vec![(*document, path.index(i))];
                }
                (Some(Value::Array(items)), Some(i)) => index = Some(i - items.len()),
                (Some(value), _) if step.of(value).is_some() => {
                    next.push((*document, path.then(step.clone())))
                }
                _ => {}
            }
        }
        next
    }

    /// Puts before each part the files that it includes.
    fn expand(&self, parts: Vec<Part>) -> Vec<Part> {
        parts
            .into_iter()
            .flat_map(|part| {
                let included = self
                    .links
                    .iter()
                    .filter(|link| (link.from, &link.at) == (part.0, &part.1));
                let mut all = self.expand(included.map(|link| (link.to, JsonPath::root())).collect());
                all.push(part);
                all
            })
            .collect()
    }
}

struct Reader {
    roots: Vec<PathBuf>,
    total: usize,
    documents: Vec<Document>,
    links: Vec<Link>,
}

impl Reader {
    /// Takes a document in and returns its value with all includes resolved. `chain` holds the files being resolved.
    fn add(&mut self, document: Document, chain: &mut Vec<PathBuf>) -> Result<Value, IncludeError> {
        let number = self.documents.len();
        let value = document.value().clone();
        self.documents.push(document);
        self.resolve(value, number, &JsonPath::root(), chain)
    }

    fn resolve(
        &mut self,
        value: Value,
        number: usize,
        path: &JsonPath,
        chain: &mut Vec<PathBuf>,
    ) -> Result<Value, IncludeError> {
        match value {
            Value::Array(items) => {
                let items = items.into_iter().enumerate();
                items
                    .map(|(i, item)| self.resolve(item, number, &path.index(i), chain))
                    .collect()
            }
            Value::Object(mut map) => {
                let includes = map.shift_remove(INCLUDE);
                let keys = map.into_iter();
                let own = keys.map(|(key, item)| {
                    Ok((key.clone(), self.resolve(item, number, &path.key(&key), chain)?))
                });
                let own = Value::Object(own.collect::<Result<_, IncludeError>>()?);
                match includes {
                    None => Ok(own),
                    Some(targets) => self.include(targets, own, number, path, chain),
                }
            }
            other => Ok(other),
        }
    }

    fn include(
        &mut self,
        targets: Value,
        own: Value,
        number: usize,
        path: &JsonPath,
        chain: &mut Vec<PathBuf>,
    ) -> Result<Value, IncludeError> {
        let at = self.documents[number]
            .locate(&path.key(INCLUDE))
            .expect("the key was just read from this document");
        let fault = |target: &str, reason: String| IncludeError::Include {
            at: at.clone(),
            target: target.into(),
            reason,
        };
        let targets = match targets {
            Value::String(target) => vec![Value::String(target)],
            Value::Array(targets) => targets,
            other => {
                return Err(fault(
                    &kind(&other),
                    "it must be a file name or a list of file names".into(),
                ));
            }
        };
        let mut merged: Option<Value> = None;
        for target in targets {
            let Value::String(target) = target else {
                return Err(fault(
                    &kind(&target),
                    "it must be a file name or a list of file names".into(),
                ));
            };
            let file = normalise(
                &chain
                    .last()
                    .and_then(|file| file.parent())
                    .unwrap_or(Path::new("/"))
                    .join(&target),
            );
            let bytes = self
                .admit(&file, chain)
                .map_err(|reason| fault(&target, reason))?;
            let document = Document::parse(Arc::from(file.as_path()), bytes)?;
            self.links.push(Link {
                from: number,
                at: path.clone(),
                to: self.documents.len(),
            });
            chain.push(file);
            let value = self.add(document, chain)?;
            chain.pop();
            merged = Some(match merged {
                None => value,
                Some(earlier) => merge(earlier, value),
            });
        }
        let alone = own.as_object().is_some_and(serde_json::Map::is_empty);
        match merged {
            None => Ok(own),
            Some(value) if alone => Ok(value),
            Some(value) if value.is_object() => Ok(merge(value, own)),
            Some(value) => Err(fault(
                &kind(&value),
                "keys stand beside it, so the file must hold an object".into(),
            )),
        }
    }

    /// Reads `file` if the bounds allow it, else says why not.
    fn admit(&mut self, file: &Path, chain: &[PathBuf]) -> Result<Vec<u8>, String> {
        if chain.iter().any(|earlier| earlier == file) {
            return Err("the file includes itself, maybe through others; break the cycle".into());
        }
        if chain.len() > MAX_DEPTH {
            return Err(format!(
                "more than {MAX_DEPTH} files include each other; make the chain shorter"
            ));
        }
        if self.documents.len() >= MAX_FILES {
            return Err(format!(
                "the configuration has more than {MAX_FILES} files; join some"
            ));
        }
        let inside = |root: &PathBuf| Some((root.clone(), file.strip_prefix(root).ok()?.to_owned()));
        let (root, relative) = self.roots.iter().find_map(inside).ok_or_else(|| {
            format!("{} is outside of the configuration's folder; move it there, or add its folder to OPENCLAW_INCLUDE_ROOTS", file.display())
        })?;
        let bytes = read::below(&root, &relative)
            .map_err(|error| format!("{} could not be read: {error}", file.display()))?;
        self.total += bytes.len();
        if self.total > MAX_TOTAL_BYTES {
            return Err(format!(
                "all files together are larger than {} MB",
                MAX_TOTAL_BYTES / 1024 / 1024
            ));
        }
        Ok(bytes)
    }
}

fn merge(earlier: Value, later: Value) -> Value {
    match (earlier, later) {
        (Value::Object(mut earlier), Value::Object(later)) => {
            for (key, value) in later {
                let value = match earlier.get_mut(&key) {
                    Some(before) => merge(before.take(), value),
                    None => value,
                };
                earlier.insert(key, value);
            }
            Value::Object(earlier)
        }
        (Value::Array(earlier), Value::Array(later)) => {
            Value::Array(earlier.into_iter().chain(later).collect())
        }
        (_, later) => later,
    }
}

/// Resolves `.` and `..` by text alone; links are the directory handle's business.
fn normalise(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

fn kind(value: &Value) -> String {
    format!("a value of type {}", super::schema::type_name(value))
}
