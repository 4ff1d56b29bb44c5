//! Pages and searches through the real program: nothing inside is reached, and nothing that comes back hurts.
use openclaw_e2e::running::{Home, Running};
use openclaw_fakes::search::Search;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A gateway whose model asks for whatever tool a message names.
struct World {
    home: Home,
    gateway: Running,
}

impl World {
    async fn new(config: Value) -> Self {
        let home = Home::new(&["demo", "web"]);
        home.configure(&config);
        let gateway = home.start().await;
        Self { home, gateway }
    }

    /// What the model says when it has the tool's answer.
    async fn tool(&self, name: &str, arguments: Value) -> String {
        let message = format!("/tool {name} {arguments}");
        let port = self.gateway.port.clone();
        let answer = self
            .home
            .json(&["agent", "--port", &port, "--json", "-m", &message])
            .await;
        let text = answer["result"]["payloads"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("no text: {answer:#}")).to_owned()
    }

    async fn fetch(&self, url: &str) -> String {
        self.tool("web_fetch", json!({ "url": url })).await
    }
}

/// Listens on loopback and answers each connection with what `write` writes; counts connections.
fn listen(write: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (count, counted) = (Arc::<AtomicUsize>::default(), write);
    let (seen, write) = (count.clone(), Arc::new(counted));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            seen.fetch_add(1, Ordering::SeqCst);
            let write = write.clone();
            std::thread::spawn(move || {
                let mut head = [0; 4096];
                let n = stream.read(&mut head).unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..n]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                write(&path, &mut stream);
            });
        }
    });
    (port, count)
}

#[tokio::test]
async fn no_notation_of_an_address_leads_inside() {
    let (port, connections) = listen(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ncanary");
    });
    let world = World::new(json!({})).await;
    let inside = [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[::127.0.0.1]",
        "user@127.0.0.1",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "metadata.google.internal",
        "x.localhost",
    ];
    for host in inside {
        let said = world.fetch(&format!("http://{host}:{port}/")).await;
        assert!(said.starts_with("web_fetch failed:"), "{host}: {said}");
        assert!(!said.contains("canary"), "{host}: {said}");
    }
    for url in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "data:text/plain,x",
        "//127.0.0.1/",
    ] {
        let said = world.fetch(url).await;
        assert!(said.starts_with("web_fetch failed:"), "{url}: {said}");
    }
    assert_eq!(
        connections.load(Ordering::SeqCst),
        0,
        "somebody reached the inside"
    );
}

/// Bodies that are made to hurt, by path.
fn hostile(path: &str, stream: &mut TcpStream) {
    let mut head = |status: &str, headers: &str| {
        let _ =
            stream.write_all(format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n").as_bytes());
    };
    match path {
        "/page" => {
            let words =
                "Sentences that somebody wrote to be read, one after another, with commas. ".repeat(10);
            let body =
                format!("<title>Well</title><nav>MENU</nav><article><p>{words}</p><p>{words}</p></article>");
            head(
                "200 OK",
                &format!("content-type: text/html\r\ncontent-length: {}\r\n", body.len()),
            );
            let _ = stream.write_all(body.as_bytes());
        }
        "/metadata" => head(
            "302 Found",
            "location: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n",
        ),
        "/endless" => {
            head("200 OK", "content-type: text/plain\r\n");
            while stream.write_all(&[b'x'; 8192]).is_ok() {}
        }
        "/long" => {
            head(
                "200 OK",
                "content-type: text/plain\r\ncontent-length: 9000000\r\n",
            );
            let _ = stream.write_all(&[b'x'; 9_000_000]);
        }
        "/bomb" => {
            head("200 OK", "content-type: text/plain\r\ncontent-encoding: gzip\r\n");
            // an endless row of members, each a MiB of zeros
            while stream.write_all(&bomb()).is_ok() {}
        }
        "/liar" => {
            head(
                "200 OK",
                "content-type: text/plain\r\ncontent-length: 99999999999\r\n",
            );
            let _ = stream.write_all(b"short");
        }
        "/short" => {
            head("200 OK", "content-type: text/plain\r\ncontent-length: 1000\r\n");
            let _ = stream.write_all(b"short");
        }
        _ => {
            head("200 OK", "content-type: text/plain\r\n");
            let _ = stream.write_all(b"drip");
            // until the other side has enough
            let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
            let _ = stream.read(&mut [0]);
        }
    }
}

/// A stored block of deflate can't grow; this is made by the system's own tool once.
fn bomb() -> Vec<u8> {
    use std::{
        io::Read as _,
        process::{Command, Stdio},
    };
    let zeros = Command::new("head")
        .args(["-c", "1048576", "/dev/zero"])
        .stdout(Stdio::piped())
        .spawn();
    let zeros = zeros.expect("head runs").stdout.take().expect("piped");
    let mut packed = Vec::new();
    let gzip = Command::new("gzip")
        .arg("-c")
        .stdin(zeros)
        .stdout(Stdio::piped())
        .spawn();
    gzip.expect("gzip runs")
        .stdout
        .take()
        .expect("piped")
        .read_to_end(&mut packed)
        .expect("packed");
    packed
}

#[tokio::test]
async fn bodies_made_to_hurt_are_cut_or_refused() {
    let (port, _) = listen(hostile);
    let world = World::new(json!({
        "plugins": { "entries": { "web": { "permissions": { "privateNetwork": true } } } },
        "tools": { "web": { "fetch": { "timeoutSeconds": 3, "maxResponseBytes": 100_000, "maxChars": 1_000 } } },
    }))
    .await;
    let url = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    let said = world.fetch(&url("page")).await;
    assert!(
        said.contains("# Well") && said.contains("untrusted content") && !said.contains("MENU"),
        "{said}"
    );
    for path in ["endless", "long"] {
        let said = world.fetch(&url(path)).await;
        assert!(said.contains("1000 of 100000"), "{path}: {said}");
    }
    let said = world.fetch(&url("bomb")).await;
    assert!(
        said.contains("1000 of 100000") || said.contains("can be read"),
        "bomb: {said}"
    );
    for path in ["liar", "short", "drip", "metadata"] {
        let said = world.fetch(&url(path)).await;
        assert!(said.starts_with("web_fetch failed:"), "{path}: {said}");
    }
}

#[tokio::test]
async fn every_service_is_searched_with_its_key_and_no_key_is_said() {
    let search = Search::start().await.expect("a port");
    for name in ["brave", "tavily", "perplexity", "searxng"] {
        let mut service = json!({ "baseUrl": search.base_url(name) });
        if name != "searxng" {
            service["apiKey"] = Search::KEY.into();
        }
        let world =
            World::new(json!({ "tools": { "web": { "search": { "provider": name, name: service } } } }))
                .await;
        let arguments = json!({ "query": "rust ferris", "count": 1, "country": "de", "freshness": "week" });
        let said = world.tool("web_search", arguments).await;
        assert!(
            said.contains("https://r1.example/") && !said.contains("r2.example"),
            "{name}: {said}"
        );
        assert!(said.contains(&format!("a search with {name}")), "{name}: {said}");
        let (_, log) = world.gateway.stop().await;
        assert!(!log.contains(Search::KEY), "{name}: a key is logged:\n{log}");
    }
    let asked = search.server.asked();
    assert_eq!(asked.len(), 4, "{asked:?}");
}
