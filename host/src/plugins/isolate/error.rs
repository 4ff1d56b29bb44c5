//! Why a call or a whole connection ends without an answer.
use super::{budget::MAX_HELD, frame::FrameError, open::MAX_SERVED};
use openclaw_plugin_api::abi::Fault;

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    /// The other side answered so, or the call could not be sent.
    Fault(Fault),
    /// The other side is gone, or this one was closed.
    Gone,
}

/// Why a connection was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The other side closed it, or died.
    #[error("the other side closed the connection")]
    Closed,
    /// This side closed it.
    #[error("the connection was closed here")]
    ClosedHere,
    /// Bytes that are no frame.
    #[error("the other side broke the protocol: {0}")]
    Frame(#[from] FrameError),
    /// More chunks or credits than the window of a stream has.
    #[error("the other side broke the protocol: it ignores the window of a stream")]
    Window,
    /// An id of the wrong side, or one that is in use.
    #[error("the other side broke the protocol: it uses the id {id} wrongly")]
    Id {
        /// The id.
        id: u32,
    },
    /// More calls than may be open.
    #[error("the other side broke the protocol: more than {MAX_SERVED} calls are open")]
    Calls,
    /// Streams that nobody reads fast enough.
    #[error("the other side keeps more than {} MB waiting; write smaller chunks", MAX_HELD >> 20)]
    Held,
}
