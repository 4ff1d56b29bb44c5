//! The carriers' own descriptions, where they are at hand; of Plivo there is none, and what its documents say is here.
use super::{Carrier, Request};
use crate::spec;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static TWILIO: LazyLock<Option<Value>> = LazyLock::new(|| spec::read("twilio_calls.json"));
static TELNYX: LazyLock<Vec<(&str, Option<Validator>)>> = LazyLock::new(|| {
    [
        ("", "CallRequest"),
        ("answer", "AnswerRequest"),
        ("hangup", "HangupRequest"),
        ("speak", "SpeakRequest"),
        ("transcription_start", "TranscriptionStartRequest"),
        ("transcription_stop", "TranscriptionStopRequest"),
        ("send_dtmf", "SendDTMFRequest"),
    ]
    .map(|(action, name)| (action, spec::validator("telnyx_calls.json", name, |_| {})))
    .into()
});

/// The id in the path of a call.
pub(super) fn id(path: &str) -> String {
    let steps: Vec<_> = path.trim_end_matches('/').split('/').collect();
    let at = steps
        .iter()
        .position(|step| matches!(*step, "Calls" | "calls" | "Call" | "Request"));
    let id = at.and_then(|at| steps.get(at + 1)).copied().unwrap_or_default();
    super::decoded(id.trim_end_matches(".json"))
}

/// Would the carrier take the request? If not: why.
pub(super) fn check(carrier: Carrier, request: &Request) -> Result<(), String> {
    match carrier {
        Carrier::Twilio => twilio(request),
        Carrier::Telnyx => telnyx(request),
        Carrier::Plivo => plivo(request),
    }
}

fn twilio(request: &Request) -> Result<(), String> {
    let dials = request.path.ends_with("/Calls.json");
    let known = dials || request.path.contains("/Calls/") && request.path.ends_with(".json");
    if !known || !request.path.starts_with("/2010-04-01/Accounts/") {
        return Err(format!("Twilio has no {}", request.path));
    }
    if dials && request.field("Url").is_empty() && request.field("Twiml").is_empty() {
        return Err("a call needs Url or Twiml".into());
    }
    let Some(description) = TWILIO.as_ref().filter(|_| request.method == "POST") else {
        return Ok(());
    };
    let place = if dials { "Calls.json" } else { "Calls/{Sid}.json" };
    let place = format!("/2010-04-01/Accounts/{{AccountSid}}/{place}");
    let content = &description["paths"][place]["post"]["requestBody"]["content"];
    let schema = &content["application/x-www-form-urlencoded"]["schema"];
    let body = typed(request, &schema["properties"])?;
    let mut schema = schema.clone();
    schema["components"] = description["components"].clone();
    let validator = jsonschema::validator_for(&schema).expect("the description is a schema");
    spec::judge(&validator, &body)
}

/// The fields of a form with the types that the description gives them.
fn typed(request: &Request, properties: &Value) -> Result<Value, String> {
    let mut body = Map::new();
    for (key, text) in &request.form {
        let schema = properties
            .get(key)
            .ok_or_else(|| format!("there is no field {key}"))?;
        let value = match schema["type"].as_str() {
            Some("integer") => json!(text.parse::<i64>().map_err(|_| format!("{key} is no number"))?),
            Some("boolean") => json!(text == "true"),
            Some("array") => {
                let list = body.entry(key.clone()).or_insert_with(|| json!([]));
                list.as_array_mut().expect("it was made one").push(json!(text));
                continue;
            }
            _ => json!(text),
        };
        if body.insert(key.clone(), value).is_some() {
            return Err(format!("{key} stands there twice"));
        }
    }
    Ok(Value::Object(body))
}

fn telnyx(request: &Request) -> Result<(), String> {
    let rest = request
        .path
        .strip_prefix("/v2/calls")
        .ok_or("Telnyx has no such path")?;
    let action = match rest.split('/').collect::<Vec<_>>().as_slice() {
        [""] => "",
        ["", _] if request.method == "GET" => return Ok(()),
        ["", _, "actions", action] => *action,
        _ => return Err(format!("Telnyx has no {}", request.path)),
    };
    let found = TELNYX.iter().find(|(known, _)| *known == action);
    let (_, validator) = found.ok_or_else(|| format!("there is no action {action}"))?;
    validator
        .as_ref()
        .map_or(Ok(()), |validator| spec::judge(validator, &request.json))
}

fn plivo(request: &Request) -> Result<(), String> {
    let rest = request
        .path
        .strip_prefix("/v1/Account/")
        .and_then(|rest| rest.split_once('/'));
    let (_, rest) = rest.ok_or("Plivo has no such path")?;
    let needed: &[&str] = match (
        request.method.as_str(),
        rest.split('/').collect::<Vec<_>>().as_slice(),
    ) {
        ("POST", ["Call", ""]) => &["from", "to", "answer_url", "answer_method"],
        ("POST", ["Call", _, ""]) => &["legs", "aleg_url", "aleg_method"],
        ("GET" | "DELETE", ["Call", _, ""]) | ("DELETE", ["Request", _, ""]) => &[],
        _ => return Err(format!("Plivo has no {} {}", request.method, request.path)),
    };
    let lacking = needed.iter().find(|field| !request.json[**field].is_string());
    lacking.map_or(Ok(()), |field| Err(format!("{field} is missing")))
}
