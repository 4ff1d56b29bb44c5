//! `read`: a part of a text file, or a picture.
use crate::{error::FileError, off_thread, picture, view, workspace::Desk};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{ToolOrigin, prelude::*};
use std::{
    io::{BufReader, Read as _},
    sync::Arc,
};

/// Bytes at the beginning of a file that tell whether it is text.
const PROBE: u64 = 8 << 10;

/// The tool.
pub struct Read(pub Arc<Desk>);

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Args {
    /// Path of the file, relative to the workspace or absolute.
    #[serde(alias = "file_path")]
    path: String,
    /// Line to begin with, from 1.
    #[serde(default)]
    offset: Option<usize>,
    /// Most lines to read.
    #[serde(default)]
    limit: Option<usize>,
}

impl Tool for Read {
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Reads a file. Text comes in parts of at most 2000 lines or 50 KB, whichever is \
        less; use offset and limit for more. Pictures (PNG, JPEG, GIF, WebP) are shown.";
    const IDEMPOTENT: bool = true;
    const SIDE_EFFECTS: bool = false;
    type Args = Args;

    async fn invoke(&self, args: Args, context: ToolContext) -> Result<ToolOutput> {
        let desk = self.0.clone();
        off_thread::run(move || read(&desk, &context.origin, &args)).await
    }
}

fn read(desk: &Desk, origin: &ToolOrigin, args: &Args) -> Result<ToolOutput, FileError> {
    let failed = |e| FileError::system(&args.path, "read", e);
    let (mut file, size) = desk.workspace(origin)?.open(&args.path)?;
    let mut head = Vec::new();
    file.by_ref().take(PROBE).read_to_end(&mut head).map_err(failed)?;
    if let Some(mime_type) = picture::mime_type(&head[..head.len().min(picture::HEAD)]) {
        return show(&args.path, size, mime_type, head, file);
    }
    if head.contains(&0) {
        return Err(FileError::Binary {
            path: args.path.clone(),
            size,
        });
    }
    let offset = args.offset.unwrap_or(1).max(1);
    let limit = args.limit.unwrap_or(view::MAX_LINES).clamp(1, view::MAX_LINES);
    let view = view::view(BufReader::new(head.as_slice().chain(file)), offset, limit).map_err(failed)?;
    if view.count == 0 && view.total > 0 {
        let text = format!(
            "{} has {} lines, so there is no line {offset}; use a smaller offset",
            args.path, view.total
        );
        return Err(FileError::Arguments(text));
    }
    let rest = view.rest();
    let details = json!({
        "path": args.path, "bytes": size, "firstLine": view.first, "lines": view.count, "totalLines": view.total,
        "truncated": rest.is_some(),
    });
    let mut text = view.text;
    if let Some(rest) = rest {
        text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
        text.push_str(&rest);
    }
    Ok(ToolOutput {
        content: vec![Content::text(text)],
        details,
        ..ToolOutput::default()
    })
}

fn show(
    path: &str,
    size: u64,
    mime_type: &str,
    mut bytes: Vec<u8>,
    file: impl std::io::Read,
) -> Result<ToolOutput, FileError> {
    let too_large = |size| FileError::TooLarge {
        path: path.to_owned(),
        size,
        limit: picture::MAX,
    };
    if size > picture::MAX {
        return Err(too_large(size));
    }
    file.take(picture::MAX)
        .read_to_end(&mut bytes)
        .map_err(|e| FileError::system(path, "read", e))?;
    let size = bytes.len() as u64;
    if size > picture::MAX {
        return Err(too_large(size));
    }
    let picture = Content::Image {
        mime_type: mime_type.to_owned(),
        data: STANDARD.encode(&bytes),
    };
    Ok(ToolOutput {
        content: vec![
            Content::text(format!("{path}: {mime_type}, {size} bytes")),
            picture,
        ],
        details: json!({ "path": path, "bytes": size, "mimeType": mime_type }),
        ..ToolOutput::default()
    })
}
