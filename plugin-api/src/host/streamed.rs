//! A call of the host whose answer is a stream: the call has to be polled as long as the stream is read, because that
//! is what drives it, and dropping it cancels the work.
use crate::{
    Error, ErrorKind, Host, Result, Source,
    abi::{Call, Chunks, sink_pair},
};
use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
};

/// Chunks that wait on either side before the writer has to.
const WINDOW: usize = 16;

type Reply = Pin<Box<dyn Future<Output = Result<Vec<u8>>> + Send>>;

/// A call in progress and what it streams.
pub(crate) struct Streamed {
    call: Option<Reply>,
    chunks: Chunks,
    /// The outcome, once the call has ended; an error is told once.
    outcome: Option<Result<Vec<u8>>>,
}

/// What `main` gives, while `side` goes on beside it. A `side` that has more to say then is dropped: whoever has answered
/// asks for nothing more.
pub(crate) async fn beside<T>(main: impl Future<Output = T>, side: impl Future<Output = ()>) -> T {
    let (mut main, mut side) = (pin!(main), pin!(side));
    let mut is_over = false;
    poll_fn(|cx| {
        is_over = is_over || side.as_mut().poll(cx).is_ready();
        main.as_mut().poll(cx)
    })
    .await
}

impl Streamed {
    pub(crate) fn start(
        host: &Host,
        method: &str,
        target: &str,
        body: Vec<u8>,
        input: Option<Source>,
    ) -> Self {
        let (out, chunks) = sink_pair(WINDOW);
        let call = host.call_raw(Call {
            method,
            target,
            meta: "",
            body,
            out: Some(out),
            input,
        });
        Self {
            call: Some(Box::pin(call)),
            chunks,
            outcome: None,
        }
    }

    /// The next chunk; `None` when the call has ended well.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The first chunk of streams that begin with a head.
    pub(crate) async fn head(&mut self, what: &str) -> Result<Vec<u8>> {
        let head = self.next().await?;
        head.ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                format_args!("the host ended {what} without an answer"),
            )
        })
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>>> {
        if let Some(call) = &mut self.call {
            if let Poll::Ready(outcome) = call.as_mut().poll(cx) {
                self.call = None;
                self.outcome = Some(outcome);
            }
        }
        match self.chunks.poll_next(cx) {
            Poll::Ready(Some(chunk)) => Poll::Ready(Ok(Some(chunk))),
            // The writer is gone and everything was read: what is left is the call's verdict.
            Poll::Ready(None) => match &self.outcome {
                Some(Ok(_)) => Poll::Ready(Ok(None)),
                Some(Err(error)) => {
                    let error = error.clone();
                    self.outcome = Some(Ok(Vec::new()));
                    Poll::Ready(Err(error))
                }
                None => Poll::Pending,
            },
            Poll::Pending => Poll::Pending,
        }
    }
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streamed")
    }
}
