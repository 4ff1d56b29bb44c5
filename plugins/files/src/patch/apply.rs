//! Carrying a patch out: everything is fitted first, then written beside its place, then put there file by file.
use super::{Part, hunk};
use crate::{
    error::FileError,
    tools::text_of,
    workspace::{MAX_CHANGED, Workspace},
};
use cap_std::fs::Permissions;
use openclaw_plugin_api::prelude::*;
use std::{collections::BTreeMap, fmt};

/// Most that the files of one patch have together, bytes: all of them are in memory at once.
const MAX_TOGETHER: u64 = 4 * MAX_CHANGED;

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Done {
    added: Vec<String>,
    modified: Vec<String>,
    deleted: Vec<String>,
}

/// What a file is to be.
#[derive(Clone)]
struct Planned {
    text: String,
    /// Those of the file that it was before; none if it is new.
    permissions: Option<Permissions>,
}

/// What files are to be: none is gone.
type Files = BTreeMap<String, Option<Planned>>;

/// Fits all parts, then writes.
pub fn apply(workspace: &Workspace<'_>, parts: Vec<Part>) -> Result<Done, FileError> {
    let (mut files, mut done) = (Files::new(), Done::default());
    for mut part in parts {
        for name in part.names_mut() {
            // one file under two names would lose what is done under the first
            *name = workspace.name(name)?;
        }
        plan(workspace, part, &mut files, &mut done)?;
        check_size(&files)?;
    }
    let new = files
        .iter()
        .filter_map(|(path, planned)| Some((path, planned.as_ref()?)));
    let prepared = new.map(|(path, Planned { text, permissions })| {
        workspace.prepare(path, text.as_bytes(), permissions.clone())
    });
    // all bytes are on the disk before the first file changes: a full one leaves nothing half done
    let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
    // what is new comes first: a file that moves is never nowhere
    for file in prepared {
        file.place()?;
    }
    for (path, _) in files.iter().filter(|(_, planned)| planned.is_none()) {
        // what this patch made and moved on was never there
        if workspace.exists(path)? {
            workspace.remove(path)?;
        }
    }
    Ok(done)
}

fn check_size(files: &Files) -> Result<(), FileError> {
    let sizes = files.values().flatten().map(|planned| planned.text.len() as u64);
    if sizes.sum::<u64>() > MAX_TOGETHER {
        return Err(FileError::Arguments(format!(
            "the files of this patch have more than {MAX_TOGETHER} bytes together, so nothing was changed; make several calls"
        )));
    }
    Ok(())
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
            let permissions = None;
            files.insert(path, Some(Planned { text, permissions }));
        }
        Part::Delete { path } => {
            if !is_there(workspace, files, &path)? {
                return Err(FileError::no_fit(&path, "it is not there"));
            }
            done.deleted.push(path.clone());
            files.insert(path, None);
        }
        Part::Update { path, moved, hunks } => {
            let mut planned = match files.get(&path) {
                Some(Some(planned)) => planned.clone(),
                Some(None) => return Err(FileError::no_fit(&path, "this patch deletes it")),
                None => taken(workspace, &path)?,
            };
            planned.text = hunk::fit(&planned.text, &hunks).map_err(|why| FileError::no_fit(&path, why))?;
            done.modified.push(path.clone());
            match moved.filter(|to| *to != path) {
                None => drop(files.insert(path, Some(planned))),
                Some(to) if is_there(workspace, files, &to)? => {
                    return Err(FileError::no_fit(
                        &to,
                        "it is there already, so nothing can be moved to it",
                    ));
                }
                Some(to) => {
                    files.insert(path, None);
                    files.insert(to, Some(planned));
                }
            }
        }
    }
    Ok(())
}

fn taken(workspace: &Workspace<'_>, path: &str) -> Result<Planned, FileError> {
    let (bytes, permissions) = workspace.take(path)?;
    Ok(Planned {
        text: text_of(path, bytes)?,
        permissions: Some(permissions),
    })
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
