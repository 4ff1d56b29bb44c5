//! Listeners of plugins' own.
use super::sockets::{World, world};
use crate::gateway::FrontError;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

async fn status(address: std::net::SocketAddr, line: &str) -> u16 {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let request =
        format!("{line} HTTP/1.1\r\nhost: calls.example\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    tcp.read_to_string(&mut response).await.unwrap();
    response.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn free_port() -> String {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    socket.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_plugins_listener_has_its_signed_routes_and_nothing_else() {
    let World { gateway, echo, .. } = world().await;
    let front = gateway.running.front();
    let open = front.open("echo", "127.0.0.1:0").await.unwrap();
    let address = open.address();
    assert_eq!(status(address, "POST /signed/wrong").await, 401);
    assert_eq!(
        status(address, "POST /signed/ticket").await,
        404,
        "the plugin's own answer"
    );
    for path in ["/mine", "/healthz", "/", "/signed/../mine"] {
        assert_eq!(status(address, &format!("POST {path}")).await, 404, "{path}");
    }
    let other = front.open("other", "127.0.0.1:0").await.unwrap();
    assert_eq!(
        status(other.address(), "POST /signed/wrong").await,
        404,
        "another plugin's route"
    );
    let url = format!("ws://{address}/signed/ticket");
    let tcp = TcpStream::connect(address).await.unwrap();
    let socket = tokio_tungstenite::client_async(url, tcp).await;
    assert!(socket.is_ok());
    let url = format!("ws://{address}/mine");
    let tcp = TcpStream::connect(address).await.unwrap();
    assert!(tokio_tungstenite::client_async(url, tcp).await.is_err());
    assert_eq!(echo.opened.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_address_has_one_owner_and_is_free_when_it_lets_go() {
    let world = world().await;
    let front = world.gateway.running.front();
    let bind = free_port().await;
    let first = front.open("echo", &bind).await.unwrap();
    assert!(matches!(
        front.open("other", &bind).await,
        Err(FrontError::Owned { owner, .. }) if owner == "echo"
    ));
    // the next instance of the same plugin comes before the first is gone
    let (late, next_bind) = (front.clone(), bind.clone());
    let next = tokio::spawn(async move { late.open("echo", &next_bind).await });
    tokio::task::yield_now().await;
    assert!(!next.is_finished());
    drop(first);
    let second = next.await.unwrap().unwrap();
    assert_eq!(second.address().to_string(), bind);
    let until = tokio::spawn(second.until_stop());
    world.gateway.running.stop(crate::gateway::Stop::Shutdown).await;
    until.await.unwrap();
    assert!(TcpListener::bind(&bind).await.is_ok(), "the port is free");
    assert!(matches!(
        front.open("echo", &bind).await,
        Err(FrontError::Stopping) | Ok(_)
    ));
}

#[tokio::test]
async fn a_port_that_is_taken_and_an_address_that_is_none_are_told() {
    let world = world().await;
    let front = world.gateway.running.front();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bind = taken.local_addr().unwrap().to_string();
    let told = front.open("echo", &bind).await.unwrap_err().to_string();
    assert!(told.contains("is taken") && told.contains(&bind), "{told}");
    drop(taken);
    assert!(front.open("echo", &bind).await.is_ok(), "a failure keeps no seat");
    for bind in ["calls.example:1", "3334", "127.0.0.1", ""] {
        assert!(
            matches!(front.open("echo", bind).await, Err(FrontError::Address(_))),
            "{bind}"
        );
    }
    let mut open = Vec::new();
    for n in 0..5 {
        let bind = free_port().await;
        match front.open("many", &bind).await {
            Ok(listener) => open.push(listener),
            Err(error) => assert!(matches!((n, error), (4, FrontError::TooMany(_)))),
        }
    }
    assert_eq!(open.len(), 4);
}
