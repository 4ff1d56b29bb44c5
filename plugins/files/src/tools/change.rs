//! `write`, `edit` and `apply_patch`: what changes files.
use crate::{
    edit::{self, Change},
    error::FileError,
    off_thread, patch,
    workspace::Desk,
};
use openclaw_plugin_api::prelude::*;
use std::sync::Arc;

/// Most edits of one call.
const MAX_EDITS: usize = 100;

/// The tool `write`.
pub struct Write(pub Arc<Desk>);
/// The tool `edit`.
pub struct Edit(pub Arc<Desk>);
/// The tool `apply_patch`.
pub struct ApplyPatch(pub Arc<Desk>);

/// Arguments of `write`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WriteArgs {
    /// Path of the file, relative to the workspace or absolute. Folders that are missing are made.
    #[serde(alias = "file_path")]
    path: String,
    /// The whole new content.
    content: String,
}

/// Arguments of `edit`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditArgs {
    /// Path of the file, relative to the workspace or absolute.
    #[serde(alias = "file_path")]
    path: String,
    /// Text to replace, exactly as it is in the file; it has to occur once.
    #[serde(default, alias = "old_string", alias = "old_text")]
    old_text: Option<String>,
    /// What to put there.
    #[serde(default, alias = "new_string", alias = "new_text")]
    new_text: Option<String>,
    /// Several replacements at once, in place of oldText and newText. Each is found in the file as it is now.
    #[serde(default)]
    edits: Vec<OneEdit>,
}

/// One of several replacements.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneEdit {
    /// Text to replace; it has to occur once.
    #[serde(alias = "old_string", alias = "old_text")]
    old_text: String,
    /// What to put there.
    #[serde(alias = "new_string", alias = "new_text")]
    new_text: String,
}

/// Arguments of `apply_patch`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct PatchArgs {
    /// The patch, from `*** Begin Patch` to `*** End Patch`, with `*** Add File:`, `*** Update File:` (and `*** Move to:`)
    /// and `*** Delete File:`.
    #[serde(alias = "patch")]
    input: String,
}

impl Tool for Write {
    const NAME: &'static str = "write";
    const DESCRIPTION: &'static str =
        "Writes a file: makes it, or replaces all that is in it. To change a part of a file use edit.";
    const IDEMPOTENT: bool = true;
    type Args = WriteArgs;

    async fn invoke(&self, args: WriteArgs, context: ToolContext) -> Result<ToolOutput> {
        let desk = self.0.clone();
        off_thread::run(move || {
            let workspace = desk.workspace(&context.origin)?;
            let _changing = workspace.change();
            let replaced = workspace.put(&args.path, args.content.as_bytes(), None)?;
            let bytes = args.content.len();
            let verb = if replaced { "replaced" } else { "made" };
            Ok(told(
                format!("{verb} {} ({bytes} bytes)", args.path),
                json!({ "path": args.path, "bytes": bytes, "replaced": replaced }),
            ))
        })
        .await
    }
}

impl Tool for Edit {
    const NAME: &'static str = "edit";
    const DESCRIPTION: &'static str = "Replaces text in a file. The old text has to be exactly as it is in the file, \
        white space included, and to occur once.";
    type Args = EditArgs;

    async fn invoke(&self, args: EditArgs, context: ToolContext) -> Result<ToolOutput> {
        let desk = self.0.clone();
        off_thread::run(move || {
            let path = args.path.clone();
            let changes = args.changes()?;
            let workspace = desk.workspace(&context.origin)?;
            let _changing = workspace.change();
            let (bytes, permissions) = workspace.take(&path)?;
            let text = text_of(&path, bytes)?;
            let edited = edit::apply(&text, &changes).map_err(|why| FileError::no_fit(&path, why))?;
            workspace.put(&path, edited.text.as_bytes(), Some(permissions))?;
            let count = changes.len();
            let places = if count == 1 { "place" } else { "places" };
            Ok(told(
                format!(
                    "changed {count} {places} in {path}, the first in line {}",
                    edited.first_line
                ),
                json!({ "path": path, "diff": edited.diff, "firstChangedLine": edited.first_line }),
            ))
        })
        .await
    }
}

impl Tool for ApplyPatch {
    const NAME: &'static str = "apply_patch";
    const DESCRIPTION: &'static str =
        "Changes several files by a patch in the form `*** Begin Patch` … `*** End Patch`.";
    type Args = PatchArgs;

    async fn invoke(&self, args: PatchArgs, context: ToolContext) -> Result<ToolOutput> {
        let desk = self.0.clone();
        off_thread::run(move || {
            let parts = patch::parse(&args.input)
                .map_err(|why| FileError::Arguments(format!("the patch can't be read: {why}")))?;
            let workspace = desk.workspace(&context.origin)?;
            let _changing = workspace.change();
            let done = patch::apply(&workspace, parts)?;
            Ok(told(
                done.to_string(),
                serde_json::to_value(&done).unwrap_or_default(),
            ))
        })
        .await
    }
}

impl EditArgs {
    /// Either form of the arguments; a call with both means both.
    fn changes(self) -> Result<Vec<Change>, FileError> {
        let wrong = |text: &str| Err(FileError::Arguments(text.to_owned()));
        let mut changes = Vec::new();
        match (self.old_text, self.new_text) {
            (Some(old), Some(new)) => changes.push(Change { old, new }),
            (None, None) => {}
            (Some(_), None) => return wrong("newText is missing; give an empty one to delete oldText"),
            (None, Some(_)) => return wrong("oldText is missing; to write a whole file use write"),
        }
        changes.extend(self.edits.into_iter().map(|edit| Change {
            old: edit.old_text,
            new: edit.new_text,
        }));
        match changes.len() {
            0 => wrong("there is nothing to change; give oldText and newText, or edits"),
            1..=MAX_EDITS => Ok(changes),
            _ => wrong("there are more than 100 edits; make several calls"),
        }
    }
}

/// A file that is to be changed as text has to be text through and through: what is no text would be lost.
pub fn text_of(path: &str, bytes: Vec<u8>) -> Result<String, FileError> {
    String::from_utf8(bytes).map_err(|e| FileError::Binary {
        path: path.to_owned(),
        size: e.as_bytes().len() as u64,
    })
}

fn told(text: String, details: Value) -> ToolOutput {
    ToolOutput {
        content: vec![Content::text(text)],
        details,
        ..ToolOutput::default()
    }
}
