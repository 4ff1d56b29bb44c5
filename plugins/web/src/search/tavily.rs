//! Tavily.
use super::{Answer, Hit, Query, provider::Provider, terms::Freshness};
use openclaw_plugin_api::{RequestBuilder, prelude::*};

/// What is asked. It takes countries by their English names only, so a code is left out.
pub fn request(service: &Provider, host: &Host, query: &Query) -> Result<RequestBuilder> {
    let mut body = json!({ "query": query.text, "max_results": query.count, "search_depth": "basic" });
    match &query.freshness {
        Some(Freshness::Last(span)) => body["time_range"] = span.name().into(),
        Some(Freshness::Between(from, to)) => {
            body["start_date"] = from.as_str().into();
            body["end_date"] = to.as_str().into();
        }
        None => {}
    }
    let key = service.key.clone().unwrap_or_default();
    Ok(host
        .http()
        .post(service.url("search", &[])?)
        .bearer(&key)
        .json(&body))
}

/// What it found.
pub fn answer(told: &Value) -> Answer {
    let results = told["results"].as_array().into_iter().flatten();
    let hit = |result: &Value| {
        let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
        Hit {
            title: text("title"),
            url: text("url"),
            description: text("content"),
            published: text("published_date"),
        }
    };
    Answer {
        text: told["answer"].as_str().unwrap_or_default().to_owned(),
        results: results.map(hit).collect(),
    }
}
