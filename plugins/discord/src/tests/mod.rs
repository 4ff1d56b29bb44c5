//! The plugin in a fake host.
