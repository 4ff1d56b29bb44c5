//! The tool `voice_call`: an agent makes calls and talks in them.
use super::operations::{self, Params};
use crate::{config::TalkMode, phone::Line};
use openclaw_plugin_api::{Error, Result, Tool, ToolContext, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Its name.
pub(crate) const NAME: &str = "voice_call";

/// The tool.
#[derive(Debug)]
pub(crate) struct VoiceTool(Line);

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// Call somebody: message, to, mode.
    InitiateCall,
    /// Say something and wait for the answer: callId, message.
    ContinueCall,
    /// Say something: callId, message.
    SpeakToUser,
    /// Press keys: callId, digits.
    SendDtmf,
    /// Hang up: callId.
    EndCall,
    /// How a call is: callId.
    GetStatus,
}

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Args {
    /// What to do.
    action: Option<Action>,
    /// What to say.
    message: Option<String>,
    /// Whom to call, as +15550001234.
    to: Option<String>,
    /// "notify" says the message and hangs up, "conversation" goes on talking. Older forms: "call", "status".
    mode: Option<String>,
    /// Keys to press when the call is answered; for conversations.
    dtmf_sequence: Option<String>,
    /// Which call.
    call_id: Option<String>,
    /// The older name of callId.
    sid: Option<String>,
    /// Keys to press: 0-9, *, #, w for a pause.
    digits: Option<String>,
}

// === impl VoiceTool ===

impl VoiceTool {
    pub(crate) fn new(line: Line) -> Self {
        Self(line)
    }

    async fn act(&self, args: Args) -> Result<Value> {
        let mode = match args.mode.as_deref() {
            Some("notify") => Some(TalkMode::Notify),
            Some("conversation") => Some(TalkMode::Conversation),
            None | Some("call" | "status") => None,
            Some(_) => return Err(Error::invalid("mode is \"notify\" or \"conversation\"")),
        };
        let action = args.action.or(match args.mode.as_deref() {
            Some("call") => Some(Action::InitiateCall),
            Some("status") => Some(Action::GetStatus),
            _ => None,
        });
        let action = action.ok_or_else(|| Error::invalid("action required"))?;
        let params = Params {
            to: args.to,
            message: args.message,
            mode,
            dtmf_sequence: args.dtmf_sequence,
            call_id: args.call_id,
            sid: args.sid,
            digits: args.digits,
            ..Params::default()
        };
        match action {
            Action::InitiateCall => {
                params.message()?;
                operations::call(&self.0, params).await
            }
            Action::ContinueCall => operations::converse(&self.0, &params).await,
            Action::SpeakToUser => operations::speak(&self.0, &params).await,
            Action::SendDtmf => operations::press(&self.0, &params).await,
            Action::EndCall => operations::end(&self.0, &params).await,
            Action::GetStatus => operations::status(&self.0, &params).await,
        }
    }
}

impl Tool for VoiceTool {
    const NAME: &'static str = NAME;
    const DESCRIPTION: &'static str = "Makes phone calls and talks in them: calls a number with a message, says \
        something and waits for the answer, presses keys, hangs up, tells how a call is.";
    type Args = Args;

    async fn invoke(&self, args: Args, _: ToolContext) -> Result<ToolOutput> {
        match self.act(args).await {
            Ok(value) => Ok(ToolOutput::json(value)),
            Err(error) if operations::is_told(&error) => {
                let mut output = ToolOutput::json(operations::failure(&error));
                output.is_error = true;
                Ok(output)
            }
            Err(error) => Err(error),
        }
    }
}
