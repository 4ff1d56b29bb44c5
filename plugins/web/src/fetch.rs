//! `web_fetch`: the readable part of one page.
use crate::{cache::Cache, config::Fetch, extract::Extractor, page, page::Kind};
use openclaw_plugin_api::{prelude::*, untrusted};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use url::Url;

/// The tool.
pub struct WebFetch {
    host: Host,
    config: Fetch,
    extractor: Extractor,
    pages: Cache<Found>,
}

/// What to fetch.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Args {
    /// Address of the page, http or https.
    url: String,
    /// Markdown by default.
    #[serde(default)]
    extract_mode: Mode,
    /// Characters to give at most.
    #[serde(default)]
    #[schemars(range(min = 100))]
    max_chars: Option<usize>,
}

/// How the page is given.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Markdown,
    Text,
}

/// A page as it is remembered.
#[derive(Debug, Default)]
struct Found {
    url: String,
    status: u16,
    title: String,
    text: String,
    cut: bool,
}

impl WebFetch {
    /// The tool with these settings.
    pub fn new(host: Host, config: Fetch) -> Self {
        Self {
            host,
            extractor: Extractor::default(),
            pages: Cache::new(config.cache_ttl_minutes),
            config,
        }
    }

    async fn find(&self, url: Url, mode: Mode) -> Result<Arc<Found>> {
        let key = format!("{mode:?} {url}");
        if let Some(found) = self.pages.get(&key, Instant::now()) {
            return Ok(found);
        }
        let limit = Duration::from_secs(self.config.timeout_seconds);
        let page = self
            .host
            .timeout(limit, page::get(&self.host, &self.config, url))
            .await??;
        let mut found = Found {
            url: page.url.to_string(),
            status: page.status,
            cut: page.cut,
            ..Found::default()
        };
        match page.kind {
            Kind::Text => found.text = page.text,
            Kind::Html => {
                let read = self.extractor.extract(&self.host, page.text, &page.url).await?;
                found.title = read.title;
                found.text = match mode {
                    Mode::Markdown => read.markdown,
                    Mode::Text => read.text,
                };
            }
        }
        if !(200..300).contains(&found.status) {
            return Ok(Arc::new(found));
        }
        let bytes = found.text.len() + found.url.len() + found.title.len() + key.len();
        Ok(self.pages.put(key, found, bytes, Instant::now()))
    }
}

impl Tool for WebFetch {
    const NAME: &'static str = "web_fetch";
    const DESCRIPTION: &'static str =
        "Reads one page of the web and gives its main text. No scripts run, nothing is logged in.";
    const IDEMPOTENT: bool = true;
    const SIDE_EFFECTS: bool = false;
    type Args = Args;

    async fn invoke(&self, args: Args, _: ToolContext) -> Result<ToolOutput> {
        if !self.config.enabled {
            let text =
                "web_fetch is switched off; the operator can switch it on with tools.web.fetch.enabled";
            return Err(Error::new(ErrorKind::Refused, text));
        }
        let mut url = Url::parse(args.url.trim()).map_err(|e| {
            Error::invalid(format_args!(
                "the url is none: {e}; give a whole one, such as https://example.org/page"
            ))
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::invalid(
                "only addresses with http:// or https:// can be read",
            ));
        }
        url.set_fragment(None);
        let found = self.find(url, args.extract_mode).await?;
        let most = self.config.max_chars_cap;
        Ok(show(
            &found,
            args.max_chars.unwrap_or(self.config.max_chars).min(most),
            most,
        ))
    }
}

/// What the model sees: marks around what the page says, and outside of them what we say.
fn show(found: &Found, chars: usize, most: usize) -> ToolOutput {
    let whole = found.text.trim();
    let end = whole
        .char_indices()
        .nth(chars)
        .map_or(whole.len(), |(end, _)| end);
    let (text, cut) = (&whole[..end], end < whole.len());
    let failed = !(200..300).contains(&found.status);
    let body = match (found.title.is_empty(), text.is_empty()) {
        (true, _) => text.to_owned(),
        (false, _) => format!("# {}\n\n{text}", found.title),
    };
    let mut shown = String::new();
    if failed {
        shown = format!("the server answered with status {}\n", found.status);
    }
    shown += &match text.is_empty() {
        true => format!(
            "{} has no text that can be read; it may be made by scripts",
            found.url
        ),
        false => untrusted(&found.url, &body),
    };
    if cut {
        let total = whole.chars().count();
        shown += &format!("\nThese are {chars} of {total} characters; maxChars can be up to {most}.");
    } else if found.cut {
        shown += "\nThe page is longer than what is read of a page; this is its beginning.";
    }
    let details = json!({
        "url": found.url, "status": found.status, "title": found.title, "length": text.len(),
        "truncated": cut || found.cut,
    });
    ToolOutput {
        content: vec![Content::text(shown)],
        details,
        is_error: failed,
    }
}
