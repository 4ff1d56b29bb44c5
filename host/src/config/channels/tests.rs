//! Both forms of the shared keys of channels read the same.
