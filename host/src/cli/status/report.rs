//! The report of `openclaw status --all`: everything that helps somebody who helps, and nothing that is secret.
//!
//! Invariant: secrets are left out where they stand, by the schema and by their names; and whatever else is printed, no
//! value that is known to be one is in it, nor the name of the user's home.
use super::{
    Args,
    gather::Status,
    show::{self, line},
};
use crate::{
    checkup::written_secrets,
    cli::{config::Place, findings, output},
    config::{Env, HIDDEN, JsonPath, Redactor, Sources},
};
use serde_json::Value;

/// Shortest value that is looked for as a secret: shorter ones are words.
const MIN_SECRET: usize = 6;
/// Variables whose values are secrets.
const SECRET_VARIABLES: [&str; 2] = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"];

/// The text.
pub(super) fn text(status: &Status, args: &Args, env: &Env) -> String {
    let mut text = String::from(
        "OpenClaw status report. Secrets are left out; look through it before you pass it on.\n\n",
    );
    text.push_str(&show::text(status));
    plugins(status, &mut text);
    audit(status, &mut text);
    let sources = Sources::read(
        &status.setting.paths.config_file,
        &status.setting.paths.include_roots,
    )
    .ok();
    if let (Some(sources), Ok(place)) = (&sources, Place::of(env)) {
        let shown = Redactor::new(place.schema()).redact(sources.merged(), &JsonPath::root());
        line(&mut text, &format!("\nConfiguration\n{shown:#}"));
    }
    log(status, &mut text);
    if !args.deep {
        line(&mut text, "\nPlatforms were not asked; --deep does.");
    }
    let written = sources.as_ref().map(Sources::merged);
    scrub(
        &text,
        &secrets(written, status, env),
        status.setting.paths.home.as_deref(),
    )
}

fn plugins(status: &Status, text: &mut String) {
    let mut table = output::table(&["PLUGIN", "VERSION", "ON", "WHY", "WHERE"]);
    for spec in &status.setting.assembly.specs {
        let on = if spec.reason.is_on() { "yes" } else { "no" };
        table.add_row([
            spec.manifest.id.clone(),
            spec.manifest.version.to_string(),
            on.to_owned(),
            spec.reason.to_string(),
            spec.path.display().to_string(),
        ]);
    }
    if !table.is_empty() {
        line(text, &format!("\n{table}"));
    }
}

fn audit(status: &Status, text: &mut String) {
    line(text, "\nAudit");
    for finding in &status.audit {
        let (word, id) = (finding.severity.word(), &finding.id);
        line(
            text,
            &format!("  {word} [{id}] {}: {}", finding.title, finding.detail),
        );
    }
    line(
        text,
        &format!(
            "  {}",
            findings::summary(&crate::checkup::Summary::of(&status.audit))
        ),
    );
}

fn log(status: &Status, text: &mut String) {
    let Ok(Some(log)) = status.gateway.as_ref().map(|asked| &asked.log) else {
        return;
    };
    line(text, "\nLog");
    for row in output::list(&log["lines"]).filter_map(Value::as_str) {
        let parsed: Value = serde_json::from_str(row).unwrap_or_default();
        let head = ["time", "level", "subsystem", "message"].map(|key| output::text(&parsed[key]));
        match parsed.is_object() {
            true => line(text, &format!("  {}", head.join(" "))),
            false => line(text, &format!("  {}", output::text(&Value::from(row)))),
        }
    }
}

/// Values that are known to be secrets.
fn secrets(written: Option<&Value>, status: &Status, env: &Env) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for value in [written, Some(status.setting.config.value())]
        .into_iter()
        .flatten()
    {
        let paths = written_secrets(value);
        found.extend(
            paths
                .iter()
                .filter_map(|path| path.of(value)?.as_str().map(str::to_owned)),
        );
    }
    found.extend(
        SECRET_VARIABLES
            .iter()
            .filter_map(|name| env.var(name).map(str::to_owned)),
    );
    let own = crate::cli::address::own_token(&status.setting);
    found.extend(own.map(|token| token.expose().to_owned()));
    found.retain(|secret| secret.chars().count() >= MIN_SECRET);
    // the longest first, so that none is left in part
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found
}

fn scrub(text: &str, secrets: &[String], home: Option<&std::path::Path>) -> String {
    let mut text = secrets.iter().fold(text.to_owned(), |text, secret| {
        text.replace(secret.as_str(), HIDDEN)
    });
    let home = home
        .map(|home| home.display().to_string())
        .filter(|home| home.len() > 1);
    if let Some(home) = home {
        text = text.replace(&home, "~");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_and_no_home_is_left() {
        let secrets = ["abcdef-long".to_owned(), "abcdef".to_owned()];
        let home = std::path::Path::new("/home/ada");
        assert_eq!(
            scrub("x abcdef-long /home/ada/.openclaw abcdef", &secrets, Some(home)),
            "x *** ~/.openclaw ***"
        );
        assert_eq!(scrub("/a/b", &[], Some(std::path::Path::new("/"))), "/a/b");
    }
}
