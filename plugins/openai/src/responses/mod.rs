//! The Responses API: what is sent and what comes back. Nothing here does I/O.
mod request;
mod stream;

pub use request::body;
pub use stream::Reader;

#[cfg(test)]
mod tests;
