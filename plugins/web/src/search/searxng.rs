//! SearXNG, which people run themselves. Its settings have to permit `format=json`.
use super::{Answer, Hit, Query, provider::Provider};
use openclaw_plugin_api::{RequestBuilder, prelude::*};

/// What is asked. It knows no countries, and no days.
pub fn request(service: &Provider, host: &Host, query: &Query) -> Result<RequestBuilder> {
    let mut pairs = vec![("q", query.text.as_str()), ("format", "json")];
    if let Some(language) = &query.search_lang {
        pairs.push(("language", language));
    }
    if let Some(span) = query.freshness.as_ref().and_then(|freshness| freshness.span()) {
        pairs.push(("time_range", span));
    }
    let request = host.http().get(service.url("search", &pairs)?);
    Ok(match &service.key {
        Some(key) => request.bearer(key),
        None => request,
    })
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
            published: text("publishedDate"),
        }
    };
    Answer {
        text: String::new(),
        results: results.map(hit).collect(),
    }
}
