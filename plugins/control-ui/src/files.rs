//! The files of the page: found by name, with what a browser is told about each.
//!
//! They are kept compressed, as most browsers ask for them. Invariant: a name with a hash in it never changes its
//! content, so it may be kept for ever; every other file is asked for anew.
use flate2::read::GzDecoder;
use rust_embed::{EmbeddedFile, RustEmbed};
use std::{borrow::Cow, fmt::Write as _, io::Read as _};

/// What the web build has made, each file with `.gz` after its name.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/page"]
struct Page;

/// The folder whose files carry a hash in their names.
const HASHED: &str = "assets/";
/// A hashed file is the same for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Any other is asked for anew, and mostly answered with 304.
const ASK_AGAIN: &str = "no-cache";

/// Answered where there has been no web build.
pub(crate) const UNBUILT: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\"><title>OpenClaw</title></head><body><main>\
    <h1>The gateway runs; its page is not built</h1>\
    <p>This copy was compiled on a machine without Node. Install Node 20.19 or newer, then run \
    <code>cargo xtask run</code> (or <code>npm ci &amp;&amp; npm run build</code> in \
    <code>plugins/control-ui/web</code> and build the plugin again).</p>\
    <p>Everything works without the page: <code>openclaw status</code>, <code>openclaw agent --message \"Hello\"</code>, \
    <code>openclaw --help</code>.</p></main></body></html>\n";

/// One file.
pub(crate) struct File {
    /// Compressed.
    pub(crate) packed: Cow<'static, [u8]>,
    /// What it is.
    pub(crate) media_type: &'static str,
    /// Changes with the content.
    pub(crate) etag: String,
    /// How long it may be kept.
    pub(crate) caching: &'static str,
}

impl File {
    /// As it was before it was compressed.
    pub(crate) fn unpacked(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        GzDecoder::new(&*self.packed)
            .read_to_end(&mut bytes)
            .expect("the build script has compressed it");
        bytes
    }
}

/// The page itself; `None` if it is not built.
pub(crate) fn index() -> Option<File> {
    load("index.html")
}

/// The file of a path. The page asks relative to where it was opened, which may be below any folder: only the end counts.
pub(crate) fn find(path: &str) -> Option<File> {
    let name = match path.rfind("/assets/") {
        Some(at) => &path[at + 1..],
        None => path.rsplit('/').next()?,
    };
    load(name)
}

fn load(name: &str) -> Option<File> {
    let EmbeddedFile { data, metadata } = Page::get(&format!("{name}.gz"))?;
    let mut etag = String::from("W/\"");
    for byte in &metadata.sha256_hash()[..16] {
        write!(etag, "{byte:02x}").expect("a String takes every write");
    }
    etag.push('"');
    Some(File {
        packed: data,
        media_type: media_type(name),
        etag,
        caching: if name.starts_with(HASHED) {
            FOR_EVER
        } else {
            ASK_AGAIN
        },
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Names of everything, for tests.
#[cfg(test)]
pub(crate) fn names() -> Vec<String> {
    Page::iter()
        .map(|name| name.trim_end_matches(".gz").to_owned())
        .collect()
}
