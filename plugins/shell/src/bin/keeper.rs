//! Keeps commands as the gateway's program does.
use std::process::ExitCode;

fn main() -> ExitCode {
    let code = openclaw_confine::launch::serve(std::env::args_os());
    ExitCode::from(code.unwrap_or(2))
}
