//! Changes the working directory of the process.
use openclaw_bad_plugins::prelude::*;

exhibit!("changes-cwd", "changes_cwd", |_| async {
    std::env::set_current_dir("/")?;
    Ok("fine".into())
});
