//! `openclaw config validate`: everything that is wrong with the file, and what has no effect.
use super::{
    super::{Failure, output},
    Place,
};
use crate::config::{ConfigError, Inspected, Loaded, Problem};
use serde_json::{Value, json};

/// Says what is wrong with openclaw.json; exit code 78 if something is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Also fetch the secrets that it refers to, which may start programs
    #[arg(long)]
    secrets: bool,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place<'_>) -> Result<(), Failure> {
    let file = place.paths.config_file.display().to_string();
    let (mut issues, warnings) = match Inspected::read(&place.paths, place.env) {
        Ok(inspected) => judged(inspected, place),
        Err(error) => (vec![Issue::of_text(error.to_string())], Vec::new()),
    };
    if args.secrets && issues.is_empty() {
        issues = match Loaded::read(&place.paths, place.env) {
            Ok(_) => issues,
            Err(ConfigError::Invalid(problems)) => problems.iter().map(Issue::of).collect(),
            Err(error) => vec![Issue::of_text(error.to_string())],
        };
    }
    let valid = issues.is_empty();
    if args.json {
        let show = |issues: &[Issue]| issues.iter().map(|issue| issue.json.clone()).collect::<Vec<_>>();
        output::json(&json!({
            "valid": valid, "path": file, "issues": show(&issues), "warnings": show(&warnings),
        }))?;
        return if valid { Ok(()) } else { Err(Failure::config("")) };
    }
    for warning in &warnings {
        anstream::eprintln!("warning: {}", warning.text);
    }
    if valid {
        anstream::println!("{file} is valid.");
        return Ok(());
    }
    let lines: String = issues.iter().map(|issue| format!("\n  {}", issue.text)).collect();
    let count = issues.len();
    let noun = if count == 1 { "fault" } else { "faults" };
    Err(Failure::config(format_args!("{count} {noun} to correct:{lines}")))
}

/// One thing to say, for people and for machines.
struct Issue {
    text: String,
    json: Value,
}

impl Issue {
    fn of(problem: &Problem) -> Self {
        Self {
            text: problem.to_string(),
            json: json!({
                "path": problem.path.to_string(), "message": problem.message,
                "file": problem.at.file.display().to_string(), "line": problem.at.line, "column": problem.at.column,
            }),
        }
    }

    fn of_text(text: String) -> Self {
        Self {
            json: json!({"path": "", "message": text}),
            text,
        }
    }
}

fn judged(mut inspected: Inspected, place: &Place<'_>) -> (Vec<Issue>, Vec<Issue>) {
    let mut unknown = Vec::new();
    if let Some(config) = &inspected.config {
        let (judgement, strange) = place.judged(config, &mut inspected.without_effect);
        inspected.faults.extend(judgement.faults);
        inspected.without_effect.extend(judgement.without_effect);
        unknown = strange;
    }
    let issues = inspected.problems().iter().map(Issue::of).collect();
    let strange = unknown.iter().map(|fault| Issue::of_text(fault.to_string()));
    let warnings = inspected
        .warnings()
        .iter()
        .map(Issue::of)
        .chain(strange)
        .collect();
    (issues, warnings)
}
