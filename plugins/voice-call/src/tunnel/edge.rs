//! The tunnel of ngrok against a stand-in for ngrok's edge.
use super::*;
use openclaw_fakes::ngrok::Edge;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc as queue,
};

fn tunnel(edge: &Edge, domain: Option<&str>) -> Ngrok {
    Ngrok::new(Secret::new("token-of-the-test"), domain.map(str::to_owned))
        .at(Some(edge.address()), Some(edge.authorities()))
}

#[tokio::test]
async fn a_visitor_reaches_the_local_listener_and_a_broken_session_ends() {
    let edge = Edge::start("random.ngrok.app").await.unwrap();
    let local = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = local.local_addr().unwrap().to_string();
    let tunnel = tunnel(&edge, Some("example.ngrok.app"));
    let (sender, mut told) = queue::channel(16);
    let up = Box::new(move |url: Url| sender.try_send(url.to_string()).unwrap());
    let running = tokio::spawn(tunnel.run(&address, up));
    assert_eq!(told.recv().await.as_deref(), Some("https://example.ngrok.app/"));
    let serving = async {
        let (mut tcp, _) = local.accept().await.unwrap();
        let mut asked = [0; 3];
        tcp.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"ask");
        tcp.write_all(b"ok").await.unwrap();
    };
    let (answer, ()) = tokio::join!(edge.visit(b"ask"), serving);
    assert_eq!(answer, b"ok");
    let seen = edge.seen();
    assert_eq!(seen[0]["Extra"]["AuthToken"], "token-of-the-test");
    assert_eq!(
        seen[1]["ForwardsTo"], FORWARDS_TO,
        "nothing of this machine is told"
    );
    let all = serde_json::to_string(&seen).unwrap();
    assert!(!all.contains(env!("CARGO_MANIFEST_DIR")), "{all}");
    edge.cut().await;
    let error = running.await.unwrap();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
}

#[tokio::test]
async fn what_ngrok_refuses_is_told_with_a_way_on_and_without_the_token() {
    let edge = Edge::start("random.ngrok.app").await.unwrap();
    edge.refuse("The endpoint is already online.\n\nERR_NGROK_334\n");
    let error = tunnel(&edge, None).run("127.0.0.1:1", Box::new(|_| {})).await;
    assert!(
        error.message().contains("ERR_NGROK_334") && error.message().contains("in use"),
        "{error}"
    );
    assert!(!error.message().contains("token-of-the-test"));
    let nobody = tunnel(&edge, None).at(Some("localhost:1"), Some(edge.authorities()));
    let error = nobody.run("127.0.0.1:1", Box::new(|_| {})).await;
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
}
