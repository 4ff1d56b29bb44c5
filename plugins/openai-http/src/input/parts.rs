//! Contents of messages: a text, or a list of parts.
//!
//! Pictures come inside the request. An address to fetch one from is refused: a request must not make the gateway call
//! places of its choice.
use crate::error::Refusal;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// Largest picture, bytes.
const MAX_PICTURE: usize = 5 << 20;
/// Pictures in a message.
const MAX_PICTURES: usize = 10;

/// A picture that came with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// `image/png`
    pub(crate) mime_type: String,
    /// The file.
    pub(crate) bytes: Vec<u8>,
}

/// The text and the pictures of a content.
pub(crate) fn read(content: &Value) -> Result<(String, Vec<Picture>), Refusal> {
    let parts = match content {
        Value::Null => return Ok(Default::default()),
        Value::String(text) => return Ok((text.clone(), Vec::new())),
        Value::Array(parts) => parts,
        _ => {
            return Err(Refusal::invalid(
                "messages",
                "content is a text or a list of parts",
            ));
        }
    };
    let (mut texts, mut pictures) = (Vec::new(), Vec::new());
    for part in parts {
        match part["type"].as_str().unwrap_or_default() {
            "text" | "input_text" | "output_text" => texts.push(part["text"].as_str().unwrap_or_default()),
            "refusal" => texts.push(part["refusal"].as_str().unwrap_or_default()),
            "image_url" => pictures.push(picture(&part["image_url"]["url"])?),
            "input_image" => pictures.push(picture(&part["image_url"])?),
            other => {
                let message = format!("parts of type \"{other}\" are not taken; send text or pictures");
                return Err(Refusal::invalid("messages", message));
            }
        }
    }
    if pictures.len() > MAX_PICTURES {
        let message = format!("more than {MAX_PICTURES} pictures in one message");
        return Err(Refusal::invalid("messages", message));
    }
    Ok((texts.join("\n"), pictures))
}

fn picture(url: &Value) -> Result<Picture, Refusal> {
    let wrong = |message: &str| Refusal::invalid("messages", message);
    let inside = url.as_str().and_then(|url| url.strip_prefix("data:"));
    let inside = inside.ok_or_else(|| wrong("a picture comes as a data: URL; addresses are not fetched"))?;
    let (mime_type, data) = inside
        .split_once(";base64,")
        .filter(|(mime, _)| mime.starts_with("image/"))
        .ok_or_else(|| wrong("a picture is data:image/<kind>;base64,…"))?;
    if data.len() / 4 * 3 > MAX_PICTURE {
        return Err(wrong("a picture has at most 5 MiB"));
    }
    let bytes = STANDARD
        .decode(data)
        .map_err(|_| wrong("a picture is not base64"))?;
    Ok(Picture {
        mime_type: mime_type.to_owned(),
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_joined_and_pictures_decoded() {
        let (text, pictures) = read(&json!([
            {"type": "text", "text": "a"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "input_text", "text": "b"},
        ]))
        .expect("parts");
        assert_eq!(text, "a\nb");
        assert_eq!(
            pictures,
            [Picture {
                mime_type: "image/png".into(),
                bytes: vec![0; 3]
            }]
        );
    }

    #[test]
    fn nothing_is_fetched_and_nothing_odd_is_taken() {
        for url in [
            "http://127.0.0.1/",
            "data:text/html;base64,AAAA",
            "data:image/png;base64,!",
            "",
        ] {
            let parts = json!([{"type": "image_url", "image_url": {"url": url}}]);
            assert!(read(&parts).is_err(), "{url}");
        }
        assert!(read(&json!([{"type": "input_audio"}])).is_err());
        assert!(read(&json!(5)).is_err());
    }
}
