//! Ends the process.
use openclaw_bad_plugins::prelude::*;

exhibit!("exit-process", "exit_process", |_| async {
    std::process::exit(3)
});
