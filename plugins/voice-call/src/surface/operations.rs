//! What can be asked of the phone, with parameters and results as JSON.
use crate::{
    call::{CallId, Order, State},
    config::TalkMode,
    phone::Line,
};
use openclaw_plugin_api::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// Parameters of every operation; each reads what it needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Params {
    pub(super) to: Option<String>,
    pub(super) message: Option<String>,
    pub(super) mode: Option<TalkMode>,
    #[serde(alias = "dtmf")]
    pub(super) dtmf_sequence: Option<String>,
    pub(super) session_key: Option<String>,
    pub(super) call_id: Option<String>,
    pub(super) sid: Option<String>,
    pub(super) digits: Option<String>,
    pub(super) operation_id: Option<String>,
}

// === impl Params ===

impl Params {
    pub(super) fn read(params: &Value) -> Result<Self> {
        let params = if params.is_null() { &json!({}) } else { params };
        Self::deserialize(params).map_err(|e| Error::invalid(format_args!("the parameters don't fit: {e}")))
    }

    pub(super) fn call(&self) -> Result<CallId> {
        required(self.call_id.as_deref().or(self.sid.as_deref()), "callId").map(CallId::given)
    }

    pub(super) fn message(&self) -> Result<&str> {
        required(self.message.as_deref(), "message")
    }
}

fn required<'p>(value: Option<&'p str>, name: &str) -> Result<&'p str> {
    let value = value.map(str::trim).filter(|value| !value.is_empty());
    value.ok_or_else(|| Error::invalid(format_args!("{name} required")))
}

/// Makes a call.
pub(super) async fn call(line: &Line, params: Params) -> Result<Value> {
    let order = Order {
        to: params.to,
        message: params.message,
        mode: params.mode,
        digits: params.dtmf_sequence,
        session_key: params.session_key,
    };
    let id = line.phone()?.calls.initiate(order).await?;
    Ok(json!({ "callId": id, "initiated": true }))
}

/// Says something and gives what the person answers.
pub(super) async fn converse(line: &Line, params: &Params) -> Result<Value> {
    let heard = line
        .phone()?
        .calls
        .converse(&params.call()?, params.message()?)
        .await?;
    Ok(json!({ "success": true, "transcript": heard }))
}

/// Says something.
pub(super) async fn speak(line: &Line, params: &Params) -> Result<Value> {
    line.phone()?
        .calls
        .speak(&params.call()?, params.message()?)
        .await?;
    Ok(json!({ "success": true }))
}

/// Presses keys.
pub(super) async fn press(line: &Line, params: &Params) -> Result<Value> {
    let digits = required(params.digits.as_deref(), "digits")?;
    line.phone()?.calls.press(&params.call()?, digits).await?;
    Ok(json!({ "success": true }))
}

/// Ends a call.
pub(super) async fn end(line: &Line, params: &Params) -> Result<Value> {
    line.phone()?
        .calls
        .hang_up(&params.call()?, State::HangupBot)
        .await?;
    Ok(json!({ "success": true }))
}

/// One call; or, without an id, all that go on.
pub(super) async fn status(line: &Line, params: &Params) -> Result<Value> {
    let id = params.call_id.as_deref().or(params.sid.as_deref());
    let Some(id) = id.map(str::trim).filter(|id| !id.is_empty()) else {
        let calls = line.phone().map(|phone| phone.calls.active()).unwrap_or_default();
        return Ok(json!({ "found": !calls.is_empty(), "calls": calls, "plugin": line.report() }));
    };
    Ok(match line.phone()?.calls.look_up(id).await? {
        Some(call) => json!({ "found": true, "call": call }),
        None => json!({ "found": false }),
    })
}

/// A failure as programs know it.
pub(super) fn failure(error: &Error) -> Value {
    json!({ "error": error.message() })
}

/// Is it the caller's own fault, to be told as an answer?
pub(super) fn is_told(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::Internal | ErrorKind::Closed | ErrorKind::Cancelled
    )
}
