//! How people, programs and agents use the phone. Nothing is decided here: each surface asks for the same operations.
mod command;
mod expose;
mod latency;
mod methods;
mod operations;
mod tool;
mod words;

pub(crate) use command::{Command, NAME as COMMAND};
pub(crate) use methods::{NAMES as METHODS, VoiceMethods};
pub(crate) use tool::{NAME as TOOL, VoiceTool};
