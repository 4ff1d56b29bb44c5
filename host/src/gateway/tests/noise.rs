//! Whatever a client sends, before it is let in and after: no panic, bounded answers, and others go on.
use super::*;
use crate::gateway::{device::tests::signed, frame::Request};
use proptest::prelude::*;

/// Any JSON, not too deep.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("[a-zA-Z]{1,12}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_a_request_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = Request::parse(&bytes);
    }

    #[test]
    fn any_frame_is_a_request_or_says_shortly_why_not(frame in json_value()) {
        if let Err(crate::gateway::frame::BadFrame::Invalid { id, problems }) = Request::parse(frame.to_string().as_bytes()) {
            prop_assert!(id.len() <= 256 && problems.len() < 4096);
        }
    }

    #[test]
    fn parameters_of_connect_are_taken_or_refused_shortly(
        pointer in prop_oneof![
            Just("/client"), Just("/client/id"), Just("/auth"), Just("/auth/token"), Just("/device"),
            Just("/device/publicKey"), Just("/device/signature"), Just("/device/signedAt"), Just("/scopes"),
            Just("/role"), Just("/commands"), Just("/minProtocol"),
        ],
        value in json_value(),
    ) {
        let mut params = signed(Some("t"), "n", NOW);
        if let Some(place) = params.pointer_mut(pointer) {
            *place = value;
        }
        match super::super::connect::Connect::parse(params) {
            Ok(connect) => {
                let verified = super::super::device::verify(&connect, "operator", "n", NOW);
                // what was signed is what came, or it is refused
                prop_assert!(verified.is_err() || pointer == "/device" && connect.device.is_none()
                    || pointer == "/role" || pointer == "/commands" || pointer == "/minProtocol"
                    || pointer == "/client" || pointer == "/auth" || pointer == "/scopes");
            }
            Err(failure) => prop_assert!(failure.message.len() < 4096),
        }
    }
}

#[tokio::test]
async fn noise_disturbs_nobody() {
    let gateway = Gateway::start().await;
    let mut calm = gateway.client(&["operator.read"]).await;
    let mut noisy = gateway.client(&["operator.admin"]).await;
    let noise: [&[u8]; 6] = [
        b"\xff\xfe",
        b"{",
        b"[]",
        b"{\"type\":\"req\",\"id\":\"1\",\"method\":\"\"}",
        b"{\"type\":\"res\",\"id\":\"1\"}",
        b"null",
    ];
    for round in 0..200 {
        let bytes = noise[round % noise.len()].to_vec();
        noisy.send(Message::binary(bytes)).await;
    }
    assert_eq!(noisy.request("health", json!({})).await["ok"], true);
    assert_eq!(calm.request("health", json!({})).await["ok"], true);
}
