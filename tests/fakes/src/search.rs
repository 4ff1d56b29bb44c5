//! Four search services on loopback, each below a path of its own: `/brave`, `/tavily`, `/perplexity`, `/searxng`.
//!
//! Each finds two pages about whatever is asked. Invariant: a request without the key, with another method, or with
//! parameters that the service does not know is refused as the service refuses it.
use crate::server::{Asked, Reply, Server, Vendor};
use serde_json::{Value, json};
use std::{collections::BTreeMap, io};

/// A running fake.
#[derive(Debug)]
pub struct Search {
    /// Requests and faults.
    pub server: Server,
}

struct Services;

impl Search {
    /// The key that the three services with keys take.
    pub const KEY: &str = "search-key-that-is-not-printed";

    /// Starts one on a free port.
    pub async fn start() -> io::Result<Self> {
        Ok(Self {
            server: Server::start(Services).await?,
        })
    }

    /// Address of one of the services, as `baseUrl` has it.
    pub fn base_url(&self, service: &str) -> String {
        format!("{}/{service}", self.server.url())
    }
}

impl Vendor for Services {
    fn answer(&self, asked: &Asked) -> Reply {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let query: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let outcome = match (asked.method.as_str(), path) {
            ("GET", "/brave/web/search") => brave(asked, &query),
            ("POST", "/tavily/search") => tavily(asked),
            ("POST", "/perplexity/chat/completions") => perplexity(asked),
            ("GET", "/searxng/search") => searxng(&query),
            _ => Err((404, json!({ "error": "there is nothing here" }))),
        };
        let (status, body) = outcome.map_or_else(|refused| refused, |found| (200, found));
        Reply {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            pieces: vec![body.to_string().into()],
        }
    }
}

type Outcome = Result<Value, (u16, Value)>;

fn refuse(status: u16, why: &str) -> Outcome {
    Err((status, json!({ "error": why })))
}

fn knows(given: impl Iterator<Item = String>, known: &[&str]) -> Result<(), (u16, Value)> {
    for name in given {
        if !known.contains(&name.as_str()) {
            return Err((422, json!({ "error": format!("{name} is not known") })));
        }
    }
    Ok(())
}

fn has_key(asked: &Asked, header: &str, value: &str) -> bool {
    asked
        .headers
        .get(header)
        .is_some_and(|given| given.as_bytes() == value.as_bytes())
}

fn brave(asked: &Asked, query: &BTreeMap<&str, &str>) -> Outcome {
    if !has_key(asked, "x-subscription-token", Search::KEY) {
        return refuse(422, "the token is not valid");
    }
    let names = query.keys().map(|name| (*name).to_owned());
    knows(
        names,
        &[
            "q",
            "count",
            "country",
            "search_lang",
            "ui_lang",
            "freshness",
            "offset",
        ],
    )?;
    let Some(words) = query.get("q") else {
        return refuse(422, "q is missing");
    };
    let hit = |n| {
        json!({
            "title": format!("Page {n}"), "url": format!("https://r{n}.example/"),
            "description": format!("About <strong>{words}</strong>"), "age": "2 days ago",
        })
    };
    Ok(json!({ "type": "search", "web": { "results": [hit(1), hit(2)] } }))
}

fn bearer(asked: &Asked) -> bool {
    has_key(asked, "authorization", &format!("Bearer {}", Search::KEY))
}

fn tavily(asked: &Asked) -> Outcome {
    if !bearer(asked) {
        return refuse(401, "the key is not valid");
    }
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let names = body
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone());
    knows(
        names,
        &[
            "query",
            "max_results",
            "search_depth",
            "topic",
            "time_range",
            "start_date",
            "end_date",
        ],
    )?;
    let Some(words) = body["query"].as_str() else {
        return refuse(400, "query is missing");
    };
    let hit = |n| {
        json!({
            "title": format!("Page {n}"), "url": format!("https://r{n}.example/"),
            "content": format!("About {words}"), "score": 0.9,
        })
    };
    Ok(json!({ "query": words, "results": [hit(1), hit(2)], "response_time": 0.1 }))
}

fn perplexity(asked: &Asked) -> Outcome {
    if !bearer(asked) {
        return refuse(401, "the key is not valid");
    }
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let (Some(_), Some(words)) = (body["model"].as_str(), body["messages"][0]["content"].as_str()) else {
        return refuse(400, "model or messages are missing");
    };
    Ok(json!({
        "choices": [{ "message": { "role": "assistant", "content": format!("All about {words} [1].") } }],
        "citations": ["https://r1.example/"],
        "search_results": [{ "title": "Page 1", "url": "https://r1.example/", "date": "2026-01-01" }],
    }))
}

fn searxng(query: &BTreeMap<&str, &str>) -> Outcome {
    // its settings permit JSON, and it knows no other parameter here
    let names = query.keys().map(|name| (*name).to_owned());
    knows(
        names,
        &[
            "q",
            "format",
            "language",
            "time_range",
            "pageno",
            "safesearch",
            "categories",
        ],
    )?;
    let (Some(words), Some(&"json")) = (query.get("q"), query.get("format")) else {
        return refuse(403, "only format=json is served");
    };
    let hit = |n| json!({ "title": format!("Page {n}"), "url": format!("https://r{n}.example/"), "content": format!("About {words}") });
    Ok(json!({ "query": words, "results": [hit(1), hit(2)] }))
}
