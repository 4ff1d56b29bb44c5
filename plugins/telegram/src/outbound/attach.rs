//! Files: which request shows a file best, and which files go together as an album.
use super::{
    request::{Part, Request},
    target::Target,
    writer::Chunk,
};
use openclaw_plugin_api::MediaRef;
use serde_json::{Map, Value, json};

/// Largest picture that is shown as one, bytes.
const PHOTO_LIMIT: u64 = 10 << 20;
/// Largest file that a bot can send, bytes.
pub(super) const FILE_LIMIT: u64 = 50 << 20;
/// Most files of an album.
const ALBUM: usize = 10;

/// How a file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Photo,
    Animation,
    Video,
    VideoNote,
    Audio,
    Voice,
    Document,
}

/// Files that go out with one request.
pub(super) type Group = Vec<(Form, MediaRef)>;

/// The files in order, put into albums where several of a kind follow each other.
pub(super) fn groups(files: &[MediaRef], extra: &Map<String, Value>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for file in files {
        let form = form(file, extra);
        match groups.last_mut() {
            Some(group) if group.len() < ALBUM && group.iter().all(|(other, _)| other.joins(form)) => {
                group.push((form, file.clone()));
            }
            _ => groups.push(vec![(form, file.clone())]),
        }
    }
    groups
}

/// The request for a group.
pub(super) fn request(target: &Target, group: Group, caption: Option<&Chunk>) -> Request {
    let mut request = match group.as_slice() {
        [(form, _)] => Request::new(form.method(), target.threaded()),
        _ => Request::new("sendMediaGroup", target.threaded()),
    };
    if let [(form, file)] = group.as_slice() {
        if let Some(chunk) = caption {
            request.set("caption", chunk.html.clone());
            request.set("parse_mode", "HTML");
            request.plain = Some(chunk.plain.clone());
        }
        request.files.push(part(form.field().to_owned(), file, *form));
        return request;
    }
    let mut media = Vec::new();
    for (n, (form, file)) in group.iter().enumerate() {
        let field = format!("file{n}");
        let mut item = json!({ "type": form.field(), "media": format!("attach://{field}") });
        if let Some(chunk) = caption.filter(|_| n == 0) {
            item["caption"] = chunk.html.clone().into();
            item["parse_mode"] = "HTML".into();
        }
        media.push(item);
        request.files.push(part(field, file, *form));
    }
    request.set("media", Value::Array(media));
    request.plain = caption.map(|chunk| chunk.plain.clone());
    request
}

fn part(field: String, file: &MediaRef, form: Form) -> Part {
    let file_name = if file.file_name.is_empty() {
        let subtype = file.mime_type.split(['/', ';', '+']).nth(1).unwrap_or("bin");
        format!("{}.{subtype}", form.field())
    } else {
        file.file_name.clone()
    };
    Part {
        field,
        media: file.clone(),
        file_name,
    }
}

fn form(file: &MediaRef, extra: &Map<String, Value>) -> Form {
    let is = |key: &str| extra.get(key).and_then(Value::as_bool).unwrap_or(false);
    let mime = file.mime_type.to_lowercase();
    let mime = mime.split(';').next().unwrap_or_default().trim();
    if is("forceDocument") {
        return Form::Document;
    }
    match mime {
        "image/gif" => Form::Animation,
        "image/jpeg" | "image/jpg" | "image/png" | "image/webp" | "image/bmp" if file.size <= PHOTO_LIMIT => {
            Form::Photo
        }
        "video/mp4" if is("videoNote") => Form::VideoNote,
        "video/mp4" | "video/quicktime" | "video/webm" | "video/mpeg" => Form::Video,
        "audio/ogg" | "audio/opus" | "audio/mpeg" | "audio/mp3" | "audio/mp4" | "audio/m4a"
        | "audio/x-m4a"
            if is("audioAsVoice") =>
        {
            Form::Voice
        }
        mime if mime.starts_with("audio/") => Form::Audio,
        _ => Form::Document,
    }
}

impl Form {
    /// Can words stand beside it?
    pub(super) fn takes_caption(self) -> bool {
        self != Self::VideoNote
    }

    fn method(self) -> &'static str {
        match self {
            Self::Photo => "sendPhoto",
            Self::Animation => "sendAnimation",
            Self::Video => "sendVideo",
            Self::VideoNote => "sendVideoNote",
            Self::Audio => "sendAudio",
            Self::Voice => "sendVoice",
            Self::Document => "sendDocument",
        }
    }

    fn field(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Animation => "animation",
            Self::Video => "video",
            Self::VideoNote => "video_note",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Document => "document",
        }
    }

    /// Pictures and videos mix; documents and pieces of music stay among themselves; the rest stands alone.
    fn joins(self, other: Self) -> bool {
        let visual = |form| matches!(form, Self::Photo | Self::Video);
        visual(self) && visual(other) || self == other && matches!(self, Self::Document | Self::Audio)
    }
}
