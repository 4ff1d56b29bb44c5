//! The Chat Completions API, as OpenAI and everybody else speaks it. Nothing here does I/O.
mod request;
mod stream;

pub use request::body;
pub use stream::Reader;

#[cfg(test)]
mod tests;
