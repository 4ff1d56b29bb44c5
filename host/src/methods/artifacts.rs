//! `artifacts.*`: the pictures of a conversation, one by one. A history names them and leaves their bytes out.
//!
//! Invariants: a picture is given to whoever may read the conversation that it stands in, and found through no other one;
//! what no frame can carry is not read.
use super::{
    chat::whose,
    journal, params,
    sessions::{self, message},
};
use crate::{
    app::Gateway,
    gateway::{Failure, Method, Scope},
    journal::{Entry, StoredMedia},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{Content, Message, Role};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io::{self, ErrorKind},
    path::Path,
};
use tracing::warn;

/// Entries that one listing looks at, newest first.
const MAX_ENTRIES: u32 = 400;
/// Pictures of one listing.
const MAX_LISTED: usize = 100;
/// Bytes of a picture at most: with its encoding it fits into a frame.
const MAX_BYTES: u64 = 18 << 20;

/// Parameters of all three: whose pictures, and which of them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    session_key: Option<String>,
    run_id: Option<String>,
    task_id: Option<String>,
    agent_id: Option<String>,
    /// Only what somebody in this role said.
    message_role: Option<String>,
    r#type: Option<String>,
    #[schemars(range(min = 1))]
    limit: Option<usize>,
    artifact_id: Option<String>,
    /// How the bytes come: always over the connection.
    #[serde(rename = "transport")]
    _transport: Option<String>,
}

/// A picture of a conversation.
#[derive(Debug)]
struct Picture {
    id: String,
    seq: i64,
    run_id: String,
    mime_type: String,
    bytes: Bytes,
}

/// Where the bytes of a picture are.
#[derive(Debug)]
enum Bytes {
    /// In the store, under this id.
    Stored(String),
    /// In the transcript, encoded.
    Here(String),
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("artifacts.list", Scope::Read).with::<Asked>(),
        Method::new("artifacts.get", Scope::Read).with::<Asked>(),
        Method::new("artifacts.download", Scope::Read).with::<Asked>(),
    ]
}

pub(super) async fn call(gateway: &Gateway, method: &str, given: Value) -> Result<Value, Failure> {
    let asked: Asked = params(method, given)?;
    if method == "artifacts.list" {
        return list(gateway, &asked).await;
    }
    let id = asked.artifact_id.as_deref().unwrap_or_default();
    if id.is_empty() {
        return Err(Failure::params(
            method,
            "must have required property 'artifactId'",
        ));
    }
    let (key, picture, stored) = find(gateway, &asked, id).await?;
    let mut answer = json!({ "artifact": view(&key, &picture, stored.as_ref()) });
    if method == "artifacts.download" {
        answer["encoding"] = json!("base64");
        answer["data"] = json!(read(gateway, &picture, stored.as_ref()).await?);
    }
    Ok(answer)
}

/// The newest pictures of a conversation, oldest first.
async fn list(gateway: &Gateway, asked: &Asked) -> Result<Value, Failure> {
    let (key, session_id) = conversation(gateway, asked).await?;
    let id = session_id.clone();
    let entries = journal(gateway.desk(), move |j| j.page(&id, 0, MAX_ENTRIES)).await?;
    let wanted = asked.r#type.as_deref().is_none_or(|kind| kind == "image");
    let mut pictures: Vec<_> = entries
        .iter()
        .filter(|_| wanted)
        .flat_map(|entry| of_entry(&session_id, entry, asked))
        .collect();
    let limit = asked.limit.unwrap_or(MAX_LISTED).min(MAX_LISTED);
    pictures.drain(..pictures.len().saturating_sub(limit));
    let known = stored(gateway, &pictures).await?;
    let rows = pictures.iter().zip(&known);
    let rows: Vec<_> = rows
        .map(|(picture, stored)| view(&key, picture, stored.as_ref()))
        .collect();
    Ok(json!({ "artifacts": rows }))
}

async fn find(
    gateway: &Gateway,
    asked: &Asked,
    wanted: &str,
) -> Result<(String, Picture, Option<StoredMedia>), Failure> {
    let (key, session_id) = conversation(gateway, asked).await?;
    let gone = || {
        Failure::invalid(format!("artifact not found: {wanted}"))
            .with_details(json!({ "type": "artifact_not_found" }))
    };
    let (id, seq) = wanted
        .rsplit_once('.')
        .and_then(|(row, _)| message::place(row))
        .filter(|(id, _)| *id == session_id)
        .ok_or_else(gone)?;
    let transcript = id.to_owned();
    let entries = journal(gateway.desk(), move |j| {
        j.behind(&transcript, seq.saturating_sub(1), 1)
    })
    .await?;
    let entry = entries.iter().find(|entry| entry.seq == seq);
    let pictures = entry.map(|entry| of_entry(&session_id, entry, asked));
    let picture = pictures
        .into_iter()
        .flatten()
        .find(|picture| picture.id == wanted)
        .ok_or_else(gone)?;
    let picture = [picture];
    let stored = stored(gateway, &picture).await?.pop().flatten();
    let [picture] = picture;
    Ok((key, picture, stored))
}

/// The pictures of a message, whole, as a client sends them: as many as fit into an answer, without those that are lost.
pub(super) async fn of_message(gateway: &Gateway, session_id: &str, entry: &Entry) -> Vec<Value> {
    let pictures = of_entry(session_id, entry, &Asked::default());
    let known = stored(gateway, &pictures).await.unwrap_or_default();
    let (mut found, mut room) = (Vec::new(), MAX_BYTES as usize);
    for (picture, stored) in pictures.iter().zip(&known) {
        let Ok(data) = read(gateway, picture, stored.as_ref()).await else {
            continue;
        };
        let Some(left) = room.checked_sub(data.len()) else {
            break;
        };
        room = left;
        found.push(json!({ "mimeType": picture.mime_type, "data": data }));
    }
    found
}

/// The conversation that is meant, and its transcript.
async fn conversation(gateway: &Gateway, of: &Asked) -> Result<(String, String), Failure> {
    let none = || {
        Failure::invalid("no session found for artifact query")
            .with_details(json!({ "type": "artifact_scope_not_found" }))
    };
    let session = match (&of.session_key, &of.run_id, &of.task_id) {
        (Some(key), _, _) => {
            let (_, key) = whose(gateway, key, of.agent_id.as_deref())?;
            sessions::find(gateway, &key).await?
        }
        (None, Some(run), _) => {
            let turn = format!("run-{run}");
            journal(gateway.desk(), move |j| match j.written_by(&turn)? {
                Some((id, _)) => j.session_of(&id),
                None => Ok(None),
            })
            .await?
        }
        (None, None, Some(_)) => None,
        (None, None, None) => {
            return Err(Failure::params(
                "artifacts",
                "must have one of the properties 'sessionKey', 'runId' and 'taskId'",
            ));
        }
    };
    session
        .map(|session| (session.key, session.session_id))
        .ok_or_else(none)
}

/// The pictures of one entry that are asked for.
fn of_entry(session_id: &str, entry: &Entry, of: &Asked) -> Vec<Picture> {
    let run_id = crate::agent::run_id(&entry.turn);
    if of.run_id.as_deref().is_some_and(|run| run != run_id) {
        return Vec::new();
    }
    let Ok(message) = serde_json::from_str::<Message>(&entry.body) else {
        return Vec::new();
    };
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
        _ => "toolResult",
    };
    if of.message_role.as_deref().is_some_and(|wanted| wanted != role) {
        return Vec::new();
    }
    let parts = message.content.into_iter().enumerate();
    let pictures = parts.filter_map(|(number, part)| match part {
        Content::Image { mime_type, data } => Some(Picture {
            id: message::picture_id(&message::id(session_id, entry.seq), number),
            seq: entry.seq,
            run_id: run_id.to_owned(),
            mime_type,
            bytes: match data.strip_prefix(message::STORED) {
                Some(id) => Bytes::Stored(id.to_owned()),
                None => Bytes::Here(data),
            },
        }),
        _ => None,
    });
    pictures.collect()
}

/// What the store knows of these.
async fn stored(gateway: &Gateway, pictures: &[Picture]) -> Result<Vec<Option<StoredMedia>>, Failure> {
    let ids: Vec<_> = pictures
        .iter()
        .map(|picture| match &picture.bytes {
            Bytes::Stored(id) => Some(id.clone()),
            Bytes::Here(_) => None,
        })
        .collect();
    journal(gateway.desk(), move |j| {
        let known = ids.iter().map(|id| match id {
            Some(id) => j.media(id),
            None => Ok(None),
        });
        known.collect()
    })
    .await
}

fn view(key: &str, picture: &Picture, stored: Option<&StoredMedia>) -> Value {
    let name = stored.map(|stored| stored.media.file_name.as_str());
    let size = match &picture.bytes {
        Bytes::Stored(_) => stored.map(|stored| stored.media.size),
        // four letters are three bytes
        Bytes::Here(data) => Some(data.trim_end_matches('=').len() as u64 * 3 / 4),
    };
    let mut artifact = json!({
        "id": picture.id, "type": "image", "title": name.filter(|name| !name.is_empty()).unwrap_or("Image"),
        "mimeType": picture.mime_type, "sessionKey": key, "messageSeq": picture.seq, "source": "session-transcript",
        "download": { "mode": if size.is_some() { "bytes" } else { "unsupported" } },
    });
    if let Some(size) = size {
        artifact["sizeBytes"] = json!(size);
    }
    if !picture.run_id.is_empty() {
        artifact["runId"] = json!(picture.run_id);
    }
    artifact
}

async fn read(gateway: &Gateway, picture: &Picture, stored: Option<&StoredMedia>) -> Result<String, Failure> {
    let lost = |error| unreadable(&picture.id, &error);
    match &picture.bytes {
        Bytes::Here(data) => Ok(data.clone()),
        Bytes::Stored(_) => {
            let known = stored.ok_or_else(|| lost(ErrorKind::NotFound.into()))?;
            if known.media.size > MAX_BYTES {
                let text = format!("artifact {} is larger than {MAX_BYTES} bytes", picture.id);
                return Err(Failure::invalid(text));
            }
            let folder = gateway.paths().state_dir.join("media");
            let bytes = open(&folder, &known.media.id).await.map_err(lost)?;
            Ok(STANDARD.encode(bytes))
        }
    }
}

/// Why a picture can't be given. Only of a file that isn't there is it true that asking again won't help.
fn unreadable(id: &str, error: &io::Error) -> Failure {
    if error.kind() == ErrorKind::NotFound {
        let text = format!("artifact {id} has no bytes any more; its file was removed from the store");
        return Failure::invalid(text);
    }
    warn!(%error, artifact = id, "a picture of the store can't be read");
    Failure::unavailable(format!("artifact {id} can't be read from the store: {error}"))
}

/// The bytes of a stored file. Ids are ours, hex digits: nothing else becomes a path.
async fn open(folder: &Path, id: &str) -> io::Result<Vec<u8>> {
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match plain {
        true => tokio::fs::read(folder.join(id)).await,
        false => Err(ErrorKind::NotFound.into()),
    }
}

#[cfg(test)]
mod tests;
