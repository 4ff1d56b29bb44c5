//! Brave Search.
use super::{
    Answer, Hit, Query,
    provider::Provider,
    terms::{Freshness, Span},
};
use openclaw_plugin_api::{RequestBuilder, prelude::*};

/// What is asked.
pub fn request(service: &Provider, host: &Host, query: &Query) -> Result<RequestBuilder> {
    let count = query.count.to_string();
    let freshness = query.freshness.as_ref().map(freshness);
    let mut pairs = vec![("q", query.text.as_str()), ("count", &count)];
    let options = [
        ("country", &query.country),
        ("search_lang", &query.search_lang),
        ("ui_lang", &query.ui_lang),
        ("freshness", &freshness),
    ];
    pairs.extend(
        options
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?))),
    );
    let url = service.url("web/search", &pairs)?;
    let key = service.key.as_ref().map(Secret::expose).unwrap_or_default();
    Ok(host.http().get(url).header("x-subscription-token", key))
}

fn freshness(freshness: &Freshness) -> String {
    match freshness {
        Freshness::Last(Span::Day) => "pd".into(),
        Freshness::Last(Span::Week) => "pw".into(),
        Freshness::Last(Span::Month) => "pm".into(),
        Freshness::Last(Span::Year) => "py".into(),
        Freshness::Between(from, to) => format!("{from}to{to}"),
    }
}

/// What it found.
pub fn answer(told: &Value) -> Answer {
    let results = told["web"]["results"].as_array().into_iter().flatten();
    let hit = |result: &Value| {
        let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
        Hit {
            title: plain(&text("title")),
            url: text("url"),
            description: plain(&text("description")),
            published: text("age"),
        }
    };
    Answer {
        text: String::new(),
        results: results.map(hit).collect(),
    }
}

/// The service marks the words that it found.
fn plain(text: &str) -> String {
    text.replace("<strong>", "").replace("</strong>", "")
}
