//! The gateway's page for browsers, at `/` or below `gateway.controlUi.basePath`.
//!
//! It only serves files: the page speaks the gateway's WebSocket protocol like every other client, and this plugin gives
//! it no right. Invariants: every answer carries the policy that lets no foreign or inline script run; nothing here
//! depends on who asks; a path that is no file and no page is not found.
mod files;
mod policy;

use openclaw_plugin_api::{Answer, HttpCall, Route, RouteAuth, prelude::*};

/// Everything that no other route has.
const EVERYTHING: &str = "/";

/// First folders of paths that programs ask for; they get no page.
const OF_PROGRAMS: [&str; 5] = ["/api/", "/v1/", "/plugins/", "/hooks/", "/tools/"];

/// The page.
struct ControlUi;

impl HttpRoutes for ControlUi {
    fn routes(&self) -> Vec<Route> {
        vec![Route {
            path: EVERYTHING.into(),
            prefix: true,
            auth: RouteAuth::Public,
            ..Route::default()
        }]
    }

    async fn handle(&self, call: HttpCall, answer: Answer) -> Result<()> {
        let reply = reply(&call);
        let mut headers = policy::HEADERS.to_vec();
        headers.extend(reply.headers.iter().map(|(name, value)| (*name, value.as_str())));
        let mut out = answer.start(reply.status, &headers).await?;
        // the answer to HEAD has the head of the answer to GET, and no body
        if call.method != "HEAD" && !reply.body.is_empty() {
            out.write(&reply.body).await?;
        }
        Ok(())
    }
}

/// An answer before it is sent.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

fn reply(call: &HttpCall) -> Reply {
    let path = call.path.as_str();
    if OF_PROGRAMS.iter().any(|folder| path.starts_with(folder)) {
        return Reply::text(404, "not found\n");
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.contains('.') {
        return match files::find(path) {
            Some(file) => Reply::file(call, &file),
            None => Reply::text(404, "not found\n"),
        };
    }
    match files::index() {
        Some(file) => Reply::file(call, &file),
        None => Reply::page(files::UNBUILT),
    }
}

impl Reply {
    fn text(status: u16, text: &str) -> Self {
        let headers = vec![("content-type", "text/plain; charset=utf-8".to_owned())];
        Self {
            status,
            headers,
            body: text.as_bytes().to_vec(),
        }
    }

    fn page(html: &str) -> Self {
        let headers = vec![
            ("content-type", "text/html; charset=utf-8".to_owned()),
            ("cache-control", "no-cache".to_owned()),
        ];
        Self {
            status: 200,
            headers,
            body: html.as_bytes().to_vec(),
        }
    }

    fn file(call: &HttpCall, file: &files::File) -> Self {
        let mut headers = vec![
            ("etag", file.etag.clone()),
            ("cache-control", file.caching.to_owned()),
            ("vary", "accept-encoding".to_owned()),
        ];
        if call
            .header("if-none-match")
            .is_some_and(|known| matches(known, &file.etag))
        {
            return Self {
                status: 304,
                headers,
                body: Vec::new(),
            };
        }
        headers.push(("content-type", file.media_type.to_owned()));
        let body = if accepts_gzip(call.header("accept-encoding").unwrap_or_default()) {
            headers.push(("content-encoding", "gzip".to_owned()));
            file.packed.to_vec()
        } else {
            file.unpacked()
        };
        Self {
            status: 200,
            headers,
            body,
        }
    }
}

/// Is this tag among those that the browser knows? The comparison is the weak one, as for every `If-None-Match`.
fn matches(known: &str, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known
        .split(',')
        .any(|tag| tag.trim() == "*" || bare(tag) == bare(etag))
}

fn accepts_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|part| {
            matches!(
                part.replace(' ', "").as_str(),
                "q=0" | "q=0.0" | "q=0.00" | "q=0.000"
            )
        });
        (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
    })
}

export_plugin!(
    Declaration::new("control-ui", "Control UI")
        .routes(&[EVERYTHING])
        .default_enabled(),
    |api| {
        api.http(ControlUi);
        Ok(())
    }
);

#[cfg(test)]
mod tests;
