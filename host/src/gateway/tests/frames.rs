//! RFC 6455 byte by byte, as a client that keeps to it and one that doesn't would speak: lengths, fragments, control frames,
//! reserved bits, text that is none, and how a connection closes.
//!
//! The cases are those of sections 1 to 7 of Autobahn's test suite, as far as they mean something for a server that answers
//! requests. The suite itself needs Python 2.7, which no supported system has any more.
use super::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CONTINUE: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
/// The last frame of a message.
const FIN: u8 = 0x80;
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that writes frames as bytes.
struct Bytes {
    tcp: TcpStream,
}

/// What ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// A close frame; none: without a code.
    Close(Option<u16>),
    /// No close frame.
    Gone,
}

impl Bytes {
    /// A client that is let in.
    async fn enter(gateway: &Gateway) -> Self {
        let mut tcp = TcpStream::connect(gateway.address).await.unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            gateway.address
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tcp.read_u8().await.unwrap());
        }
        assert!(
            head.starts_with(b"HTTP/1.1 101 "),
            "{}",
            String::from_utf8_lossy(&head)
        );
        let mut client = Self { tcp };
        let connect =
            json!({"type": "req", "id": "c", "method": "connect", "params": params(&["operator.read"])});
        client.frame(FIN | TEXT, connect.to_string().as_bytes()).await;
        client.answer("c").await;
        client
    }

    /// Sends one frame, masked as clients have to. Whoever was closed out meanwhile finds that out when he reads.
    async fn frame(&mut self, first: u8, payload: &[u8]) {
        let frame = masked(first, payload);
        let _ = self.tcp.write_all(&frame).await;
    }

    /// The next frame: its first byte and what it carries.
    async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        tokio::time::timeout(PATIENCE, async {
            let first = self.tcp.read_u8().await.ok()?;
            let length = match self.tcp.read_u8().await.ok()? {
                126 => u64::from(self.tcp.read_u16().await.ok()?),
                127 => self.tcp.read_u64().await.ok()?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.tcp.read_exact(&mut payload).await.ok()?;
            Some((first, payload))
        })
        .await
        .expect("a frame in time")
    }

    /// The next frame of this kind, passing over others that are no close.
    async fn until(&mut self, kind: u8) -> Vec<u8> {
        loop {
            let (first, payload) = self.next().await.expect("the connection stays");
            assert_eq!(first & 0x70, 0, "no reserved bits");
            assert_ne!(first, FIN | CLOSE, "closed: {payload:?}");
            if first & 0x0F == kind {
                return payload;
            }
        }
    }

    async fn answer(&mut self, id: &str) {
        loop {
            let text: Value = serde_json::from_slice(&self.until(TEXT).await).unwrap();
            if text["id"] == id {
                return;
            }
        }
    }

    /// Asks something to see that the connection is well.
    async fn is_well(&mut self) {
        self.frame(FIN | TEXT, &request("well", 0)).await;
        self.answer("well").await;
    }

    async fn ended(&mut self) -> Ended {
        while let Some((first, payload)) = self.next().await {
            if first & 0x0F == CLOSE {
                let code = payload
                    .get(..2)
                    .map(|code| u16::from_be_bytes([code[0], code[1]]));
                return Ended::Close(code);
            }
        }
        Ended::Gone
    }
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
        middle @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]));
    frame
}

/// A request of so many bytes at least; its end is filled with what JSON passes over.
fn request(id: &str, length: usize) -> Vec<u8> {
    let frame = json!({"type": "req", "id": id, "method": "system-presence", "params": {}});
    let mut bytes = frame.to_string().into_bytes();
    bytes.resize(length.max(bytes.len()), b' ');
    bytes
}

/// How the gateway ends a connection on which these frames come.
async fn end_after(gateway: &Gateway, frames: &[(u8, &[u8])]) -> Ended {
    let mut client = Bytes::enter(gateway).await;
    for (first, payload) in frames {
        client.frame(*first, payload).await;
    }
    client.ended().await
}

#[tokio::test]
async fn messages_of_every_length_are_read_however_they_come() {
    let gateway = Gateway::start().await;
    let mut client = Bytes::enter(&gateway).await;
    for length in [0, 125, 126, 127, 128, 65_535, 65_536, 200_000] {
        for kind in [TEXT, BINARY] {
            client.frame(FIN | kind, &request("a", length)).await;
            client.answer("a").await;
        }
    }
    for byte in masked(FIN | TEXT, &request("slow", 300)) {
        client.tcp.write_all(&[byte]).await.unwrap();
        client.tcp.flush().await.unwrap();
    }
    client.answer("slow").await;
}

#[tokio::test]
async fn pings_are_answered_with_what_they_carry() {
    let gateway = Gateway::start().await;
    let mut client = Bytes::enter(&gateway).await;
    for payload in [&b""[..], b"hello", &[0, 255, 254, 253], &[7; 125]] {
        client.frame(FIN | PING, payload).await;
        assert_eq!(client.until(PONG).await, payload);
    }
    // a pong that nobody asked for means nothing
    client.frame(FIN | PONG, b"unasked").await;
    client.is_well().await;
    assert_eq!(
        end_after(&gateway, &[(FIN | PING, &[7; 126])]).await,
        Ended::Close(Some(1002))
    );
}

#[tokio::test]
async fn reserved_bits_and_kinds_end_the_connection() {
    let gateway = Gateway::start().await;
    let text = request("a", 0);
    for bit in [0x40, 0x20, 0x10, 0x70] {
        for (kind, payload) in [(TEXT, &text[..]), (PING, b""), (CLOSE, b"")] {
            let ended = end_after(&gateway, &[(FIN | bit | kind, payload)]).await;
            assert_eq!(ended, Ended::Close(Some(1002)), "{bit:x} {kind}");
        }
    }
    for kind in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        let ended = end_after(&gateway, &[(FIN | kind, b"")]).await;
        assert_eq!(ended, Ended::Close(Some(1002)), "{kind}");
    }
}

#[tokio::test]
async fn fragments_make_a_message_with_control_frames_between_them() {
    let gateway = Gateway::start().await;
    let mut client = Bytes::enter(&gateway).await;
    let text = request("whole", 200);
    client.frame(TEXT, &text[..10]).await;
    client.frame(FIN | PING, b"between").await;
    // it is answered before the message is whole
    assert_eq!(client.until(PONG).await, b"between");
    client.frame(CONTINUE, b"").await;
    client.frame(CONTINUE, &text[10..100]).await;
    client.frame(FIN | PONG, b"").await;
    client.frame(FIN | CONTINUE, &text[100..]).await;
    client.answer("whole").await;
    // every byte is a fragment
    let text = request("bytes", 0);
    let (last, head) = text.split_last().unwrap();
    for (at, byte) in head.iter().enumerate() {
        client
            .frame(if at == 0 { TEXT } else { CONTINUE }, &[*byte])
            .await;
    }
    client.frame(FIN | CONTINUE, &[*last]).await;
    client.answer("bytes").await;
}

#[tokio::test]
async fn fragments_out_of_order_end_the_connection() {
    let gateway = Gateway::start().await;
    let cases: [&[(u8, &[u8])]; 6] = [
        &[(PING, b"a"), (FIN | CONTINUE, b"b")],
        &[(PONG, b"a"), (FIN | CONTINUE, b"b")],
        &[(FIN | CONTINUE, b"a")],
        &[(CONTINUE, b"a")],
        &[(TEXT, b"a"), (FIN | TEXT, b"b")],
        &[(TEXT, b"a"), (FIN | CONTINUE, b" "), (FIN | CONTINUE, b"b")],
    ];
    for frames in cases {
        assert_eq!(
            end_after(&gateway, frames).await,
            Ended::Close(Some(1002)),
            "{frames:?}"
        );
    }
}

#[tokio::test]
async fn text_is_utf_8_or_the_connection_ends() {
    let gateway = Gateway::start().await;
    let mut client = Bytes::enter(&gateway).await;
    let frame = json!({"type": "req", "id": "κόσμε🦀", "method": "system-presence", "params": {}});
    let text = frame.to_string().into_bytes();
    // cut inside of characters
    for (at, byte) in text.iter().enumerate() {
        let first = if at == 0 { TEXT } else { CONTINUE };
        let fin = if at + 1 == text.len() { FIN } else { 0 };
        client.frame(fin | first, &[*byte]).await;
    }
    client.answer("κόσμε🦀").await;
    // bytes are bytes: they are no request, and nothing else
    client.frame(FIN | BINARY, &[0xff, 0xfe]).await;
    client.is_well().await;
    let wrong: [&[u8]; 7] = [
        &[0xff],
        &[0xc0, 0xaf],
        &[0xe2, 0x82],
        &[0xed, 0xa0, 0x80],
        &[0xf4, 0x90, 0x80, 0x80],
        &[0xf8, 0x88, 0x80, 0x80, 0x80],
        &[0x61, 0x80],
    ];
    for bytes in wrong {
        assert_eq!(
            end_after(&gateway, &[(FIN | TEXT, bytes)]).await,
            Ended::Close(Some(1007)),
            "{bytes:?}"
        );
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        let pieces = end_after(&gateway, &[(TEXT, head), (FIN | CONTINUE, tail)]).await;
        assert_eq!(pieces, Ended::Close(Some(1007)), "{bytes:?} in pieces");
    }
}

#[tokio::test]
async fn a_close_is_answered_and_a_wrong_one_is_an_error() {
    let gateway = Gateway::start().await;
    assert_eq!(
        end_after(&gateway, &[(FIN | CLOSE, b"")]).await,
        Ended::Close(None)
    );
    let with = |code: u16, reason: &[u8]| [&code.to_be_bytes()[..], reason].concat();
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ] {
        let ended = end_after(&gateway, &[(FIN | CLOSE, &with(code, b"bye"))]).await;
        assert_eq!(ended, Ended::Close(Some(code)));
    }
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
    ] {
        let ended = end_after(&gateway, &[(FIN | CLOSE, &with(code, b""))]).await;
        assert_eq!(ended, Ended::Close(Some(1002)), "{code}");
    }
    assert_eq!(
        end_after(&gateway, &[(FIN | CLOSE, &[3])]).await,
        Ended::Close(Some(1002))
    );
    let long = end_after(&gateway, &[(FIN | CLOSE, &with(1000, &[b'x'; 124]))]).await;
    assert_eq!(long, Ended::Close(Some(1002)));
    let wrong = end_after(&gateway, &[(FIN | CLOSE, &with(1000, &[0xff]))]).await;
    assert_eq!(wrong, Ended::Close(Some(1007)));
    // whatever comes behind it is not looked at
    let mut client = Bytes::enter(&gateway).await;
    client.frame(FIN | CLOSE, &with(1000, b"")).await;
    client.frame(FIN | PING, b"late").await;
    assert_eq!(client.ended().await, Ended::Close(Some(1000)));
    assert_eq!(client.ended().await, Ended::Gone, "nothing comes after a close");
}

#[tokio::test]
async fn a_frame_without_a_mask_ends_the_connection() {
    let gateway = Gateway::start().await;
    let mut client = Bytes::enter(&gateway).await;
    let text = request("a", 0);
    let mut frame = vec![FIN | TEXT, u8::try_from(text.len()).unwrap()];
    frame.extend(text);
    client.tcp.write_all(&frame).await.unwrap();
    assert_eq!(client.ended().await, Ended::Close(Some(1002)));
}
