//! `cargo run -p openclaw-compat -- freeze`: keeps a library of this release for every later one to load.
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("freeze") {
        eprintln!("usage: openclaw-compat freeze");
        return ExitCode::from(2);
    }
    match openclaw_compat::freeze() {
        Ok(path) => {
            println!("{}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
