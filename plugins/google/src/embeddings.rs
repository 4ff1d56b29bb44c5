//! `batchEmbedContents`: texts into vectors. Pure: requests and answers, no I/O.
use openclaw_plugin_api::prelude::*;

/// The model where none is named.
pub const USUAL: &str = "gemini-embedding-001";
/// Texts of one request, the vendor's limit.
pub const MAX_TEXTS: usize = 100;

/// The body of a request for these texts.
pub fn body(model: &str, texts: &[String], dimensions: Option<u32>) -> Value {
    let requests = texts.iter().map(|text| {
        let mut request = json!({
            "model": format!("models/{model}"), "content": { "parts": [{ "text": text }] },
        });
        if let Some(dimensions) = dimensions {
            request["outputDimensionality"] = dimensions.into();
        }
        request
    });
    json!({ "requests": requests.collect::<Vec<_>>() })
}

/// The vectors of an answer, in the order of the texts. None: it is none for so many texts. Vectors that were cut to a
/// number of dimensions have lost their length of one, and get it back.
pub fn read(answer: &Value, texts: usize, are_cut: bool) -> Option<Vec<Vec<f32>>> {
    let made = answer["embeddings"].as_array()?.iter().map(|embedding| {
        let numbers = embedding["values"].as_array()?.iter();
        let vector: Option<Vec<f32>> = numbers.map(|n| n.as_f64().map(|n| n as f32)).collect();
        let vector = vector.filter(|vector| !vector.is_empty())?;
        Some(if are_cut { of_length_one(vector) } else { vector })
    });
    let made: Option<Vec<_>> = made.collect();
    made.filter(|made| made.len() == texts)
}

fn of_length_one(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|n| f64::from(*n).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        for n in &mut vector {
            *n = (f64::from(*n) / length) as f32;
        }
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_a_request_of_its_own() {
        let texts = ["a".to_owned(), "b".to_owned()];
        let body = body("m", &texts, Some(8));
        assert_eq!(body["requests"][1]["content"]["parts"][0]["text"], "b");
        assert_eq!(body["requests"][0]["model"], "models/m");
        assert_eq!(body["requests"][0]["outputDimensionality"], 8);
    }

    #[test]
    fn an_answer_has_a_vector_for_each_text_or_is_none() {
        let answer = json!({ "embeddings": [{ "values": [1.0, 2.0] }, { "values": [3.0] }] });
        assert_eq!(read(&answer, 2, false), Some(vec![vec![1.0, 2.0], vec![3.0]]));
        assert_eq!(read(&answer, 3, false), None);
        assert_eq!(read(&json!({ "embeddings": [{ "values": [] }] }), 1, true), None);
        assert_eq!(read(&json!({ "error": "no" }), 1, false), None);
    }

    #[test]
    fn vectors_that_were_cut_have_the_length_of_one() {
        let answer = json!({ "embeddings": [{ "values": [3.0, 4.0] }, { "values": [0.0, 0.0] }] });
        let expected = vec![vec![0.6, 0.8], vec![0.0, 0.0]];
        assert_eq!(read(&answer, 2, true), Some(expected));
    }
}
