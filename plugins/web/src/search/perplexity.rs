//! Perplexity: a model that searches and writes an answer with its sources.
use super::{Answer, Hit, Query, provider::Provider, terms::Freshness};
use openclaw_plugin_api::{RequestBuilder, prelude::*};

/// Where OpenRouter serves the same models.
pub const OPENROUTER_URL: &str = "https://openrouter.ai/api/v1";

/// What is asked.
pub fn request(service: &Provider, host: &Host, query: &Query) -> Result<RequestBuilder> {
    let usual = match service.base_url.contains("openrouter.ai") {
        true => "perplexity/sonar",
        false => "sonar",
    };
    let mut body = json!({
        "model": service.model.as_deref().unwrap_or(usual),
        "messages": [{ "role": "user", "content": query.text }],
    });
    match &query.freshness {
        Some(Freshness::Last(span)) => body["search_recency_filter"] = span.name().into(),
        Some(Freshness::Between(from, to)) => {
            body["search_after_date_filter"] = american(from).into();
            body["search_before_date_filter"] = american(to).into();
        }
        None => {}
    }
    if let Some(country) = &query.country {
        body["web_search_options"] = json!({ "user_location": { "country": country } });
    }
    let key = service.key.clone().unwrap_or_default();
    let url = service.url("chat/completions", &[])?;
    Ok(host.http().post(url).bearer(&key).json(&body))
}

/// `2026-01-31` as `01/31/2026`
fn american(day: &str) -> String {
    let mut parts = day.splitn(3, '-');
    let mut part = || parts.next().unwrap_or_default();
    let (year, month, day) = (part(), part(), part());
    format!("{month}/{day}/{year}")
}

/// What it answered, and from which pages.
pub fn answer(told: &Value) -> Answer {
    let text = told["choices"][0]["message"]["content"]
        .as_str()
        .unwrap_or_default();
    let with_titles = told["search_results"]
        .as_array()
        .filter(|results| !results.is_empty());
    let results = match with_titles {
        Some(results) => results.iter().map(hit).collect(),
        None => {
            let addresses = told["citations"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            addresses.map(address).collect()
        }
    };
    Answer {
        text: text.to_owned(),
        results,
    }
}

fn hit(result: &Value) -> Hit {
    let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
    Hit {
        title: text("title"),
        url: text("url"),
        description: String::new(),
        published: text("date"),
    }
}

fn address(url: &str) -> Hit {
    Hit {
        title: url.to_owned(),
        url: url.to_owned(),
        ..Hit::default()
    }
}
