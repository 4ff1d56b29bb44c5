//! What Twilio is answered.
use crate::{
    call::{Leg, Step, Then},
    provider::{Reply, xml::Document},
};

/// Seconds of quiet before Twilio asks again.
const PAUSE: &str = "30";
/// The same while something is being found out or told. Short, because its next question shows what has reached it.
const WAIT: &str = "5";
/// Seconds that Twilio waits for somebody to speak.
const LISTEN: &str = "120";
/// The voice when nobody says which.
const VOICE: &str = "Polly.Joanna";

/// The document that says how a call goes on.
pub(crate) fn document(step: &Step, leg: Option<&Leg>) -> Reply {
    let voice = leg.and_then(|leg| leg.voice.as_deref());
    Reply::new("application/xml", render(step, leg, voice))
}

pub(super) fn render(step: &Step, leg: Option<&Leg>, voice: Option<&str>) -> String {
    let document = Document::default();
    let document = match step {
        Step::Nothing | Step::Answer => document,
        Step::Reject => document.empty("Reject", &[("reason", "rejected")]),
        Step::HangUp => document.empty("Hangup", &[]),
        Step::Stream(ticket) => {
            let token =
                Document::default().empty("Parameter", &[("name", "token"), ("value", &ticket.token)]);
            let stream = Document::default().nest("Stream", &[("url", &ticket.url)], token);
            let document = document.nest("Connect", &[], stream);
            // a stream that breaks off is no end of the call
            again(document.empty("Pause", &[("length", PAUSE)]), leg)
        }
        Step::Digits(digits) => again(document.empty("Play", &[("digits", digits)]), leg),
        Step::Say { text, then } => {
            let document = document.text("Say", &[("voice", &polly(voice))], text);
            match then {
                Then::Listen { turn } => listen(document, leg, turn),
                Then::HangUp(_) => document.empty("Hangup", &[]),
                Then::Wait => again(document, leg),
            }
        }
        Step::Listen { turn } => listen(document, leg, turn),
        Step::Wait => again(document.empty("Pause", &[("length", WAIT)]), leg),
    };
    document.finish()
}

/// Twilio asks again. Each link differs from the one before: a repeated request has no effect.
fn again(document: Document, leg: Option<&Leg>) -> Document {
    let Some(leg) = leg.filter(|leg| leg.webhook_url.is_some()) else {
        return document.empty("Pause", &[("length", PAUSE)]);
    };
    let link = leg.link(&[("hop", &leg.hop.to_string())]);
    document.text("Redirect", &[("method", "POST")], &link)
}

fn listen(document: Document, leg: Option<&Leg>, turn: &str) -> Document {
    let Some(leg) = leg.filter(|leg| leg.webhook_url.is_some()) else {
        return document.empty("Pause", &[("length", PAUSE)]);
    };
    let action = leg.link(&[("turnToken", turn), ("hop", &leg.hop.to_string())]);
    let document = document.empty(
        "Gather",
        &[
            ("input", "speech"),
            ("speechTimeout", "auto"),
            ("timeout", LISTEN),
            ("language", "en-US"),
            ("action", &action),
            ("method", "POST"),
        ],
    );
    again(document, Some(leg))
}

/// Twilio's name of a voice.
fn polly(voice: Option<&str>) -> String {
    let Some(voice) = voice else {
        return VOICE.to_owned();
    };
    if voice.starts_with("Polly.") || voice.starts_with("Google.") {
        return voice.to_owned();
    }
    match voice.to_ascii_lowercase().as_str() {
        "alloy" => "Polly.Joanna",
        "echo" => "Polly.Matthew",
        "fable" => "Polly.Amy",
        "onyx" => "Polly.Brian",
        "nova" => "Polly.Salli",
        "shimmer" => "Polly.Kimberly",
        _ => VOICE,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallId, Ticket};
    use std::time::Duration;

    fn leg() -> Leg {
        Leg {
            call_id: CallId::given("c"),
            provider_call_id: "CA1".into(),
            webhook_url: Some("https://voice.example.com/voice/webhook".into()),
            hop: 3,
            command: 3,
            listening: false,
            voice: Some("onyx".into()),
        }
    }

    fn body(step: &Step) -> String {
        let reply = document(step, Some(&leg()));
        assert_eq!(reply.content_type, "application/xml");
        let body = reply
            .body
            .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>");
        body.and_then(|body| body.strip_suffix("</Response>"))
            .expect("a document")
            .to_owned()
    }

    #[test]
    fn documents_have_twilios_shapes() {
        let redirect =
            "<Redirect method=\"POST\">https://voice.example.com/voice/webhook?callId=c&amp;hop=3</Redirect>";
        let gather = "<Gather input=\"speech\" speechTimeout=\"auto\" timeout=\"120\" language=\"en-US\" \
                      action=\"https://voice.example.com/voice/webhook?callId=c&amp;turnToken=t&amp;hop=3\" method=\"POST\"/>";
        let turn = "t".to_owned();
        let say = |then| Step::Say {
            text: "Hi & bye".into(),
            then,
        };
        let ticket = Ticket {
            url: "wss://voice.example.com/voice/stream".into(),
            token: "T".into(),
        };
        for (step, expected) in [
            (Step::Nothing, String::new()),
            (Step::Reject, "<Reject reason=\"rejected\"/>".into()),
            (Step::HangUp, "<Hangup/>".into()),
            (
                Step::Stream(ticket),
                format!(
                    "<Connect><Stream url=\"wss://voice.example.com/voice/stream\"><Parameter name=\"token\" \
                     value=\"T\"/></Stream></Connect><Pause length=\"30\"/>{redirect}"
                ),
            ),
            (
                Step::Digits("1w2".into()),
                format!("<Play digits=\"1w2\"/>{redirect}"),
            ),
            (
                say(Then::HangUp(Duration::ZERO)),
                "<Say voice=\"Polly.Brian\">Hi &amp; bye</Say><Hangup/>".into(),
            ),
            (
                say(Then::Listen { turn: turn.clone() }),
                format!("<Say voice=\"Polly.Brian\">Hi &amp; bye</Say>{gather}{redirect}"),
            ),
            (Step::Listen { turn }, format!("{gather}{redirect}")),
            (Step::Wait, format!("<Pause length=\"5\"/>{redirect}")),
        ] {
            assert_eq!(body(&step), expected, "{step:?}");
        }
        assert_eq!(
            document(&Step::Nothing, None).body,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>"
        );
    }

    #[test]
    fn voices_have_twilios_names() {
        for (voice, name) in [
            (None, "Polly.Joanna"),
            (Some("echo"), "Polly.Matthew"),
            (Some("Polly.Vicki"), "Polly.Vicki"),
            (Some("Google.de-DE-Standard-A"), "Google.de-DE-Standard-A"),
            (Some("somebody"), "Polly.Joanna"),
        ] {
            assert_eq!(polly(voice), name);
        }
    }
}
