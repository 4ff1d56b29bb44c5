//! `POST /v1/embeddings`.
use crate::error::Refusal;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{EmbedRequest, Host, HttpCall};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a client asks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Request {
    model: String,
    input: Input,
    dimensions: Option<u32>,
    encoding_format: Option<String>,
}

/// One text or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Several(Vec<String>),
}

impl Default for Input {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

/// Answers one request. `openclaw` stands for the first provider that makes embeddings; any other is named as
/// `provider/model`, in the body or in the header `x-openclaw-model`.
pub(crate) async fn embed(host: &Host, call: &HttpCall) -> Result<Value, Refusal> {
    let request: Request = serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::invalid("body", format!("this is no request for embeddings: {error}")))?;
    let own = |model: &str| model == "openclaw" || model.starts_with("openclaw/");
    let model = match call.header("x-openclaw-model") {
        Some(named) => named,
        None if own(&request.model) => "",
        None => &request.model,
    };
    let input = match request.input {
        Input::One(text) => vec![text],
        Input::Several(texts) => texts,
    };
    if input.is_empty() {
        return Err(Refusal::invalid(
            "input",
            "input is missing: send a text or a list of texts",
        ));
    }
    let asked = EmbedRequest {
        model: model.to_owned(),
        input,
        dimensions: request.dimensions,
        ..EmbedRequest::default()
    };
    let made = host.capabilities().embed(&asked).await;
    let made = made.map_err(|error| Refusal::from(&error))?;
    let as_bytes = request.encoding_format.as_deref() == Some("base64");
    let items = made.vectors.iter().enumerate().map(|(index, vector)| {
        json!({"object": "embedding", "index": index, "embedding": shown(vector, as_bytes)})
    });
    let tokens = made.usage.input;
    Ok(json!({
        "object": "list", "data": items.collect::<Vec<_>>(), "model": request.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }))
}

/// Numbers, or their bytes: little-endian 32-bit floats in base64, which is what OpenAI's own clients ask for.
fn shown(vector: &[f32], as_bytes: bool) -> Value {
    match as_bytes {
        false => json!(vector),
        true => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            STANDARD.encode(bytes).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_or_their_bytes() {
        assert_eq!(shown(&[1.0, -2.5], false), json!([1.0, -2.5]));
        assert_eq!(shown(&[1.0], true), json!("AACAPw=="));
    }
}
