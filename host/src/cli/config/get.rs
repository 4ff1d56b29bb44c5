//! `openclaw config get`: one value as it is written, secrets hidden.
use super::{
    super::{Failure, output},
    Place, path,
};
use crate::config::{Redactor, Sources};
use serde_json::Value;

/// Prints a value of openclaw.json as it is written; secrets are shown as ***.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The value, like agents.list[0].id or channels["my.id"]
    path: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Show secrets
    #[arg(long)]
    reveal: bool,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place<'_>) -> Result<(), Failure> {
    let path = path(&args.path)?;
    let sources =
        Sources::read(&place.paths.config_file, &place.paths.include_roots).map_err(Failure::config)?;
    let Some(value) = path.of(sources.merged()) else {
        let file = place.paths.config_file.display();
        return Err(Failure::new(format_args!("{path} is not set in {file}")));
    };
    let shown = if args.reveal {
        value.clone()
    } else {
        Redactor::new(place.schema()).redact(value, &path)
    };
    match &shown {
        Value::String(text) if !args.json => {
            anstream::println!("{text}");
            Ok(())
        }
        other => output::json(other),
    }
}
