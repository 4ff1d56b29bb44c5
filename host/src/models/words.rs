//! The gateway's own words among a model's parameters.
//!
//! `params` go to the vendor as they are, and vendors refuse a request with a field that they don't know. But some of what
//! operators write there was never the vendor's: it is OpenClaw's way to say what a request has a field for. So these words
//! become the request's fields, once for all providers, and those that mean nothing here are left out.
use openclaw_plugin_api::{CacheRetention, CompletionRequest};
use serde::Deserialize;
use serde_json::Value;

/// Words that no vendor knows and that have no effect here.
const WITHOUT_EFFECT: [&str; 3] = ["fastMode", "streaming", "transport"];

/// Takes the gateway's words out of a request's parameters and does what they say. One that can't be read says nothing.
pub(super) fn take(request: &mut CompletionRequest) {
    let mut word = |name: &str| request.params.remove(name);
    let limit = word("maxTokens").as_ref().and_then(Value::as_u64);
    let temperature = word("temperature").as_ref().and_then(Value::as_f64);
    let kept = word("cacheRetention").and_then(|kept| CacheRetention::deserialize(kept).ok());
    // of earlier versions
    let before = word("cacheControlTtl").and_then(|ttl| match ttl.as_str()? {
        "5m" => Some(CacheRetention::Short),
        "1h" => Some(CacheRetention::Long),
        _ => None,
    });
    for name in WITHOUT_EFFECT {
        word(name);
    }
    let limit = limit.and_then(|limit| u32::try_from(limit).ok());
    request.max_tokens = limit.filter(|limit| *limit > 0).or(request.max_tokens);
    // a number between 0 and 2 loses nothing that matters
    request.temperature = temperature.map(|n| n as f32).or(request.temperature);
    request.cache = kept.or(before).unwrap_or(request.cache);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn taken(params: &Value) -> CompletionRequest {
        let mut request = CompletionRequest {
            max_tokens: Some(5),
            params: params.as_object().expect("an object").clone(),
            ..CompletionRequest::default()
        };
        take(&mut request);
        request
    }

    #[test]
    fn the_gateways_words_become_the_requests_fields() {
        let request = taken(&json!({
            "maxTokens": 77, "cacheRetention": "long", "temperature": 0.5, "top_p": 1, "transport": "ws", "fastMode": true,
        }));
        assert_eq!(
            (request.max_tokens, request.cache, request.temperature),
            (Some(77), CacheRetention::Long, Some(0.5))
        );
        assert_eq!(
            Value::from(request.params),
            json!({"top_p": 1}),
            "what is left is the vendor's"
        );
    }

    #[test]
    fn earlier_words_still_mean_what_they_did_and_nonsense_means_nothing() {
        assert_eq!(
            taken(&json!({"cacheControlTtl": "1h"})).cache,
            CacheRetention::Long
        );
        let request = taken(&json!({"cacheControlTtl": "1h", "cacheRetention": "none"}));
        assert_eq!(request.cache, CacheRetention::None);
        let request = taken(&json!({"maxTokens": "many", "cacheRetention": 7, "temperature": null}));
        assert_eq!(
            (request.max_tokens, request.cache, request.temperature),
            (Some(5), CacheRetention::Short, None)
        );
        assert!(request.params.is_empty());
    }
}
