//! The wire against what is not a peer.
use super::{super::budget::Budget, super::decode, super::frame, Echo, call, within};
use crate::plugins::isolate::{Failure, Peer, PeerError, Side};
use decode::Decoder;
use frame::{Frame, FrameError, Kind, Outgoing, WireCall};
use openclaw_plugin_api::abi::{Fault, Level, LogRecord};
use proptest::prelude::*;
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

fn bytes(frame: &Outgoing) -> Vec<u8> {
    [frame.head.as_slice(), frame.body.as_slice()].concat()
}

/// Decodes everything, in pieces of `step` bytes.
fn drain(input: &[u8], step: usize) -> (usize, Option<FrameError>) {
    let (mut decoder, mut frames) = (Decoder::default(), 0);
    for piece in input.chunks(step) {
        decoder.space().extend_from_slice(piece);
        loop {
            match decoder.next() {
                Ok(Some(_)) => frames += 1,
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

proptest! {
    #[test]
    fn random_bytes_never_panic(input in prop::collection::vec(any::<u8>(), 0..400), step in 1_usize..64) {
        drain(&input, step);
    }

    /// Nearly valid: a right length and a known kind, with anything inside.
    #[test]
    fn random_payloads_never_panic(
        kind in 0_u8..14,
        payload in prop::collection::vec(any::<u8>(), 0..200),
        step in 1_usize..64,
    ) {
        let len = u32::try_from(payload.len() + 5).unwrap().to_le_bytes();
        let input = [&len[..], &[kind], &[1, 0, 0, 0], &payload].concat();
        drain(&input, step);
        let _ = decode::decode_hello(&input[4..]);
    }

    #[test]
    fn calls_survive(
        method in "[a-z/.0-9]{0,40}", target in "\\PC{0,40}", meta in "\\PC{0,40}",
        body in prop::collection::vec(any::<u8>(), 0..300),
        has_out: bool, has_input: bool, step in 1_usize..64,
    ) {
        let call = WireCall { method: &method, target: &target, meta: &meta, body, has_out, has_input };
        let input = bytes(&Outgoing::call(7, call.clone()).unwrap());
        prop_assert_eq!(drain(&input, step), (1, None));
        let mut decoder = Decoder::default();
        decoder.space().extend_from_slice(&input);
        match decoder.next() {
            Ok(Some((Frame::Call { id: 7, call: back }, false))) => prop_assert_eq!(back, call),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// However a text escapes, its frame is one that the other side takes.
    #[test]
    fn any_text_makes_a_valid_frame(text in "[\\x00-\\x1f\"é]{0,6000}") {
        let fault = Fault { code: text.as_str().into(), message: text.as_str().into(), detail: text.as_str().into() };
        let record =
            LogRecord { level: Level::Warn, target: &text, message: &text, fields: &text, file: &text, line: 1 };
        let input = [bytes(&Outgoing::fault(Kind::Fault, 1, &fault)), bytes(&Outgoing::log(&record, 3))].concat();
        prop_assert_eq!(drain(&input, 4096), (2, None));
    }
}

#[test]
fn a_long_text_of_control_characters_fits() {
    let text = "\u{1}".repeat(10_000);
    let record = LogRecord {
        level: Level::Warn,
        target: &text,
        message: &text,
        fields: &text,
        file: &text,
        line: 1,
    };
    assert_eq!(drain(&bytes(&Outgoing::log(&record, 0)), 100), (1, None));
}

async fn against(input: &[u8]) -> PeerError {
    let (a, mut b) = UnixStream::pair().unwrap();
    let peer = Peer::start(a, Side::Host, Arc::new(Echo::new()));
    let open = tokio::spawn(peer.call(call("hang", b"")));
    b.write_all(input).await.unwrap();
    let reason = within(peer.ended()).await;
    assert!(matches!(within(open).await.unwrap(), Err(Failure::Gone)));
    reason
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_the_connection() {
    let theirs = |kind| bytes(&Outgoing::empty(kind, 2));
    let wire = |body: &[u8]| WireCall {
        method: "write",
        target: "",
        meta: "",
        body: body.to_vec(),
        has_out: false,
        has_input: false,
    };
    let mut long = u32::MAX.to_le_bytes().to_vec();
    long.extend_from_slice(b"xxxxxxxx");
    assert!(matches!(
        against(&long).await,
        PeerError::Frame(FrameError::TooLong { .. })
    ));
    assert!(matches!(
        against(&[0; 64]).await,
        PeerError::Frame(FrameError::Malformed { .. })
    ));
    assert!(matches!(
        against(b"GET / HTTP/1.1\r\n\r\n").await,
        PeerError::Frame(_)
    ));
    assert!(matches!(
        against(&theirs(Kind::Hello)).await,
        PeerError::Frame(FrameError::Kind { kind: 1 })
    ));
    assert_eq!(against(&theirs(Kind::Reply)).await, PeerError::Id { id: 2 });
    assert_eq!(
        against(&bytes(&Outgoing::empty(Kind::Cancel, 1))).await,
        PeerError::Id { id: 1 }
    );
    assert_eq!(
        against(&bytes(&Outgoing::call(1, wire(b"")).unwrap())).await,
        PeerError::Id { id: 1 }
    );
    let hang = WireCall {
        method: "hang",
        ..wire(b"")
    };
    let twice = bytes(&Outgoing::call(4, hang.clone()).unwrap()).repeat(2);
    assert_eq!(against(&twice).await, PeerError::Id { id: 4 });
    let many = (0..3000_u32).flat_map(|i| bytes(&Outgoing::call(2 * i, hang.clone()).unwrap()));
    assert_eq!(against(&many.collect::<Vec<_>>()).await, PeerError::Calls);
    // More chunks than the window, and more credit than was spent.
    let reading = WireCall {
        method: "read",
        has_input: true,
        ..wire(b"")
    };
    let mut flood = bytes(&Outgoing::call(2, reading).unwrap());
    flood.extend(bytes(&Outgoing::new(Kind::Chunk, 2, b"x".to_vec()).unwrap()).repeat(100));
    assert_eq!(against(&flood).await, PeerError::Window);
    let writing = WireCall {
        has_out: true,
        ..wire(b"1000")
    };
    let mut generous = bytes(&Outgoing::call(2, writing).unwrap());
    generous.extend(bytes(&Outgoing::credit(2, 1)));
    assert_eq!(against(&generous).await, PeerError::Window);
}

/// What a peer that may hold 100 bytes answers to these frames, or why it ends.
async fn crowded(input: &[u8]) -> Result<Vec<u8>, PeerError> {
    let (a, mut b) = UnixStream::pair().unwrap();
    let peer = Peer::bounded(a, Side::Host, Arc::new(Echo::new()), Budget::new(100));
    b.write_all(input).await.unwrap();
    let mut answer = vec![0; 200];
    within(async {
        tokio::select! {
            read = b.read(&mut answer) => match read.unwrap() {
                0 => Err(peer.ended().await),
                read => Ok(answer[..read].to_vec()),
            },
            reason = peer.ended() => Err(reason),
        }
    })
    .await
}

#[tokio::test]
async fn more_than_there_is_room_for_is_refused_or_ends_the_connection() {
    let wire = |method, body: Vec<u8>, has_input| WireCall {
        method,
        target: "",
        meta: "",
        body,
        has_out: false,
        has_input,
    };
    let mut calls = bytes(&Outgoing::call(2, wire("hang", vec![0; 60], false)).unwrap());
    calls.extend(bytes(
        &Outgoing::call(4, wire("hang", vec![0; 60], false)).unwrap(),
    ));
    let answer = crowded(&calls).await.expect("the second is answered");
    let mut decoder = Decoder::default();
    decoder.space().extend_from_slice(&answer);
    match decoder.next().unwrap().expect("a frame").0 {
        Frame::Reply {
            id: 4,
            outcome: Err(fault),
        } => assert_eq!(fault.code, "overloaded"),
        other => panic!("{other:?}"),
    }
    // "hang" reads nothing of its input
    let mut flood = bytes(&Outgoing::call(2, wire("hang", Vec::new(), true)).unwrap());
    flood.extend(bytes(&Outgoing::new(Kind::Chunk, 2, vec![0; 30]).unwrap()).repeat(8));
    assert_eq!(crowded(&flood).await, Err(PeerError::Held));
}

#[tokio::test]
async fn what_crosses_a_cancellation_is_ignored() {
    let (a, mut b) = UnixStream::pair().unwrap();
    let peer = Peer::start(a, Side::Host, Arc::new(Echo::new()));
    for frame in [
        Outgoing::empty(Kind::Reply, 99),
        Outgoing::empty(Kind::Chunk, 99),
        Outgoing::empty(Kind::End, 98),
        Outgoing::credit(98, 3),
        Outgoing::empty(Kind::Stop, 99),
        Outgoing::empty(Kind::Cancel, 98),
    ] {
        b.write_all(&bytes(&frame)).await.unwrap();
    }
    drop(b);
    assert_eq!(within(peer.ended()).await, PeerError::Closed);
}
