//! The id of another plugin, `healthy`.
use openclaw_bad_plugins::prelude::*;

exhibit!("healthy", "dup_id", |_| async { Ok("the wrong one".into()) });
