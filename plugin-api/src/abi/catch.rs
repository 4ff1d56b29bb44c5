//! Keeps unwinding on the side where it began: a panic becomes a value, in polls and in drops.
use std::{
    any::Any,
    future::Future,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

/// A future whose panics become `Err(text)`. Its drop, which is how a call is cancelled, can't unwind either: the
/// machinery under it would abort the process.
pub struct Catch<F>(ManuallyDrop<F>);

impl<F> Catch<F> {
    /// Wraps a future.
    pub fn new(future: F) -> Self {
        Self(ManuallyDrop::new(future))
    }
}

impl<F> Drop for Catch<F> {
    fn drop(&mut self) {
        // SAFETY: the field is dropped here and nowhere else.
        let outcome = catch_unwind(AssertUnwindSafe(|| unsafe { ManuallyDrop::drop(&mut self.0) }));
        if let Err(payload) = outcome {
            panic_text(payload);
        }
    }
}

impl<F: Future> Future for Catch<F> {
    type Output = Result<F::Output, String>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the field is structurally pinned: it is never moved out, and `Drop` only drops it in place.
        let future = unsafe { self.map_unchecked_mut(|this| &mut *this.0) };
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(panic_text(payload))),
        }
    }
}

/// The message of a panic. The payload is dropped under a catch of its own, because that may panic too.
pub fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a message".to_owned());
    let _ = catch_unwind(AssertUnwindSafe(move || drop(payload)));
    text
}
