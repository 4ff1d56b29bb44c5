//! What browsers get, by path and header. Tests of the page's own files run where the page is built; the rest everywhere.
use super::*;

fn call(path: &str, headers: &[(&str, &str)]) -> HttpCall {
    HttpCall {
        method: "GET".into(),
        path: path.into(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        ..HttpCall::default()
    }
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    let found = reply.headers.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, value)| value.as_str())
}

#[test]
fn pages_are_for_people_and_not_found_is_for_programs() {
    for path in ["/", "/ui/", "/chat/main", "/settings"] {
        let reply = reply(&call(path, &[]));
        assert_eq!(
            (reply.status, header(&reply, "content-type")),
            (200, "text/html; charset=utf-8"),
            "{path}"
        );
    }
    for path in [
        "/api/x",
        "/v1/models",
        "/plugins/x",
        "/hooks/x",
        "/nothing.js",
        "/assets/../index.htm",
        "/.env",
    ] {
        let reply = reply(&call(path, &[]));
        assert_eq!(
            (reply.status, reply.body.as_slice()),
            (404, &b"not found\n"[..]),
            "{path}"
        );
    }
}

#[test]
fn what_has_a_hash_is_kept_and_the_page_is_asked_for_again() {
    for name in files::names() {
        let path = format!("/below/{name}");
        let first = reply(&call(&path, &[("accept-encoding", "gzip, br")]));
        assert_eq!(
            (first.status, header(&first, "content-encoding")),
            (200, "gzip"),
            "{path}"
        );
        let hashed = name.starts_with("assets/");
        assert_eq!(
            header(&first, "cache-control").contains("immutable"),
            hashed,
            "{path}"
        );
        let again = reply(&call(&path, &[("if-none-match", header(&first, "etag"))]));
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        let plain = reply(&call(&path, &[("accept-encoding", "gzip;q=0")]));
        assert_eq!(header(&plain, "content-encoding"), "", "{path}");
        assert_ne!(plain.body, first.body, "{path}");
    }
}

#[test]
fn the_page_brings_no_script_of_its_own_and_asks_nobody_else() {
    let Some(index) = files::index() else {
        return; // there is no web build: the other tests hold
    };
    let html = String::from_utf8(index.unpacked()).expect("text");
    assert!(!html.contains("http"), "an address of somebody else: {html}");
    for inline in [" onload=", " onclick=", " style=", "<style", "javascript:"] {
        assert!(!html.contains(inline), "{inline} in {html}");
    }
    for script in html.split("<script").skip(1) {
        let script = script.split("</script>").next().unwrap_or_default();
        assert!(
            script.contains("src=") && script.trim_end().ends_with('>'),
            "an inline script: {script}"
        );
    }
}

#[test]
fn codings_are_read_as_they_are_written() {
    for (accepted, gzip) in [
        ("gzip", true),
        ("br, GZIP", true),
        ("*", true),
        ("gzip;q=0.5", true),
        ("", false),
        ("br", false),
        ("gzip; q=0", false),
    ] {
        assert_eq!(accepts_gzip(accepted), gzip, "{accepted}");
    }
}

#[test]
fn the_policy_is_the_strict_one() {
    let policy = policy::HEADERS
        .iter()
        .find(|(name, _)| *name == "content-security-policy");
    let policy = policy.expect("there is one").1;
    for part in [
        "default-src 'self'",
        "script-src 'self';",
        "style-src 'self';",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{part}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
}
