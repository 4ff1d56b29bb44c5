//! No fault at all: the control specimen.
use openclaw_bad_plugins::prelude::*;

exhibit!("healthy", "healthy", |_| async { Ok("fine".into()) });
