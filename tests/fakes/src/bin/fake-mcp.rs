//! `fake-mcp <mode>`: a server of the Model Context Protocol that misbehaves as told; see `openclaw_fakes::mcp`.
use openclaw_fakes::mcp::{Mode, serve};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mode = std::env::args().nth(1).unwrap_or_default();
    match Mode::named(&mode).map(serve) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(_)) => ExitCode::FAILURE,
        None => {
            eprintln!("fake-mcp: there is no mode {mode:?}");
            ExitCode::FAILURE
        }
    }
}
