//! Carrying a patch out: everything is fitted first, then written file by file.
use super::{Part, hunk};
use crate::{error::FileError, tools::text_of, workspace::Workspace};
use openclaw_plugin_api::prelude::*;
use std::{collections::BTreeMap, fmt};

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Done {
    added: Vec<String>,
    modified: Vec<String>,
    deleted: Vec<String>,
}

/// What a file is to be: none is gone.
type Files = BTreeMap<String, Option<String>>;

/// Fits all parts, then writes.
pub fn apply(workspace: &Workspace<'_>, parts: Vec<Part>) -> Result<Done, FileError> {
    let (mut files, mut done) = (Files::new(), Done::default());
    for part in parts {
        plan(workspace, part, &mut files, &mut done)?;
    }
    let (gone, kept): (Vec<_>, Vec<_>) = files.iter().partition(|(_, text)| text.is_none());
    // what is new comes first: a file that moves is never nowhere
    for (path, text) in kept {
        workspace.put(path, text.as_deref().unwrap_or_default().as_bytes())?;
    }
    for (path, _) in gone {
        workspace.remove(path)?;
    }
    Ok(done)
}

fn plan(workspace: &Workspace<'_>, part: Part, files: &mut Files, done: &mut Done) -> Result<(), FileError> {
    match part {
        Part::Add { path, text } => {
            if is_there(workspace, files, &path)? {
                return Err(FileError::no_fit(
                    &path,
                    "it is there already; use `*** Update File:`",
                ));
            }
            done.added.push(path.clone());
            files.insert(path, Some(text));
        }
        Part::Delete { path } => {
            if !is_there(workspace, files, &path)? {
                return Err(FileError::no_fit(&path, "it is not there"));
            }
            done.deleted.push(path.clone());
            files.insert(path, None);
        }
        Part::Update { path, moved, hunks } => {
            let before = match files.get(&path) {
                Some(Some(text)) => text.clone(),
                Some(None) => return Err(FileError::no_fit(&path, "this patch deletes it")),
                None => text_of(&path, workspace.take(&path)?)?,
            };
            let after = hunk::fit(&before, &hunks).map_err(|why| FileError::no_fit(&path, why))?;
            done.modified.push(path.clone());
            match moved.filter(|to| *to != path) {
                None => drop(files.insert(path, Some(after))),
                Some(to) if is_there(workspace, files, &to)? => {
                    return Err(FileError::no_fit(
                        &to,
                        "it is there already, so nothing can be moved to it",
                    ));
                }
                Some(to) => {
                    files.insert(path, None);
                    files.insert(to, Some(after));
                }
            }
        }
    }
    Ok(())
}

fn is_there(workspace: &Workspace<'_>, files: &Files, path: &str) -> Result<bool, FileError> {
    match files.get(path) {
        Some(planned) => Ok(planned.is_some()),
        None => workspace.exists(path),
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the patch is applied")?;
        for (sign, paths) in [("A", &self.added), ("M", &self.modified), ("D", &self.deleted)] {
            for path in paths {
                write!(f, "\n{sign} {path}")?;
            }
        }
        Ok(())
    }
}
