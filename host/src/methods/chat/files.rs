//! Files that a client sends with a message: checked, and taken into the store before the message is taken.
use crate::{app::Gateway, gateway::Failure, plugins::services::keep_media as store};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::MediaRef;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Files of one message.
const MAX_FILES: usize = 20;
/// Bytes of all files of one message: what fits into a frame, without its encoding.
pub(in crate::methods) const MAX_BYTES: usize = 19_464_192;
/// Bytes of one picture.
pub(in crate::methods) const MAX_IMAGE: usize = 6_291_456;

/// One file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::methods) struct Attachment {
    r#type: Option<String>,
    mime_type: Option<String>,
    file_name: Option<String>,
    /// Base64, or a data URL.
    content: Value,
}

/// Takes files into the store.
pub(in crate::methods) async fn keep(
    gateway: &Gateway,
    method: &str,
    files: Vec<Attachment>,
) -> Result<Vec<MediaRef>, Failure> {
    if files.len() > MAX_FILES {
        let text = format!("at /attachments: must not have more than {MAX_FILES} items");
        return Err(Failure::params(method, text));
    }
    let mut read = Vec::new();
    let mut total = 0;
    for (number, file) in files.into_iter().enumerate() {
        let at = |text: &str| Failure::params(method, format_args!("at /attachments/{number}: {text}"));
        let (known, bytes) = decode(file).map_err(at)?;
        total += bytes.len();
        if total > MAX_BYTES {
            return Err(at(&format!(
                "all files together are larger than {MAX_BYTES} bytes"
            )));
        }
        if known.mime_type.starts_with("image/") && bytes.len() > MAX_IMAGE {
            return Err(at(&format!("the picture is larger than {MAX_IMAGE} bytes")));
        }
        read.push((known, bytes));
    }
    let folder = gateway.paths().state_dir.join("media");
    let mut kept = Vec::with_capacity(read.len());
    for (known, bytes) in read {
        let journal = gateway.journal();
        let stored = store(
            journal,
            &folder,
            known,
            bytes,
            crate::agent::CLIENTS,
            gateway.now_ms(),
        )
        .await;
        kept.push(stored.map_err(|error| crate::methods::failed(&error))?);
    }
    Ok(kept)
}

fn decode(file: Attachment) -> Result<(MediaRef, Vec<u8>), &'static str> {
    let Value::String(content) = &file.content else {
        return Err("must have required property 'content', base64 in a string");
    };
    let (mime, data) = match content
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(','))
    {
        Some((head, data)) => (head.split(';').next(), data),
        None => (None, content.as_str()),
    };
    let bytes = STANDARD
        .decode(data.trim())
        .map_err(|_| "the content is not base64")?;
    if bytes.is_empty() {
        return Err("the file is empty");
    }
    let mime = file.mime_type.as_deref().or(mime).unwrap_or_default();
    let mime_type = match (mime, file.r#type.as_deref()) {
        ("", Some("image")) => "image/png".to_owned(),
        (mime, _) => mime.to_owned(),
    };
    let known = MediaRef {
        mime_type,
        file_name: file.file_name.unwrap_or_default(),
        ..MediaRef::default()
    };
    Ok((known, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_is_base64_or_a_data_url() {
        let file = |value: Value| decode(serde_json::from_value(value).expect("a file"));
        let (known, bytes) = file(json!({ "content": "data:image/gif;base64,YWI=" })).expect("read");
        assert_eq!(
            (known.mime_type.as_str(), bytes.as_slice()),
            ("image/gif", &b"ab"[..])
        );
        let (known, _) =
            file(json!({ "mimeType": "text/plain", "fileName": "a.txt", "content": "YWI=" })).expect("read");
        assert_eq!(
            (known.mime_type.as_str(), known.file_name.as_str()),
            ("text/plain", "a.txt")
        );
        for wrong in [
            json!({}),
            json!({ "content": "%" }),
            json!({ "content": "" }),
            json!({ "content": 1 }),
        ] {
            assert!(file(wrong).is_err());
        }
    }
}
