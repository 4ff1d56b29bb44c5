//! The readable part of a page as Markdown or plain text, by a port of Mozilla's Readability.
//!
//! It computes for as long as a page is large, so it has a thread of its own, and only so many at once. Invariant: a page
//! that nests deeper or has more elements than any that people write is refused, not walked.
mod nesting;

use futures_channel::oneshot;
use legible::Options;
use openclaw_plugin_api::prelude::*;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};
use url::Url;

/// Pages that are worked on at once.
const MAX_AT_ONCE: usize = 4;
/// Elements of a page. Mozilla's own bound is off; this one is far above any page that people read.
const MAX_ELEMENTS: usize = 100_000;
/// Stack of the thread. Bytes.
const STACK: usize = 8 << 20;
/// Time for one page.
const LIMIT: Duration = Duration::from_secs(20);

/// Works on pages, a few at once.
#[derive(Debug, Clone, Default)]
pub struct Extractor {
    running: Arc<AtomicUsize>,
}

/// What is worth reading of a page.
#[derive(Debug, Clone, Default)]
pub struct Readable {
    /// Its title; empty if it has none.
    pub title: String,
    /// Markdown.
    pub markdown: String,
    /// Plain text.
    pub text: String,
}

/// Gives the place back, whatever happens to the thread.
struct Place(Arc<AtomicUsize>);

// === impl Extractor ===

impl Extractor {
    /// The readable part of a page that was found at this address.
    pub async fn extract(&self, host: &Host, html: String, url: &Url) -> Result<Readable> {
        if self.running.fetch_add(1, Ordering::AcqRel) >= MAX_AT_ONCE {
            self.running.fetch_sub(1, Ordering::AcqRel);
            let text = "several pages are being read already; try again in a moment";
            return Err(Error::new(ErrorKind::Overloaded, text));
        }
        let place = Place(self.running.clone());
        let (done, outcome) = oneshot::channel();
        let url = url.to_string();
        thread::Builder::new()
            .name("oc-web".into())
            .stack_size(STACK)
            .spawn(move || {
                let _place = place;
                let _ = done.send(readable(&html, &url));
            })?;
        match host.timeout(LIMIT, outcome).await? {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::new(
                ErrorKind::Internal,
                "the page could not be read: its markup is broken",
            )),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn readable(html: &str, url: &str) -> Result<Readable> {
    if nesting::is_too_deep(html) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the page can't be read: it nests deeper than pages do",
        ));
    }
    let options = Options::new().max_elems_to_parse(MAX_ELEMENTS);
    match legible::parse(html, Some(url), Some(options)) {
        Ok(article) => Ok(Readable {
            title: article.title,
            markdown: article.markdown_content,
            text: article.text_content,
        }),
        Err(legible::Error::NoContent | legible::Error::NoBody) => Ok(Readable::default()),
        Err(error) => Err(Error::new(
            ErrorKind::Unsupported,
            format_args!("the page can't be read: {error}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://x.example/a/b";

    #[test]
    fn navigation_and_scripts_are_left_out_and_links_are_whole() {
        let paragraph =
            "Sentences that somebody wrote to be read, one after another, with commas. ".repeat(8);
        let html = format!(
            "<html><head><title>Title here</title><script>evil()</script></head><body>\
             <nav><a href=/n>NAVIGATION</a></nav><article><h1>Title here</h1><p>{paragraph}</p>\
             <p>{paragraph}<a href=\"c\">a link</a> <a href=\"javascript:x\">bad</a></p></article></body></html>"
        );
        let read = readable(&html, URL).expect("readable");
        assert_eq!(read.title, "Title here");
        assert!(
            read.markdown.contains("(https://x.example/a/c)"),
            "{}",
            read.markdown
        );
        for absent in ["NAVIGATION", "evil", "javascript:"] {
            assert!(!read.markdown.contains(absent), "{absent}: {}", read.markdown);
        }
    }

    #[test]
    fn pages_made_to_hurt_are_refused_and_nothing_overflows() {
        let thread = |html: String| {
            let work = move || readable(&html, URL).map(|read| read.text.len());
            let thread = thread::Builder::new()
                .stack_size(STACK)
                .spawn(work)
                .expect("a thread");
            thread.join().expect("it doesn't panic")
        };
        for deep in ["<div>", "<b>", "<tr><td><table>", "<div></b>"] {
            thread(deep.repeat(20_000)).expect_err(deep);
        }
        thread("<p>x".repeat(MAX_ELEMENTS / 10)).expect("many paragraphs");
        thread("<div>".repeat(500)).expect("as deep as browsers go");
        assert_eq!(thread("<html><body></body></html>".into()).expect("empty"), 0);
    }
}
