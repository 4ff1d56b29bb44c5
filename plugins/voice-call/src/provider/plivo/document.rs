//! What Plivo is answered.
use crate::{
    call::{Leg, Step, Then},
    provider::{Reply, xml::Document},
};

/// Seconds that Plivo waits for the next document.
const WAIT: &str = "300";
/// The language that is spoken and understood.
const LANGUAGE: &str = "en-US";

/// The document that says how a call goes on.
pub(crate) fn document(step: &Step, leg: Option<&Leg>) -> Reply {
    let document = Document::default();
    let document = match step {
        Step::Nothing | Step::Answer | Step::Wait | Step::Stream(_) => wait(document),
        Step::Reject => document.empty("Hangup", &[("reason", "rejected")]),
        Step::HangUp => document.empty("Hangup", &[]),
        Step::Digits(digits) => {
            let document = document.text("DTMF", &[], digits);
            match leg.filter(|leg| leg.webhook_url.is_some()) {
                Some(leg) => {
                    let link = leg.link(&[
                        ("provider", "plivo"),
                        ("flow", "xml-speak"),
                        ("hop", &leg.hop.to_string()),
                    ]);
                    document.text("Redirect", &[("method", "POST")], &link)
                }
                None => wait(document),
            }
        }
        Step::Say { text, then } => {
            let document = document.text("Speak", &[("language", LANGUAGE)], text);
            match then {
                Then::Listen { turn } => listen(document, leg, turn),
                Then::HangUp(delay) => {
                    let length = delay.as_secs().to_string();
                    let document = match delay.is_zero() {
                        true => document,
                        false => document.empty("Wait", &[("length", &length)]),
                    };
                    document.empty("Hangup", &[])
                }
                Then::Wait => match leg.filter(|leg| leg.webhook_url.is_some()) {
                    Some(leg) => {
                        let hop = leg.hop.to_string();
                        let link = leg.link(&[("provider", "plivo"), ("flow", "xml-speak"), ("hop", &hop)]);
                        document.text("Redirect", &[("method", "POST")], &link)
                    }
                    None => wait(document),
                },
            }
        }
        Step::Listen { turn } => listen(document, leg, turn),
    };
    Reply::new("text/xml", document.finish())
}

fn wait(document: Document) -> Document {
    document.empty("Wait", &[("length", WAIT)])
}

fn listen(document: Document, leg: Option<&Leg>, turn: &str) -> Document {
    let Some(leg) = leg.filter(|leg| leg.webhook_url.is_some()) else {
        return wait(document);
    };
    let hop = leg.hop.to_string();
    let action = leg.link(&[
        ("provider", "plivo"),
        ("flow", "getinput"),
        ("turnToken", turn),
        ("hop", &hop),
    ]);
    let document = document.empty(
        "GetInput",
        &[
            ("inputType", "speech"),
            ("action", &action),
            ("method", "POST"),
            ("executionTimeout", "30"),
            ("speechEndTimeout", "1"),
            ("language", LANGUAGE),
            ("redirect", "false"),
        ],
    );
    wait(document)
}
