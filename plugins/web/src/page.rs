//! One page: asked for address by address, read up to a bound, decoded into text.
//!
//! Invariant: each address of a chain of redirects goes to the host as untrusted, so that each is resolved and checked; a
//! chain never leaves https for http, and the operator's headers go to the first origin only.
use crate::config::Fetch;
use encoding_rs::{Encoding, UTF_8};
use openclaw_plugin_api::{FetchResponse, prelude::*};
use std::time::Duration;
use url::Url;

/// Bytes in which a page may say how it is written.
const PRESCAN: usize = 1_024;
/// Bytes that a page may say it has. It is read up to the configured bound, however much there is.
const MAX_TOLD: u64 = 1 << 30;
/// What is asked for, best first.
const ACCEPT: &str = "text/html,application/xhtml+xml;q=0.9,text/markdown;q=0.9,text/plain;q=0.8,application/json;q=0.8,*/*;q=0.1";

/// What an address gave.
#[derive(Debug)]
pub struct Page {
    /// Where it was found in the end.
    pub url: Url,
    /// Status code.
    pub status: u16,
    /// What the server says it is.
    pub kind: Kind,
    /// The text, as it was written.
    pub text: String,
    /// There is more of it.
    pub cut: bool,
}

/// What can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A page with markup.
    Html,
    /// Anything that is text as it is.
    Text,
}

/// Gets the page.
pub async fn get(host: &Host, config: &Fetch, url: Url) -> Result<Page> {
    let first = url.origin();
    let mut url = url;
    let mut hops = 0;
    loop {
        let with_headers = url.origin() == first;
        let response = ask(host, config, &url, with_headers).await?;
        let Some(next) = redirect(&response, &url)? else {
            return read(response, url, config.max_response_bytes).await;
        };
        hops += 1;
        if hops > config.max_redirects.min(3) {
            let text = format!(
                "the page leads on more than {} times; it may lead in a circle",
                hops - 1
            );
            return Err(Error::new(ErrorKind::Refused, text));
        }
        url = next;
    }
}

async fn ask(host: &Host, config: &Fetch, url: &Url, with_headers: bool) -> Result<FetchResponse> {
    let limit = Duration::from_secs(config.timeout_seconds);
    let mut request = host
        .http()
        .get(url.as_str())
        .untrusted()
        .redirects(0)
        .timeout(limit)
        .idle_timeout(Some(limit))
        .max_bytes(MAX_TOLD)
        .header("accept", ACCEPT);
    if let Some(agent) = &config.user_agent {
        request = request.header("user-agent", agent);
    }
    for (name, value) in config.headers.iter().filter(|_| with_headers) {
        request = request.header(name, value.expose());
    }
    request.send().await
}

/// Where a redirect leads. The query stays out of errors: it may hold a secret of the page's.
fn redirect(response: &FetchResponse, from: &Url) -> Result<Option<Url>> {
    if !matches!(response.status(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let refuse = |why: &str| {
        Err(Error::new(
            ErrorKind::Refused,
            format_args!("the page leads {why}"),
        ))
    };
    let Some(Ok(next)) = response.header("location").map(|to| from.join(to)) else {
        return refuse("on, but not to an address");
    };
    match (from.scheme(), next.scheme()) {
        (_, "https") | ("http", "http") => Ok(Some(next)),
        ("https", "http") => refuse("from https to http, which is not followed"),
        _ => refuse("to something that is no page of the web"),
    }
}

async fn read(mut response: FetchResponse, url: Url, limit: usize) -> Result<Page> {
    let status = response.status();
    let told = response
        .header("content-type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let (mime, charset) = content_type(&told);
    let known = kind(mime)?;
    let (mut body, mut cut) = (Vec::new(), false);
    while let Some(chunk) = response.chunk().await? {
        let room = limit - body.len();
        cut = chunk.len() > room;
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if cut {
            break;
        }
    }
    drop(response);
    let kind = match known {
        Some(kind) => kind,
        None => guess(&body)?,
    };
    let text = decode(&body, charset, kind);
    Ok(Page {
        url,
        status,
        kind,
        text,
        cut,
    })
}

fn content_type(told: &str) -> (&str, Option<&str>) {
    let (mime, parameters) = told.split_once(';').unwrap_or((told, ""));
    let charset = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("charset="))
        .map(|charset| charset.trim_matches(['"', '\'', ' ']));
    (mime.trim(), charset)
}

/// What a type is for us; `None` where the server doesn't say.
fn kind(mime: &str) -> Result<Option<Kind>> {
    let text = mime.starts_with("text/")
        || mime.ends_with("+json")
        || mime.ends_with("+xml")
        || matches!(
            mime,
            "application/json"
                | "application/ld+json"
                | "application/xml"
                | "application/javascript"
                | "application/x-ndjson"
                | "application/yaml"
                | "application/toml"
        );
    match mime {
        "" | "application/octet-stream" => Ok(None),
        "text/html" | "application/xhtml+xml" => Ok(Some(Kind::Html)),
        "application/pdf" => Err(unreadable("a PDF")),
        _ if text => Ok(Some(Kind::Text)),
        _ => Err(unreadable(&format!("of the type {}", short(mime)))),
    }
}

fn guess(body: &[u8]) -> Result<Kind> {
    let start = &body[..body.len().min(PRESCAN)];
    if start.starts_with(b"%PDF-") {
        return Err(unreadable("a PDF"));
    }
    if start.contains(&0) && Encoding::for_bom(start).is_none() {
        return Err(unreadable("no text"));
    }
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    Ok(if first == Some(&b'<') {
        Kind::Html
    } else {
        Kind::Text
    })
}

fn unreadable(what: &str) -> Error {
    let text = format!("the address gives something that is {what}; only pages and plain texts can be read");
    Error::new(ErrorKind::Unsupported, text)
}

fn short(mime: &str) -> String {
    mime.chars().take(60).collect()
}

/// A byte order mark counts most, then the server, then the page itself.
fn decode(body: &[u8], charset: Option<&str>, kind: Kind) -> String {
    let own = || (kind == Kind::Html).then(|| declared(body)).flatten();
    let encoding = charset
        .and_then(|name| Encoding::for_label(name.as_bytes()))
        .or_else(own);
    encoding.unwrap_or(UTF_8).decode(body).0.into_owned()
}

/// The encoding that a page declares in its beginning.
fn declared(body: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(&body[..body.len().min(PRESCAN)]).to_ascii_lowercase();
    let (_, rest) = start.split_once("charset=")?;
    let name = rest.trim_start_matches(['"', '\'']);
    let end = name
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | ':'))
        .unwrap_or(name.len());
    let encoding = Encoding::for_label(&name.as_bytes()[..end])?;
    // a page that was read as far as this line is not UTF-16, whatever it says
    Some(if encoding.is_ascii_compatible() {
        encoding
    } else {
        UTF_8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_as_server_or_page_says() {
        for (body, charset, kind, text) in [
            (&b"\xe4"[..], Some("iso-8859-1"), Kind::Text, "ä"),
            (b"\xef\xbb\xbfa", Some("iso-8859-1"), Kind::Text, "a"),
            (
                b"<meta charset=\"windows-1251\">\xc0",
                None,
                Kind::Html,
                "<meta charset=\"windows-1251\">А",
            ),
            (
                b"charset=windows-1251 \xc0",
                None,
                Kind::Text,
                "charset=windows-1251 \u{fffd}",
            ),
            (
                b"<meta charset=utf-16>x",
                None,
                Kind::Html,
                "<meta charset=utf-16>x",
            ),
        ] {
            assert_eq!(decode(body, charset, kind), text);
        }
    }

    #[test]
    fn what_is_no_text_is_refused_by_name() {
        for (mime, words) in [
            ("application/pdf", "a PDF"),
            ("image/png", "image/png"),
            ("audio/ogg", "audio/ogg"),
        ] {
            assert!(kind(mime).expect_err("refused").to_string().contains(words));
        }
        assert_eq!(guess(b" \n<!doctype html>").expect("a page"), Kind::Html);
        assert_eq!(guess(b"plain").expect("a text"), Kind::Text);
        for body in [&b"%PDF-1.7"[..], b"\x7fELF\0\0"] {
            guess(body).expect_err("refused");
        }
    }
}
