//! The faults over a real socket, read byte by byte.
use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Three;

impl Vendor for Three {
    fn answer(&self, _: &Asked) -> Reply {
        Reply::events(["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"].map(str::to_owned))
    }
}

/// Everything that comes back until the server closes.
async fn ask(server: &Server) -> String {
    let mut socket = tokio::net::TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let request = "POST /x?y=1 HTTP/1.1\r\nhost: fake\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    socket.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("it closes");
    String::from_utf8(answer).expect("text")
}

/// A chunked body that was not broken ends like this.
const END: &str = "0\r\n\r\n";

#[tokio::test]
async fn faults_come_in_their_order_and_then_all_is_well() {
    let server = Server::start(Three).await.expect("a port");
    let refused = Fault::Status {
        code: 429,
        headers: vec![("retry-after".into(), "7".into())],
        body: "slow down".into(),
    };
    server.script([refused, Fault::CutAfter { bytes: 11 }, Fault::Malformed]);
    let answer = ask(&server).await;
    assert!(
        answer.starts_with("HTTP/1.1 429") && answer.contains("retry-after: 7"),
        "{answer}"
    );
    let answer = ask(&server).await;
    assert!(
        answer.contains("data: 1") && !answer.contains("data: 2") && !answer.ends_with(END),
        "{answer}"
    );
    let answer = ask(&server).await;
    assert!(
        answer.contains("{\"type\":\n") && !answer.contains("data: 2"),
        "{answer}"
    );
    let answer = ask(&server).await;
    assert!(answer.contains("data: 3") && answer.ends_with(END), "{answer}");
    let asked = server.asked();
    assert_eq!(
        (asked.len(), asked[0].path.as_str(), &asked[0].body[..]),
        (4, "/x?y=1", &b"{}"[..])
    );
}

#[tokio::test]
async fn what_is_lost_was_done_and_nobody_hears_of_it() {
    struct Counting(Arc<Mutex<u32>>);
    impl Vendor for Counting {
        fn answer(&self, _: &Asked) -> Reply {
            *self.0.lock().expect("nobody panicked") += 1;
            Reply::json(200, &serde_json::json!({}))
        }
    }
    let done = Arc::new(Mutex::new(0));
    let server = Server::start(Counting(done.clone())).await.expect("a port");
    server.script([Fault::Lost]);
    assert_eq!(ask(&server).await, "", "not even the head");
    assert_eq!(*done.lock().expect("nobody panicked"), 1);
    assert!(ask(&server).await.starts_with("HTTP/1.1 200"));
}
