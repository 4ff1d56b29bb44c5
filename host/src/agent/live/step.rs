//! What can happen in a run.
use openclaw_plugin_api::{ToolOutput, Usage};
use serde_json::Value;

/// Something that happened in a run.
#[derive(Debug, Clone)]
pub enum Step {
    /// Somebody asked for it.
    Opened,
    /// Who asked for it knows that it is taken.
    Acked,
    /// It waits, or is being prepared.
    Phase(&'static str),
    /// The turn begins.
    Began,
    /// A model is asked.
    Asks {
        /// Its provider.
        provider: String,
        /// Its id.
        model: String,
    },
    /// There is more of a text or a thought; see [`Run::written`](super::Run::written).
    Grew,
    /// A model has said a whole message.
    Said {
        /// Its text.
        text: String,
        /// It wants tools.
        calls: bool,
        /// What it cost.
        usage: Usage,
    },
    /// A tool begins.
    ToolBegan {
        /// Id of the call.
        id: String,
        /// Its name.
        name: String,
        /// What it was given.
        arguments: Value,
    },
    /// A tool has ended.
    ToolEnded {
        /// Id of the call.
        id: String,
        /// What it gave, cut to what is shown.
        output: ToolOutput,
    },
    /// It waits for the operator's answer, or has it.
    Approval {
        /// It waits.
        waits: bool,
        /// Id of the question.
        id: String,
        /// Id of the tool's call.
        call: String,
    },
    /// The conversation is being made shorter, or was.
    Compacting(bool),
    /// There is more in the transcript.
    Wrote,
    /// It has ended; see [`Run::how`](super::Run::how).
    Ended,
}
