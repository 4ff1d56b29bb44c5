//! Where the call model and the sound of a call meet.
//!
//! `stream` (and `realtime`) serve sockets and know no policy; [`super::Calls`] decides and knows no audio. Invariant: a
//! carrier is sent to a socket only with a ticket that whoever serves the socket has made.
use super::CallId;
use futures_util::future::BoxFuture;
use openclaw_plugin_api::Result;

/// What lets one call's audio in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ticket {
    /// `wss://…`, as the carrier reaches it.
    pub(crate) url: String,
    /// What the socket's first message has to bring.
    pub(crate) token: String,
}

/// Whoever serves the sound of calls.
pub(crate) trait Media: Send + Sync + 'static {
    /// A ticket for this call to `number`, which is empty for calls that the agent makes. `None`: no sound can be served
    /// now, and the carrier's own voice is used.
    fn ticket(&self, call: &CallId, provider_call_id: &str, number: &str) -> Option<Ticket>;

    /// Does sound of this call flow now?
    fn is_open(&self, call: &CallId) -> bool;

    /// Speaks. Resolves when the caller has heard it all, or was so impolite as to interrupt.
    fn say(&self, call: &CallId, text: &str) -> BoxFuture<'static, Result<()>>;

    /// Stops what is being spoken.
    fn clear(&self, call: &CallId);

    /// Ends the sound of a call that is over.
    fn close(&self, call: &CallId);
}

/// What whoever serves sound tells of it; [`super::Calls`] listens.
pub(crate) trait MediaEvents: Send + Sync + 'static {
    /// Something happened in the sound of a call.
    fn media(&self, call: &CallId, event: MediaEvent) -> BoxFuture<'static, ()>;

    /// The agent that a call is with; empty for the default one.
    fn agent(&self, _call: &CallId) -> String {
        String::new()
    }

    /// A model that speaks by itself asks the agent behind it.
    fn consult(&self, _call: &CallId, _question: String) -> BoxFuture<'static, Result<String>> {
        Box::pin(async {
            Err(openclaw_plugin_api::Error::unsupported(
                "nobody can be asked during this call",
            ))
        })
    }
}

/// What happens in the sound of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MediaEvent {
    /// Sound flows both ways and can be understood: the greeting may be spoken.
    Started,
    /// The caller began to speak. What is being spoken has been stopped already.
    Interrupted,
    /// What the caller said.
    Heard {
        /// The words.
        text: String,
        /// They will not change any more.
        is_final: bool,
    },
    /// What a model that speaks by itself said.
    Said {
        /// The words.
        text: String,
    },
    /// Keys that the caller pressed.
    Digits(String),
    /// The carrier, or the model that speaks, has ended it.
    Stopped,
    /// It broke off, and the time for coming back is over: the call itself may go on.
    Broken,
}

/// No sound: the carrier's own voice speaks and listens.
#[derive(Debug)]
pub(crate) struct NoMedia;

impl Media for NoMedia {
    fn ticket(&self, _: &CallId, _: &str, _: &str) -> Option<Ticket> {
        None
    }

    fn is_open(&self, _: &CallId) -> bool {
        false
    }

    fn say(&self, _: &CallId, _: &str) -> BoxFuture<'static, Result<()>> {
        Box::pin(async {
            Err(openclaw_plugin_api::Error::unsupported(
                "this call has no stream of sound",
            ))
        })
    }

    fn clear(&self, _: &CallId) {}

    fn close(&self, _: &CallId) {}
}
