//! `openclaw secrets audit`: where secrets lie open, in the configuration, its copies and the files beside it.
use super::find::plain;
use crate::{
    cli::{Failure, config::Place, output, setting::Setting, vault},
    config::{ConfigError, Document, Env, Loaded, Paths, Redactor, Sources, last_good},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Keys with secrets in a file of auth profiles.
const IN_PROFILES: [&str; 4] = ["key", "token", "access", "refresh"];
/// Files of the state directory that are one secret, or full of them.
const PRIVATE: [&str; 4] = [vault::FILE, "gateway.token", "gateway.env", "device.key"];
/// Longest file that is looked at, bytes.
const MAX_FILE: u64 = 4 << 20;

/// Says where secrets stand as they are, and which references lead nowhere
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Exit with 1 if something lies open, with 2 if a reference leads nowhere
    #[arg(long)]
    check: bool,
    /// Try references to programs too, which starts them
    #[arg(long)]
    allow_exec: bool,
}

/// Something that was found.
#[derive(Debug, Serialize)]
struct Finding {
    /// `PLAINTEXT`, `COPY`, `PROFILE`, `READABLE`, `UNRESOLVED`, `UNREAD`
    code: &'static str,
    file: PathBuf,
    /// The value; empty: the whole file.
    path: String,
    /// What to do.
    remedy: String,
}

/// Runs the command.
pub(super) fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let place = Place::of(env)?;
    let paths = &place.paths;
    let redactor = Redactor::new(place.schema());
    let mut findings = Vec::new();
    let has_config = paths.config_file.exists();
    if has_config {
        of_config(paths, &redactor, &mut findings)?;
    }
    copies(paths, &redactor, &mut findings);
    profiles(env, &mut findings);
    modes(paths, &mut findings);
    let is_tried = has_config && (args.allow_exec || !uses_programs(paths));
    if is_tried {
        unresolved(paths, env, &mut findings);
    }
    let count = |code: &str| findings.iter().filter(|finding| finding.code == code).count();
    let broken = count("UNRESOLVED");
    if args.json {
        output::json(&json!({
            "ok": findings.is_empty(), "findings": findings, "referencesTried": is_tried,
            "summary": { "plaintext": count("PLAINTEXT"), "copies": count("COPY"), "profiles": count("PROFILE"),
                "readable": count("READABLE"), "unresolved": broken },
        }))?;
    } else {
        print(&findings, is_tried || !has_config);
    }
    match (args.check, broken, findings.is_empty()) {
        (false, ..) | (true, 0, true) => Ok(()),
        (true, 0, false) => Err(Failure::silent()),
        (true, ..) => Err(Failure::usage("").quiet()),
    }
}

fn of_config(paths: &Paths, redactor: &Redactor, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let sources = Sources::read(&paths.config_file, &paths.include_roots).map_err(Failure::config)?;
    for found in plain(sources.merged(), redactor) {
        let remedy = match found.can_move {
            true => "`openclaw secrets configure` moves it into a file of its own".to_owned(),
            false => "set it in the environment of the gateway, and remove it here".to_owned(),
        };
        findings.push(Finding {
            code: "PLAINTEXT",
            file: sources.locate(&found.path).file.to_path_buf(),
            path: found.path.to_string(),
            remedy,
        });
    }
    Ok(())
}

/// Earlier contents of the configuration that are kept beside it.
fn copies(paths: &Paths, redactor: &Redactor, findings: &mut Vec<Finding>) {
    for file in copies_of(paths) {
        let Some(Ok(document)) = read(&file).map(|bytes| Document::parse(&*file, bytes)) else {
            continue;
        };
        let found = plain(document.value(), redactor);
        if let Some(first) = found.first() {
            findings.push(Finding {
                code: "COPY",
                path: first.path.to_string(),
                remedy: "an earlier content of the configuration; remove the file when you don't need it"
                    .to_owned(),
                file,
            });
        }
    }
}

/// The copies that there are.
pub(super) fn copies_of(paths: &Paths) -> Vec<PathBuf> {
    // copies lie beside the file, wherever a link leads to it
    let file = fs::canonicalize(&paths.config_file).unwrap_or_else(|_| paths.config_file.clone());
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let folder = file.parent().unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_copy = |other: &str| {
        let rest = other
            .strip_prefix(&name)
            .and_then(|rest| rest.strip_prefix(".bak"));
        rest.is_some_and(|rest| rest.chars().all(|c| c == '.' || c.is_ascii_digit()))
    };
    let mut found: Vec<_> = entries
        .filter(|entry| is_copy(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    found.push(last_good(paths));
    found.retain(|copy| copy.is_file() && *copy != file);
    found.sort();
    found
}

/// Keys that OpenClaw stored; they are used where they are.
fn profiles(env: &Env, findings: &mut Vec<Finding>) {
    let setting = Setting::look(env).ok();
    let Some(setting) = setting else { return };
    for agent in &setting.config.agents().agents {
        let file = agent.agent_dir(&setting.paths).join("auth-profiles.json");
        let content = read(&file).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let Some(content) = content else { continue };
        for (id, profile) in content["profiles"].as_object().into_iter().flatten() {
            let is_open = |key: &str| profile[key].as_str().is_some_and(|text| !text.is_empty());
            if IN_PROFILES.iter().any(|key| is_open(key)) {
                findings.push(Finding {
                    code: "PROFILE",
                    file: file.clone(),
                    path: format!("profiles[{id:?}]"),
                    remedy: "OpenClaw keeps it so, and it is used from there; a variable of the environment does without"
                        .to_owned(),
                });
            }
        }
        open_to_others(&file, findings);
    }
}

fn modes(paths: &Paths, findings: &mut Vec<Finding>) {
    open_to_others(&paths.config_file, findings);
    for file in copies_of(paths) {
        open_to_others(&file, findings);
    }
    for name in PRIVATE {
        open_to_others(&paths.state_dir.join(name), findings);
    }
    let unread = paths.state_dir.join(".env");
    if unread.is_file() {
        findings.push(Finding {
            code: "UNREAD",
            path: String::new(),
            remedy: "this gateway does not read it; a service reads gateway.env in the same folder"
                .to_owned(),
            file: unread,
        });
    }
}

fn open_to_others(file: &Path, findings: &mut Vec<Finding>) {
    let is_open = fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o077 != 0);
    if is_open {
        findings.push(Finding {
            code: "READABLE",
            file: file.to_owned(),
            path: String::new(),
            remedy: format!(
                "other users of this machine can open it: `chmod 600 {}`",
                file.display()
            ),
        });
    }
}

/// Does a reference lead to a program?
fn uses_programs(paths: &Paths) -> bool {
    fn has(value: &Value) -> bool {
        match value {
            Value::Object(map) => {
                let is_reference = map.get("id").is_some_and(Value::is_string);
                (is_reference && map.get("source").is_some_and(|source| source == "exec"))
                    || map.values().any(has)
            }
            Value::Array(items) => items.iter().any(has),
            _ => false,
        }
    }
    Sources::read(&paths.config_file, &paths.include_roots).is_ok_and(|sources| has(sources.merged()))
}

fn unresolved(paths: &Paths, env: &Env, findings: &mut Vec<Finding>) {
    // what is wrong besides is not told here: `config validate` does
    if Loaded::read_without_secrets(paths, env).is_err() {
        return;
    }
    let Err(ConfigError::Invalid(problems)) = Loaded::read(paths, env) else {
        return;
    };
    findings.extend(problems.into_iter().map(|problem| Finding {
        code: "UNRESOLVED",
        file: problem.at.file.to_path_buf(),
        path: problem.path.to_string(),
        remedy: problem.message,
    }));
}

fn read(file: &Path) -> Option<Vec<u8>> {
    let size = fs::metadata(file)
        .ok()
        .filter(|metadata| metadata.is_file())?
        .len();
    (size <= MAX_FILE).then(|| fs::read(file).ok()).flatten()
}

fn print(findings: &[Finding], is_tried: bool) {
    if findings.is_empty() {
        anstream::println!("No secret lies open.");
    }
    for finding in findings {
        let path = match finding.path.as_str() {
            "" => String::new(),
            path => format!(" {path}"),
        };
        anstream::println!(
            "{:<10} {}{path}\n           {}",
            finding.code,
            finding.file.display(),
            finding.remedy
        );
    }
    if !is_tried {
        anstream::println!("References were not tried, for they start programs; --allow-exec does.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn copies_are_looked_for_where_the_file_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, real) = (folder.path().join("state"), folder.path().join("real"));
        for folder in [&state, &real] {
            fs::create_dir(folder).expect("made");
        }
        for name in ["c.json", "c.json.bak", "c.json.bak.1", "c.json.bakery"] {
            fs::write(real.join(name), "{}").expect("written");
        }
        symlink(real.join("c.json"), state.join("openclaw.json")).expect("linked");
        let paths = Paths {
            config_file: state.join("openclaw.json"),
            home: None,
            state_dir: state,
            include_roots: Vec::new(),
        };
        let found = copies_of(&paths);
        let names: Vec<_> = found.iter().filter_map(|copy| copy.file_name()).collect();
        assert_eq!(names, ["c.json.bak", "c.json.bak.1"]);
    }
}
