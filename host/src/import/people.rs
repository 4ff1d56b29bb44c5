//! Who was let in there, and what keeps keys and rules there in a database instead of a file.
//!
//! Files of the state directory itself are read where they lie, so nothing is done about them. Secrets go from their
//! database into files that only their owner reads, as OpenClaw had them before; they stand in no report.
use super::{database::Database, report::Report};
use crate::{config::write_alone, journal::Journal};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    fs,
    io::{self, Read},
    path::Path,
};

/// Longest file.
const MAX_FILE: u64 = 16 << 20;
/// How files of people end.
const ALLOWED: &str = "-allowFrom.json";
/// The account that the oldest files mean.
const DEFAULT: &str = "default";
/// Where the keys of an agent are.
const PROFILES: &str = "auth-profiles.json";
/// Where the rules for commands are.
const RULES: &str = "exec-approvals.json";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AllowFile {
    allow_from: Vec<Value>,
}

/// Somebody who was let in: channel, account, id.
type Person = (String, String, String);

/// People of the files of another state directory.
pub(super) fn of_files(folder: &Path, report: &mut Report) -> Vec<Person> {
    let mut people = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let Some(stem) = name.strip_suffix(ALLOWED) else {
            continue;
        };
        let read = read(&entry.path()).and_then(|bytes| Ok(serde_json::from_slice::<AllowFile>(&bytes)?));
        let file = match read {
            Ok(file) => file,
            Err(error) => {
                report.skipped(entry.path().display().to_string(), &error.to_string());
                continue;
            }
        };
        let (channel, account) = stem.split_once('-').unwrap_or((stem, DEFAULT));
        let ids = file.allow_from.iter().filter_map(|id| match id {
            Value::String(id) => Some(id.trim().to_owned()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        });
        people.extend(ids.map(|id| (channel.to_lowercase(), account.to_owned(), id)));
    }
    people
}

/// People of the shared database.
pub(super) fn of_database(database: &Database, report: &mut Report) -> Vec<Person> {
    let rows = database.rows("channel_pairing_allow_entries", "channel_key, account_id, entry");
    let rows = rows.unwrap_or_else(|why| {
        report.skipped(database.path().display().to_string(), &why);
        Vec::new()
    });
    rows.into_iter()
        .filter_map(|row| <[String; 3]>::try_from(row).ok())
        .map(|[channel, account, id]| {
            let account = Some(account).filter(|account| !account.is_empty());
            (
                channel.to_lowercase(),
                account.unwrap_or_else(|| DEFAULT.to_owned()),
                id.trim().to_owned(),
            )
        })
        .collect()
}

/// Lets them in; `*` is nobody.
pub(super) fn admit(
    people: &[Person],
    journal: Option<&Journal>,
    now_ms: i64,
    report: &mut Report,
) -> Result<(), String> {
    for (channel, account, id) in people {
        if id.is_empty() || id == "*" || channel.is_empty() {
            continue;
        }
        let known = |journal: &Journal| journal.imported("allowed", &format!("{channel}\n{account}\n{id}"));
        let new = match journal {
            Some(journal) if report.applied => journal.import_allowed(channel, account, id, now_ms),
            Some(journal) => known(journal).map(|known| known.is_none()),
            None => Ok(true),
        };
        let counts = if new.map_err(|error| error.to_string())? {
            &mut report.taken
        } else {
            &mut report.unchanged
        };
        counts.people += 1;
    }
    Ok(())
}

/// Writes the keys that a database has into the agent's file, if it has none.
pub(super) fn profiles(database: &Database, agent_dir: &Path, report: &mut Report) -> Result<(), String> {
    let rows = database.rows("auth_profile_store", "store_json");
    let stores = rows.unwrap_or_else(|why| {
        report.skipped(database.path().display().to_string(), &why);
        Vec::new()
    });
    let mut profiles = Map::new();
    let mut order = Value::Null;
    for store in stores.into_iter().flatten() {
        let Ok(Value::Object(mut store)) = serde_json::from_str::<Value>(&store) else {
            report.skipped(
                database.path().display().to_string(),
                "a store of keys can't be read",
            );
            continue;
        };
        if let Some(Value::Object(found)) = store.remove("profiles") {
            for (id, profile) in found {
                match is_usable(&profile) {
                    true => drop(profiles.insert(id, profile)),
                    false => report.missing(format!(
                        "auth profile \"{id}\": its key is kept elsewhere; give it by the environment or models.providers"
                    )),
                }
            }
        }
        if let Some(found) = store.remove("order").filter(Value::is_object) {
            order = found;
        }
    }
    if profiles.is_empty() {
        return Ok(());
    }
    let mut file = json!({ "version": 1, "profiles": profiles });
    if order.is_object() {
        file["order"] = order;
    }
    place(&agent_dir.join(PROFILES), &file, report)
}

/// It says its key itself.
fn is_usable(profile: &Value) -> bool {
    let name = match profile["type"].as_str() {
        Some("api_key") => "key",
        Some("token") => "token",
        Some("oauth") => "access",
        _ => return false,
    };
    profile["provider"].is_string() && profile[name].as_str().is_some_and(|key| !key.is_empty())
}

/// Writes the rules for commands that a database has, if there is no file of them.
pub(super) fn rules(database: &Database, state_dir: &Path, report: &mut Report) -> Result<(), String> {
    let rows = database.rows("exec_approvals_config", "raw_json");
    let rules = rows.unwrap_or_else(|why| {
        report.skipped(database.path().display().to_string(), &why);
        Vec::new()
    });
    let Some(rules) = rules.into_iter().flatten().next() else {
        return Ok(());
    };
    match serde_json::from_str::<Value>(&rules) {
        Ok(rules) if rules.is_object() => place(&state_dir.join(RULES), &rules, report),
        _ => {
            report.skipped(
                database.path().display().to_string(),
                "the rules for commands can't be read",
            );
            Ok(())
        }
    }
}

fn place(path: &Path, content: &Value, report: &mut Report) -> Result<(), String> {
    if path.exists() {
        report.unchanged.files += 1;
        report.in_place.push(format!("{}: used as it is", path.display()));
        return Ok(());
    }
    report.taken.files += 1;
    if !report.applied {
        return Ok(());
    }
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let text = serde_json::to_string_pretty(content).map_err(|error| error.to_string())?;
    write_alone(path, text.as_bytes()).map_err(failed)
}

/// A small file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}
