//! WebSockets on plugins' routes, with a client that others wrote.
use super::*;
use crate::gateway::{Offer, Routes};
use openclaw_plugin_api::{Error, ErrorKind, HttpCall, Route, RouteAuth, Sink, Source, WsClose, WsMessage};
use std::{sync::Mutex, time::Duration};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{
    self,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

type Client = WebSocketStream<TcpStream>;
type Outcome = Result<(), Error>;

/// A plugin that echoes, and notes how its sockets end.
pub(super) struct Echo {
    ends: mpsc::Sender<String>,
    pub(super) opened: Mutex<Vec<HttpCall>>,
}

impl Routes for Echo {
    fn revision(&self) -> u64 {
        1
    }

    fn offers(&self) -> Vec<Offer> {
        let route = |path: &str, auth, check_head| Offer {
            plugin: "echo".into(),
            path: path.into(),
            declared: path.into(),
            route: Some(Route {
                path: path.into(),
                prefix: path == "/signed",
                methods: vec!["POST".into()],
                auth,
                check_head,
                websocket: true,
                max_body_bytes: 64,
                ..Route::default()
            }),
        };
        vec![
            route("/signed", RouteAuth::Signature, true),
            route("/unchecked", RouteAuth::Signature, false),
            route("/anybody", RouteAuth::Public, true),
            route("/mine", RouteAuth::Gateway, false),
        ]
    }

    fn check(&self, _: &Offer, head: HttpCall, _: Duration) -> BoxFuture<'static, Outcome> {
        let right = head.path.ends_with("ticket");
        let refused = || Error::new(ErrorKind::Auth, "a stranger");
        async move { right.then_some(()).ok_or_else(refused) }.boxed()
    }

    fn handle(&self, _: &Offer, _: HttpCall, _: Sink) -> BoxFuture<'static, Outcome> {
        async { Err(Error::new(ErrorKind::NotFound, "only sockets")) }.boxed()
    }

    fn websocket(
        &self,
        _: &Offer,
        call: HttpCall,
        mut input: Source,
        mut out: Sink,
    ) -> BoxFuture<'static, Outcome> {
        self.opened.lock().unwrap().push(call);
        let ends = self.ends.clone();
        async move {
            while let Some(Ok(chunk)) = input.next().await {
                let message = WsMessage::decode(&chunk)?;
                match &message {
                    WsMessage::Close(WsClose { code, reason }) => {
                        ends.try_send(format!("{code} {reason}")).unwrap();
                        return Ok(());
                    }
                    WsMessage::Text(text) if text == "close" => {
                        let close = WsMessage::Close(WsClose {
                            code: 4001,
                            reason: "enough".into(),
                        });
                        out.send(&close.encode()).await;
                    }
                    WsMessage::Text(text) if text == "end" => return Ok(()),
                    WsMessage::Text(text) if text == "fail" => {
                        return Err(Error::new(ErrorKind::Internal, "a secret of the plugin"));
                    }
                    WsMessage::Text(text) if text == "flood" => {
                        while out.send(&WsMessage::Binary(vec![0; 60]).encode()).await {}
                        ends.try_send("flooded".into()).unwrap();
                        return Ok(());
                    }
                    _ => drop(out.send(&message.encode()).await),
                }
            }
            Ok(())
        }
        .boxed()
    }
}

pub(super) struct World {
    pub(super) gateway: Gateway,
    pub(super) echo: Arc<Echo>,
    ends: mpsc::Receiver<String>,
}

pub(super) async fn world() -> World {
    let (tx, ends) = mpsc::channel(1024);
    let echo = Arc::new(Echo {
        ends: tx,
        opened: Mutex::default(),
    });
    let fake = Arc::new(Fake {
        routes: Some(echo.clone()),
        ..Fake::default()
    });
    let options = options();
    let (folder, fleet) = fleet(&options);
    let running = Server::bind(options, fleet.clone(), fake.clone()).await.unwrap();
    let address = running.addresses()[0];
    let gateway = Gateway {
        running,
        fake,
        fleet,
        address,
        _folder: folder,
    };
    World { gateway, echo, ends }
}

impl World {
    /// Opens a socket, or tells the status of the refusal.
    async fn open(&self, path: &str, headers: &[(&'static str, &str)]) -> Result<Client, u16> {
        let tcp = TcpStream::connect(self.gateway.address).await.unwrap();
        let url = format!("ws://{}{path}", self.gateway.address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(*name, value);
        }
        match tokio_tungstenite::client_async(request, tcp).await {
            Ok((client, _)) => Ok(client),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }
}

async fn closed(client: &mut Client) -> (u16, String) {
    while let Some(message) = client.next().await {
        if let Ok(Message::Close(frame)) = message {
            let frame = frame.unwrap();
            return (frame.code.into(), frame.reason.as_str().to_owned());
        }
    }
    (1006, String::new())
}

#[tokio::test]
async fn nobody_gets_a_socket_who_has_proved_nothing() {
    let world = world().await;
    let bearer = format!("Bearer {TOKEN}");
    for (path, headers, status) in [
        ("/signed/wrong", vec![], 401),
        ("/mine", vec![], 401),
        ("/mine", vec![("authorization", "Bearer wrong")], 401),
        (
            "/mine",
            vec![
                ("authorization", bearer.as_str()),
                ("origin", "https://evil.example"),
            ],
            403,
        ),
        ("/mine", vec![("host", "rebind.example")], 403),
    ] {
        let refused = world.open(path, &headers).await.err();
        assert_eq!(refused, Some(status), "{path} {headers:?}");
    }
    assert!(
        world.echo.opened.lock().unwrap().is_empty(),
        "no plugin was asked"
    );
    // what can't be checked before the upgrade is the gateway's own protocol, as on any other path
    for path in ["/unchecked", "/anybody", "/signed/%2e%2e/ticket"] {
        let mut client = world.open(path, &[]).await.unwrap();
        let hello = client.next().await.unwrap().unwrap().into_text().unwrap();
        assert!(hello.as_str().contains("connect.challenge"), "{path}: {hello}");
    }
    assert!(world.echo.opened.lock().unwrap().is_empty());
    // who signs may come by any name
    let client = world.open("/signed/ticket", &[("host", "calls.example")]).await;
    assert!(client.is_ok());
    let owned = world.open("/mine", &[("authorization", &bearer)]).await;
    assert!(owned.is_ok());
    let opened = world.echo.opened.lock().unwrap();
    let owner: Vec<_> = opened.iter().map(|call| call.caller_is_owner).collect();
    assert_eq!(owner, [false, true], "who signs is somebody");
}

#[tokio::test]
async fn messages_go_both_ways_and_a_long_one_ends_it() {
    let mut world = world().await;
    let mut client = world.open("/signed/ticket?a=1", &[]).await.unwrap();
    for n in 0..100 {
        client.send(Message::text(format!("{n}"))).await.unwrap();
    }
    for n in 0..100 {
        let message = client.next().await.unwrap().unwrap();
        assert_eq!(message, Message::text(format!("{n}")));
    }
    client.send(Message::binary(vec![7; 64])).await.unwrap();
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::binary(vec![7; 64])
    );
    client.send(Message::Ping(vec![1].into())).await.unwrap();
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::Pong(vec![1].into())
    );
    client.send(Message::binary(vec![7; 65])).await.unwrap();
    assert_eq!(closed(&mut client).await.0, 1009);
    assert_eq!(world.ends.recv().await.unwrap(), "1009 too large");
    let opened = world.echo.opened.lock().unwrap();
    assert_eq!(
        (opened[0].path.as_str(), opened[0].query.as_str()),
        ("/signed/ticket", "a=1")
    );
}

#[tokio::test]
async fn each_side_learns_how_the_other_ended() {
    let mut world = world().await;
    for (said, code, reason) in [
        ("close", 4001, "enough"),
        ("end", 1000, ""),
        ("fail", 1011, "internal error"),
    ] {
        let mut client = world.open("/signed/ticket", &[]).await.unwrap();
        client.send(Message::text("first")).await.unwrap();
        client.send(Message::text(said)).await.unwrap();
        assert_eq!(
            client.next().await.unwrap().unwrap(),
            Message::text("first"),
            "{said}"
        );
        assert_eq!(closed(&mut client).await, (code, reason.to_owned()), "{said}");
    }
    assert_eq!(world.ends.recv().await.unwrap(), "4001 enough");
    let mut client = world.open("/signed/ticket", &[]).await.unwrap();
    let frame = CloseFrame {
        code: CloseCode::Library(4002),
        reason: "hung up".into(),
    };
    client.close(Some(frame)).await.unwrap();
    assert_eq!(world.ends.recv().await.unwrap(), "4002 hung up");
    drop(world.open("/signed/ticket", &[]).await.unwrap());
    assert_eq!(world.ends.recv().await.unwrap(), "1006 ");
}

#[tokio::test]
async fn what_the_client_does_not_take_is_waited_for_and_ends_with_it() {
    let mut world = world().await;
    let mut client = world.open("/signed/ticket", &[]).await.unwrap();
    client.send(Message::text("flood")).await.unwrap();
    // it reads nothing for a while: the plugin waits for room, and nothing piles up but what the sockets hold
    let first = client.next().await.unwrap().unwrap();
    assert_eq!(first, Message::binary(vec![0; 60]));
    assert!(world.ends.try_recv().is_err());
    drop(client);
    assert_eq!(world.ends.recv().await.unwrap(), "flooded");
}

#[tokio::test]
async fn sockets_are_bounded_and_end_with_the_gateway() {
    let mut world = world().await;
    let mut clients = Vec::new();
    let status = loop {
        match world.open("/signed/ticket", &[]).await {
            Ok(client) => clients.push(client),
            Err(status) => break status,
        }
    };
    assert_eq!((clients.len(), status), (144, 503));
    drop(clients.pop());
    world.ends.recv().await.unwrap();
    let mut client = loop {
        // the place is free as soon as the plugin's call has ended
        match world.open("/signed/ticket", &[]).await {
            Ok(client) => break client,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let reading = tokio::spawn(async move { closed(&mut client).await });
    let stopping = tokio::spawn(world.gateway.running.stop(crate::gateway::Stop::Shutdown));
    assert_eq!(reading.await.unwrap().0, 1012);
    drop(clients);
    stopping.await.unwrap();
    assert!(world.ends.recv().await.unwrap().starts_with("1012"));
}
