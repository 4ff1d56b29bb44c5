//! From the host's replies to Discord's requests.
mod act;
mod adapt;
pub(crate) mod component;
pub(crate) mod compose;
mod late;
mod memory;
mod once;
mod render;
mod send;
mod split;
mod table;
pub(crate) mod target;
pub(crate) mod thread;
mod voice;

pub(crate) use act::{activity, delete, edit, emoji, emoji_of, react, react_with};
pub(crate) use memory::{Home, Memory};
pub(crate) use once::once;
pub(crate) use send::{send, with_files};

#[cfg(test)]
pub(crate) mod lab;
#[cfg(test)]
mod tests;
