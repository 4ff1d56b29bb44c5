//! What the address guard stops, end to end: a canary on loopback must see no connection.

use super::{FakeDns, Server, anywhere, client, client_with, get};
use crate::http::dns::{Lookup, LookupError, Reach};
use crate::http::{AddressClass, Client, Denial, Error, Origin, websocket};

/// Ways to write an address that is not public, or a URL that is not acceptable. `{port}` is the canary's.
const HOSTILE: &[&str] = &[
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::]:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b:1::127.0.0.1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:7f00:1::]:{port}/",
    "http://[fd00::1]:{port}/",
    "http://[fe80::1]:{port}/",
    "http://１２７.０.０.１:{port}/",
    "http://127。0。0。1:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}\\",
    "http:127.0.0.1:{port}",
    "http://\t127.0.0.1:{port}/",
    "http://example.org@127.0.0.1:{port}/",
    "http://user:pass@example.org:{port}/",
    "http://127.0.0.1:{port}#@example.org/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://a.localhost:{port}/",
    "http://ｌocalhost:{port}/",
    "http://printer.local:{port}/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://metadata.google.internal./",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://10.0.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://example..org/",
    "http://./",
    "http://example.org:25/",
    "http://example.org:6667/",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/",
    "data:text/plain,hello",
    "//127.0.0.1:{port}/",
    "http://",
];

async fn fetch(client: &Client, allow_private: bool, url: impl Into<String>) -> Result<u16, Error> {
    let response = client
        .send(&anywhere(allow_private), get(url, Origin::Untrusted))
        .await?;
    Ok(response.status())
}

#[tokio::test]
async fn no_notation_leads_an_untrusted_url_inside() {
    let canary = Server::canary().await;
    // whatever is left to the resolver would reach the canary
    let client = client_with(FakeDns::answering(&[&["127.0.0.1"]]));
    for hostile in HOSTILE {
        let url = hostile.replace("{port}", &canary.address.port().to_string());
        let error = fetch(&client, false, url.clone()).await.expect_err(&url);
        assert!(
            matches!(error, Error::Guard { .. } | Error::InvalidUrl { .. }),
            "{url}: {error:?}"
        );
        let socket = url.replacen("http:", "ws:", 1);
        let error = client
            .websocket(
                &anywhere(false),
                websocket::Connect::new(socket, Origin::Untrusted),
            )
            .await;
        let error = error.expect_err(&url);
        assert!(
            matches!(error, Error::Guard { .. } | Error::InvalidUrl { .. }),
            "{url}: {error:?}"
        );
    }
    assert_eq!(canary.connections(), 0);
    assert_eq!(
        fetch(&client, true, canary.url("/")).await,
        Ok(200),
        "the canary works"
    );
}

#[tokio::test]
async fn one_private_address_spoils_the_answer() {
    let canary = Server::canary().await;
    let url = format!("http://rebind.example.org:{}/", canary.address.port());
    for answer in [
        &["127.0.0.1"][..],
        &["8.8.8.8", "127.0.0.1"],
        &["::ffff:127.0.0.1"],
        &["8.8.8.8", "fe80::1"],
    ] {
        let client = client_with(FakeDns::answering(&[answer]));
        let error = fetch(&client, false, url.clone()).await.expect_err("guarded");
        assert!(
            matches!(
                error,
                Error::Guard {
                    denial: Denial::Address(_),
                    ..
                }
            ),
            "{error:?}"
        );
        let connect = websocket::Connect::new(url.replacen("http", "ws", 1), Origin::Untrusted);
        let error = client
            .websocket(&anywhere(false), connect)
            .await
            .expect_err("guarded");
        assert!(
            matches!(
                error,
                Error::Guard {
                    denial: Denial::Address(_),
                    ..
                }
            ),
            "{error:?}"
        );
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_rebinding_name_is_checked_where_it_is_used() {
    let dns = FakeDns::answering(&[&["8.8.8.8"], &["127.0.0.1"]]);
    let lookup = Lookup::new(dns.clone(), Reach::Public);
    assert_eq!(
        lookup.addresses("rebind.example.org").await.expect("public"),
        ["8.8.8.8".parse::<std::net::IpAddr>().expect("an address")]
    );
    let error = lookup.addresses("rebind.example.org").await.expect_err("private");
    assert!(
        matches!(
            error,
            LookupError::Denied(Denial::Address(AddressClass::Loopback))
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_connection_asks_the_resolver_once_and_a_redirect_asks_again() {
    let canary = Server::canary().await;
    let port = canary.address.port();
    let first = Server::redirecting(302, &format!("http://rebind.example.org:{port}/")).await;
    // with private networks permitted, loopback stands for "public" here and the metadata address for "private"
    let dns = FakeDns::answering(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let client = client_with(dns.clone());
    let url = format!("http://rebind.example.org:{}/", first.address.port());
    let error = fetch(&client, true, url)
        .await
        .expect_err("the second answer is refused");
    assert!(
        matches!(
            error,
            Error::Guard {
                denial: Denial::Address(AddressClass::LinkLocal),
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(
        (dns.asked(), first.connections(), canary.connections()),
        (2, 1, 0)
    );
}

#[tokio::test]
async fn a_trusted_url_that_redirects_elsewhere_is_guarded_unless_named() {
    let canary = Server::canary().await;
    let first = Server::redirecting(302, &canary.url("/")).await;
    let error = client()
        .send(&anywhere(false), get(first.url("/"), Origin::Trusted))
        .await
        .expect_err("guarded");
    assert!(matches!(error, Error::Guard { .. }), "{error:?}");
    assert_eq!(canary.connections(), 0);
    let named =
        std::sync::Arc::new(crate::http::Egress::new("test", ["127.0.0.1"], false).expect("patterns"));
    let response = client()
        .send(&named, get(first.url("/"), Origin::Trusted))
        .await
        .expect("named");
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn every_redirect_passes_the_policy() {
    let canary = Server::canary().await;
    let first = Server::redirecting(307, &canary.url("/")).await;
    let only_first =
        crate::http::Egress::new("test", [first.address.to_string().as_str()], false).expect("patterns");
    let error = client()
        .send(&only_first.into(), get(first.url("/"), Origin::Trusted))
        .await
        .expect_err("refused");
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn untrusted_urls_do_not_pass_a_proxy_unchecked() {
    let proxy = Server::canary().await;
    let mut request = get("http://example.org/", Origin::Untrusted);
    request.proxy = Some(crate::http::Proxy::parse(&proxy.url("")).expect("a proxy"));
    let error = client()
        .send(&anywhere(false), request)
        .await
        .expect_err("guarded");
    assert!(
        matches!(
            error,
            Error::Guard {
                denial: Denial::Proxied,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(proxy.connections(), 0);
}
