//! Signatures that others made: Twilio's published examples, and ones made with other programs than this.
use super::*;
use crate::{
    clock::Clock,
    config::Config,
    reach::Reach,
    settings::{Credentials, Settings},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{HttpCall, Secret};
use serde_json::{Value, json};
use std::sync::Arc;

/// Twilio's own example.
const TWILIO_URL: &str = "https://mycompany.com/myapp.php";
const TWILIO_BODY: &str =
    "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309";
const TWILIO_SIGNATURE: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
/// A key, and what it signed at one time.
const TELNYX_KEY: &str = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
const TELNYX_TIME: &str = "1763745000";
const TELNYX_BODY: &str = r#"{"data":{"event_type":"call.hangup","payload":{"call_control_id":"v3:abc","client_state":null,"hangup_cause":"normal_clearing"}}}"#;
const TELNYX_SIGNATURE: &str =
    "C4O/SlbinkftL9SffxzoxrkUyQEOZewOUnywzHsinmuu4aa97fOB7cFUlW4HhhhGBMO8yfBMWOUDASiCmsU8CQ==";

fn gate(credentials: Credentials, config: Value, now: u64) -> Gate {
    let config: Config = serde_json::from_value(config).expect("it fits");
    let public_url = config
        .public_url
        .as_deref()
        .map(|url| url.parse().expect("an address"));
    let settings = Settings {
        config,
        credentials,
        from: crate::config::E164::parse("+15550009999").expect("a number"),
        public_url,
        ngrok_token: None,
        ngrok_domain: None,
    };
    let reach = Reach::new(&settings);
    Gate::new(Arc::new(settings), reach, Clock::from_fn(move || now * 1000))
}

fn twilio(token: &str, config: Value) -> Gate {
    let credentials = Credentials::Twilio {
        account_sid: "AC1".into(),
        auth_token: Secret::new(token),
        region: crate::config::Region::Us1,
    };
    gate(credentials, config, 0)
}

fn telnyx(key: &str, now: u64) -> Gate {
    let credentials = Credentials::Telnyx {
        api_key: Secret::new("k"),
        connection_id: "c".into(),
        public_key: key.into(),
    };
    gate(credentials, json!({}), now)
}

fn plivo() -> Gate {
    let credentials = Credentials::Plivo {
        auth_id: "MA1".into(),
        auth_token: Secret::new("my_auth_token"),
    };
    gate(credentials, json!({"publicUrl": "https://answer.url/a"}), 0)
}

fn call(query: &str, headers: &[(&str, &str)], body: &str) -> HttpCall {
    HttpCall {
        method: "POST".into(),
        path: "/voice/webhook".into(),
        query: query.into(),
        url: format!("http://127.0.0.1:18789/voice/webhook?{query}"),
        headers: headers
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        peer: "127.0.0.1".into(),
        request_id: "r".into(),
        body: body.into(),
        ..HttpCall::default()
    }
}

fn example(headers: &[(&str, &str)]) -> HttpCall {
    let mut headers = headers.to_vec();
    headers.push(("x-twilio-signature", TWILIO_SIGNATURE));
    call("foo=1&bar=2", &headers, TWILIO_BODY)
}

#[test]
fn twilios_own_examples_are_genuine() {
    let gate = twilio("12345", json!({"publicUrl": TWILIO_URL}));
    let verified = gate.verify(&example(&[])).expect("Twilio's own");
    assert_eq!(verified.param("To"), Some("+18005551212"));
    assert_eq!(verified.query("bar").as_deref(), Some("2"));
    assert_eq!(verified.webhook(), TWILIO_URL);
    let body = r#"{"property": "value", "boolean": true}"#;
    let sum = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    let query = format!("foo=1&bar=2&bodySHA256={sum}");
    let signature = ("x-twilio-signature", "a9nBmqA0ju/hNViExpshrM61xv4=");
    gate.verify(&call(&query, &[signature], body))
        .expect("Twilio's own");
    let other = r#"{"property": "other", "boolean": true}"#;
    let error = gate
        .verify(&call(&query, &[signature], other))
        .expect_err("another body");
    assert!(error.message().contains("not the one that was signed"), "{error}");
}

#[test]
fn what_is_not_twilios_is_refused_whatever_it_says_of_itself() {
    let known = json!({"publicUrl": TWILIO_URL});
    let gate = |token: &str, config: &Value| twilio(token, config.clone());
    // forwarded names do not count where the address is known
    let forwarded = example(&[("host", "evil.example"), ("x-forwarded-host", "evil.example")]);
    gate("12345", &known)
        .verify(&forwarded)
        .expect("the address is known");
    let mut changed = example(&[]);
    changed.body.extend_from_slice(b"&Digits=9");
    let mut query = example(&[]);
    query.query = "foo=1&bar=3".into();
    let mut empty = example(&[]);
    empty.headers.last_mut().expect("a header").1.clear();
    let mut broken = example(&[]);
    broken.headers.last_mut().expect("a header").1 = "!!!".into();
    // two of them: the first counts
    let doubled = example(&[("x-twilio-signature", "AAAA")]);
    let elsewhere = json!({"publicUrl": "https://other.example/myapp.php"});
    for (name, token, config, call) in [
        ("another secret", "12346", &known, example(&[])),
        ("no secret", "", &known, example(&[])),
        ("another address", "12345", &elsewhere, example(&[])),
        ("one more field", "12345", &known, changed),
        ("another query", "12345", &known, query),
        ("an empty signature", "12345", &known, empty),
        ("no base64", "12345", &known, broken),
        ("a doubled signature", "12345", &known, doubled),
        (
            "no signature",
            "12345",
            &known,
            call("foo=1&bar=2", &[], TWILIO_BODY),
        ),
    ] {
        assert!(gate(token, config).verify(&call).is_err(), "{name}");
    }
    let error = gate("12346", &known).verify(&example(&[])).expect_err("wrong");
    assert_eq!(
        error.message(),
        "Invalid signature for URL: https://mycompany.com/myapp.php?foo=…&bar=…"
    );
}

#[test]
fn without_a_known_address_names_are_believed_as_the_operator_says() {
    let host = ("host", "127.0.0.1:18789");
    let named = ("x-forwarded-host", "mycompany.com");
    let serve = json!({"path": "/myapp.php"});
    let security = |security: Value| twilio("12345", json!({"serve": serve, "webhookSecurity": security}));
    let proxied = |peer: &str, headers: &[(&str, &str)]| {
        let mut call = example(headers);
        call.peer = peer.to_owned();
        call
    };
    for (name, config, call, genuine) in [
        (
            "the host itself",
            json!({}),
            example(&[("host", "MyCompany.com")]),
            true,
        ),
        ("nobody is trusted", json!({}), example(&[host, named]), false),
        (
            "a name on the list",
            json!({"allowedHosts": ["mycompany.com"]}),
            example(&[host, named]),
            true,
        ),
        (
            "another name on the list",
            json!({"allowedHosts": ["other.com"]}),
            example(&[host, named]),
            false,
        ),
        (
            "any name",
            json!({"trustForwardingHeaders": true}),
            example(&[host, named]),
            true,
        ),
        (
            "a proxy on the list",
            json!({"trustForwardingHeaders": true, "trustedProxyIPs": ["10.0.0.1"]}),
            proxied("::ffff:10.0.0.1", &[host, named]),
            true,
        ),
        (
            "a proxy not on the list",
            json!({"trustForwardingHeaders": true, "trustedProxyIPs": ["10.0.0.1"]}),
            proxied("10.0.0.2", &[host, named]),
            false,
        ),
        (
            "a user in the name",
            json!({"trustForwardingHeaders": true}),
            example(&[host, ("x-forwarded-host", "mycompany.com@evil.example")]),
            false,
        ),
        (
            "the port of another",
            json!({"trustForwardingHeaders": true}),
            example(&[host, ("x-forwarded-host", "mycompany.com:8443x")]),
            false,
        ),
        (
            "an address of IPv6",
            json!({"trustForwardingHeaders": true}),
            example(&[host, ("x-forwarded-host", "[2001:db8::1]")]),
            false,
        ),
        (
            "an upper-case name on the list",
            json!({"allowedHosts": ["MYCOMPANY.com:443"]}),
            example(&[host, ("x-forwarded-host", "MyCompany.COM")]),
            true,
        ),
        (
            "a doubled header: the first counts",
            json!({"trustForwardingHeaders": true}),
            example(&[host, ("x-forwarded-host", "evil.example"), named]),
            false,
        ),
    ] {
        assert_eq!(security(config).verify(&call).is_ok(), genuine, "{name}");
    }
    let bypass = json!({
        "serve": serve, "tunnel": {"provider": "ngrok", "allowNgrokFreeTierLoopbackBypass": true},
    });
    let gate = twilio("12345", bypass);
    gate.verify(&example(&[host, named]))
        .expect("a tunnel on this machine is believed");
    assert!(
        gate.verify(&proxied("192.0.2.1", &[host, named])).is_err(),
        "from elsewhere it is not"
    );
    let unsigned = call("foo=1&bar=2", &[host, named], TWILIO_BODY);
    assert!(gate.verify(&unsigned).is_err(), "and the signature is not waived");
}

#[test]
fn telnyx_signs_time_and_body() {
    let now: u64 = TELNYX_TIME.parse().expect("a time");
    let der = format!("MCowBQYDK2VwAyEA{TELNYX_KEY}");
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
    let signed = |signature: &str, time: &str, body: &str| {
        call(
            "",
            &[
                ("telnyx-signature-ed25519", signature),
                ("telnyx-timestamp", time),
            ],
            body,
        )
    };
    let genuine = signed(TELNYX_SIGNATURE, TELNYX_TIME, TELNYX_BODY);
    let mut keys = Vec::new();
    for key in [TELNYX_KEY, &der, &pem] {
        for at in [now, now + 300, now - 300] {
            keys.push(
                telnyx(key, at)
                    .verify(&genuine)
                    .expect("genuine")
                    .key()
                    .to_owned(),
            );
        }
    }
    // the same signature in the other alphabet is no second event
    let rewritten = TELNYX_SIGNATURE.replace('+', "-").replace('/', "_");
    let rewritten = signed(rewritten.trim_end_matches('='), TELNYX_TIME, TELNYX_BODY);
    keys.push(
        telnyx(TELNYX_KEY, now)
            .verify(&rewritten)
            .expect("the same")
            .key()
            .to_owned(),
    );
    keys.dedup();
    assert_eq!(keys.len(), 1);
    for (name, gate, call, words) in [
        (
            "too late",
            telnyx(TELNYX_KEY, now + 301),
            genuine.clone(),
            "timestamp too old",
        ),
        (
            "too early",
            telnyx(TELNYX_KEY, now - 301),
            genuine.clone(),
            "timestamp too old",
        ),
        ("no key", telnyx("", now), genuine.clone(), "no Ed25519 key"),
        (
            "a short key",
            telnyx("AAAA", now),
            genuine.clone(),
            "no Ed25519 key",
        ),
        (
            "no time",
            telnyx(TELNYX_KEY, now),
            signed(TELNYX_SIGNATURE, "soon", TELNYX_BODY),
            "invalid timestamp",
        ),
        (
            "another time",
            telnyx(TELNYX_KEY, now),
            signed(TELNYX_SIGNATURE, "1763745001", TELNYX_BODY),
            "invalid signature",
        ),
        (
            "another body",
            telnyx(TELNYX_KEY, now),
            signed(TELNYX_SIGNATURE, TELNYX_TIME, "{}"),
            "invalid signature",
        ),
        (
            "nothing",
            telnyx(TELNYX_KEY, now),
            call("", &[], TELNYX_BODY),
            "missing signature header",
        ),
        (
            "no time at all",
            telnyx(TELNYX_KEY, now),
            call("", &[("telnyx-signature-ed25519", TELNYX_SIGNATURE)], TELNYX_BODY),
            "missing timestamp header",
        ),
    ] {
        let error = gate.verify(&call).expect_err(name);
        assert!(error.message().contains(words), "{name}: {error}");
    }
}

#[test]
fn plivo_signs_in_two_versions() {
    let body = "To=%2B15550002222&From=%2B15550001111&CallUUID=u-1&X=b&X=a";
    let v3 = |signature: &str, query: &str| {
        let headers = [
            ("x-plivo-signature-v3", signature),
            ("x-plivo-signature-v3-nonce", "12345"),
        ];
        call(query, &headers, body)
    };
    let with_query = "NXkgy+LEI3oPi33zLLi5CzhxcVd94zoufLxihDVzF+E=";
    let without = "pHQ70C5m4j8tzxWz9m+RGkyTGZfxabGJn3/+wkoHn6c=";
    plivo().verify(&v3(with_query, "b=2&a=1")).expect("genuine");
    plivo().verify(&v3(without, "")).expect("genuine");
    plivo()
        .verify(&v3(&format!("AAAA, {without}"), ""))
        .expect("one of several");
    let v2 = [
        (
            "x-plivo-signature-v2",
            "ikRG317XkEsSVY3ANJkL03lVc1hLCwL5+grnlQco8LE=",
        ),
        ("x-plivo-signature-v2-nonce", "12345"),
    ];
    plivo().verify(&call("b=2", &v2, body)).expect("genuine");
    for (name, call) in [
        ("another query", v3(with_query, "b=2&a=2")),
        ("no query", v3(with_query, "")),
        ("nothing", call("", &[], body)),
        ("no nonce", call("", &v2[..1], body)),
        ("an empty signature", v3("", "")),
        ("many wrong ones", v3(&"AAAA,".repeat(50), "")),
    ] {
        assert!(plivo().verify(&call).is_err(), "{name}");
    }
}

#[test]
fn heads_without_signatures_are_refused_before_their_bodies() {
    let twilio = twilio("12345", json!({"publicUrl": TWILIO_URL}));
    assert!(twilio.check(&call("", &[], "")).is_err());
    twilio
        .check(&call("", &[("x-twilio-signature", "x")], ""))
        .expect("its body is read");
    assert!(
        telnyx(TELNYX_KEY, 0)
            .check(&call("", &[("telnyx-timestamp", "1")], ""))
            .is_err()
    );
    assert!(
        plivo()
            .check(&call("", &[("x-plivo-signature-v3", "x")], ""))
            .is_err()
    );
}

#[test]
fn the_mock_carrier_is_played_on_this_machine_only() {
    let gate = gate(Credentials::Mock, json!({}), 0);
    let from = |peer: &str, headers: &[(&str, &str)]| {
        let mut call = call("", headers, "{}");
        call.peer = peer.to_owned();
        gate.verify(&call).is_ok()
    };
    assert!(from("127.0.0.1", &[]) && from("::1", &[]));
    assert!(!from("192.0.2.1", &[]) && !from("", &[]));
    for header in ["x-forwarded-for", "forwarded", "x-forwarded-host", "x-real-ip"] {
        assert!(!from("127.0.0.1", &[(header, "192.0.2.1")]), "{header}");
    }
}

/// Twilio's signature of the example's fields for this address, made here: of the rest there are vectors above.
fn signed_for(url: &str) -> String {
    let mut fields: Vec<_> = url::form_urlencoded::parse(TWILIO_BODY.as_bytes()).collect();
    fields.sort();
    let text = fields
        .iter()
        .fold(url.to_owned(), |text, (key, value)| text + key + value);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345");
    STANDARD.encode(ring::hmac::sign(&key, text.as_bytes()))
}

#[test]
fn ports_and_ipv6_are_signed_as_carriers_may_and_as_nobody_else_may() {
    let verify = |public: &str, host: &str, signed: &str| {
        let signature = signed_for(signed);
        let headers = [("host", host), ("x-twilio-signature", signature.as_str())];
        let gate = twilio("12345", json!({"publicUrl": public}));
        gate.verify(&call("a=b", &headers, TWILIO_BODY)).is_ok()
    };
    for (public, host, signed, genuine) in [
        (
            "https://v.example:8443/h",
            "x",
            "https://v.example:8443/h?a=b",
            true,
        ),
        ("https://v.example:8443/h", "x", "https://v.example/h?a=b", true),
        (
            "https://v.example/h",
            "v.example:8443",
            "https://v.example:8443/h?a=b",
            true,
        ),
        ("https://v.example/h", "x", "https://v.example:8443/h?a=b", false),
        (
            "https://v.example:8443/h",
            "x",
            "https://v.example:9999/h?a=b",
            false,
        ),
        (
            "https://v.example/h",
            "evil.example",
            "https://evil.example/h?a=b",
            false,
        ),
        ("https://V.Example/h", "x", "https://v.example/h?a=b", true),
        ("https://v.example/h", "x", "http://v.example/h?a=b", false),
        ("https://v.example/h", "x", "https://user@v.example/h?a=b", false),
        ("https://v.example/h", "x", "https://v.example/H?a=b", false),
        (
            "https://[2001:db8::1]/h",
            "x",
            "https://[2001:db8::1]/h?a=b",
            true,
        ),
        (
            "https://[2001:db8::1]:8443/h",
            "x",
            "https://[2001:db8::1]:8443/h?a=b",
            true,
        ),
        (
            "https://[2001:db8::1]/h",
            "x",
            "https://[2001:db8::2]/h?a=b",
            false,
        ),
    ] {
        assert_eq!(verify(public, host, signed), genuine, "{public} {host} {signed}");
    }
}
