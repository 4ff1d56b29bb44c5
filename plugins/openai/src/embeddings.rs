//! `POST /embeddings`: texts into vectors, for every service that speaks this API.
use openclaw_plugin_api::{EmbedRequest, Embeddings, Usage, prelude::*};
use serde_json::{Value, json};

/// The model where none is named, at OpenAI's own address.
const USUAL: &str = "text-embedding-3-small";

/// The request's body.
pub fn body(request: &EmbedRequest, is_openai: bool) -> Result<Value> {
    let model = match request.model.as_str() {
        "" if is_openai => USUAL,
        "" => {
            return Err(Error::unsupported(
                "this service has no usual model for embeddings; name one",
            ));
        }
        named => named,
    };
    let mut body = json!({"model": model, "input": request.input, "encoding_format": "float"});
    if let Some(dimensions) = request.dimensions {
        body["dimensions"] = dimensions.into();
    }
    Ok(body)
}

/// The vectors of an answer, in the order of the texts.
pub fn read(answer: &Value, texts: usize) -> Option<Embeddings> {
    let mut vectors = vec![Vec::new(); texts];
    for (position, item) in answer["data"].as_array()?.iter().enumerate() {
        let index = item["index"]
            .as_u64()
            .map_or(Some(position), |i| usize::try_from(i).ok())?;
        let numbers = item["embedding"].as_array()?.iter();
        let vector: Option<Vec<f32>> = numbers.map(|n| n.as_f64().map(|n| n as f32)).collect();
        *vectors.get_mut(index)? = vector?;
    }
    vectors
        .iter()
        .all(|vector| !vector.is_empty())
        .then(|| Embeddings {
            vectors,
            usage: Usage {
                input: answer["usage"]["prompt_tokens"].as_u64().unwrap_or_default(),
                ..Usage::default()
            },
            model: answer["model"].as_str().unwrap_or_default().to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_back_in_the_order_of_the_texts() {
        let answer = json!({"model": "m", "usage": {"prompt_tokens": 4}, "data": [
            {"index": 1, "embedding": [3.0]}, {"index": 0, "embedding": [1.0, 2.0]},
        ]});
        let read = read(&answer, 2).expect("embeddings");
        assert_eq!(read.vectors, [vec![1.0, 2.0], vec![3.0]]);
        assert_eq!((read.usage.input, read.model.as_str()), (4, "m"));
    }

    #[test]
    fn an_answer_that_lacks_one_is_none() {
        for answer in [
            json!({"data": [{"index": 0, "embedding": [1.0]}]}),
            json!({"data": [{"index": 5, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]}),
            json!({"error": {}}),
        ] {
            assert_eq!(read(&answer, 2), None);
        }
    }

    #[test]
    fn the_usual_model_is_openais_own() {
        let request = EmbedRequest::default();
        assert_eq!(body(&request, true).expect("a body")["model"], USUAL);
        assert!(body(&request, false).is_err());
    }
}
