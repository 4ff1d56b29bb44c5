//! Bodies that no gateway sends: damaged, of the wrong shape, deep, huge, empty.
//!
//! Whatever comes, the answer is an error or a result; a panic or a silence fails.
use super::Test;
use crate::{
    Category::Calls as Topic,
    bench::Bench,
    outcome::Verdict,
    plausible,
    rng::Rng,
    subject::{Request, Subject},
};
use openclaw_plugin_api::surface::ids;
use serde_json::{Value, json};

/// How deep the deepest JSON is.
const DEPTH: usize = 10_000;
/// How large the largest body is. Bytes.
const HUGE: usize = 8 << 20;
/// Damaged versions of each sensible body.
const DAMAGED: usize = 8;

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Topic, "random-bodies", "bytes that are no JSON are an error", |b| Box::pin(random(b))),
    Test::new(Topic, "damaged-bodies", "a sensible body that is cut or changed is survived", |b| Box::pin(damaged(b))),
    Test::new(Topic, "wrong-shapes", "JSON of the wrong shape is survived", |b| Box::pin(wrong_shapes(b))),
    Test::new(Topic, "deep-bodies", "JSON of 10,000 levels does not exhaust the stack", |b| Box::pin(deep(b))),
    Test::new(Topic, "huge-bodies", "a body of 8 MB is survived", |b| Box::pin(huge(b))),
    Test::new(Topic, "empty-bodies", "an empty body is survived", |b| Box::pin(empty(b))),
];

/// Asks everything that can be called with each of the bodies, stops last.
async fn everywhere(bench: &Bench, bodies: impl Fn(&mut Rng) -> Vec<Vec<u8>>) -> Verdict<Subject> {
    let subject = bench.first().await?;
    let mut rng = bench.rng();
    for endpoint in subject.endpoints() {
        for body in bodies(&mut rng) {
            let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
            let request = Request {
                body,
                ..endpoint.clone()
            };
            let answer = subject.call(&request).await?;
            if answer.reply.is_ok() && !is_json && !request.body.is_empty() {
                bench.warn(format_args!("{request} takes a body that is no JSON"));
            }
        }
    }
    Ok(subject)
}

async fn survived(subject: Subject) -> Verdict {
    subject.alive().await?;
    subject.close().await
}

async fn random(bench: &Bench) -> Verdict {
    let bodies = |rng: &mut Rng| {
        let mut all: Vec<_> = [1, 7, 64, 4_096].map(|length| rng.bytes(length)).into();
        all.push(vec![0; 64]);
        all.push(vec![0xff; 64]);
        all.push(b"\xef\xbb\xbf{}".to_vec());
        all
    };
    survived(everywhere(bench, bodies).await?).await
}

async fn damaged(bench: &Bench) -> Verdict {
    let subject = bench.first().await?;
    let mut rng = bench.rng();
    for request in plausible::requests(&subject, &mut rng) {
        for round in 0..DAMAGED {
            let mut body = request.body.clone();
            let at = rng.below(body.len());
            if round % 2 == 0 {
                body.truncate(at);
            } else if let Some(byte) = body.get_mut(at) {
                *byte = rng.bytes(1)[0];
            }
            subject
                .call(&Request {
                    body,
                    ..request.clone()
                })
                .await?;
        }
    }
    survived(subject).await
}

async fn wrong_shapes(bench: &Bench) -> Verdict {
    let bodies = |rng: &mut Rng| {
        let shapes = [
            json!(null),
            json!(false),
            json!(-1),
            json!(1e308),
            json!("kit"),
            json!([[]]),
            json!({"": 0}),
        ];
        let mut all: Vec<_> = shapes
            .iter()
            .map(|shape| shape.to_string().into_bytes())
            .collect();
        all.push(strange(rng, 0).to_string().into_bytes());
        all
    };
    let subject = everywhere(bench, bodies).await?;
    wrong_fields(bench, &subject).await?;
    survived(subject).await
}

/// Sensible records with one field of a wrong type each.
async fn wrong_fields(bench: &Bench, subject: &Subject) -> Verdict {
    let mut rng = bench.rng();
    for request in plausible::requests(subject, &mut rng) {
        let Ok(Value::Object(record)) = serde_json::from_slice(&request.body) else {
            continue;
        };
        for field in record.keys() {
            let mut record = record.clone();
            record.insert(field.clone(), strange(&mut rng, 1));
            subject
                .call(&Request::json(&request.method, &request.target, &record))
                .await?;
        }
    }
    Ok(())
}

fn strange(rng: &mut Rng, depth: usize) -> Value {
    match rng.below(if depth > 3 { 4 } else { 6 }) {
        0 => json!(null),
        1 => json!(rng.next()),
        2 => json!(rng.text(40)),
        3 => json!(-0.0),
        4 => (0..rng.below(4)).map(|_| strange(rng, depth + 1)).collect(),
        _ => (0..rng.below(4))
            .map(|_| (rng.text(8), strange(rng, depth + 1)))
            .collect(),
    }
}

async fn deep(bench: &Bench) -> Verdict {
    let bodies = |_: &mut Rng| {
        let nest = |open: &str, close: &str| (open.repeat(DEPTH) + &close.repeat(DEPTH)).into_bytes();
        vec![
            nest("[", "]"),
            nest("{\"a\":", "}"),
            "[".repeat(DEPTH).into_bytes(),
        ]
    };
    survived(everywhere(bench, bodies).await?).await
}

async fn huge(bench: &Bench) -> Verdict {
    let bodies = |_: &mut Rng| {
        let text = "x".repeat(HUGE);
        vec![
            format!("\"{text}\"").into_bytes(),
            format!("{{\"text\":\"{text}\"}}").into_bytes(),
        ]
    };
    let subject = everywhere(bench, bodies).await?;
    if subject
        .registrations
        .methods
        .iter()
        .any(|method| method == ids::channel::SEND)
    {
        for channel in subject.of("channel/1") {
            let mut message = plausible::outbound("kit-huge");
            message.text = "x".repeat(HUGE);
            subject
                .call(&Request::json(ids::channel::SEND, &channel, &message))
                .await?;
        }
    }
    survived(subject).await
}

async fn empty(bench: &Bench) -> Verdict {
    survived(everywhere(bench, |_: &mut Rng| vec![Vec::new()]).await?).await
}
