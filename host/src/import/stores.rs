//! Which conversations and transcripts an agent has there, in either form. What is said in them is read elsewhere.
use super::{
    database::Database,
    report::Report,
    rows::Origin,
    session::{Stored, session_key},
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::{self, File},
    io::BufReader,
    path::Path,
};

/// Conversations of one agent that are looked at.
const MAX_CONVERSATIONS: usize = 100_000;
/// The file with the conversations of an agent.
pub(super) const INDEX: &str = "sessions.json";
/// An agent's database.
pub(super) const DATABASE: &str = "openclaw-agent.sqlite";

/// One transcript, and the conversation that has it now.
pub(super) struct Transcript<'a> {
    pub(super) id: String,
    pub(super) origin: Origin<'a>,
    pub(super) conversation: Option<(String, Stored)>,
}

/// What an agent has in files.
pub(super) fn of_files(
    agent: &str,
    folder: &Path,
    main_key: &str,
    report: &mut Report,
) -> Vec<Transcript<'static>> {
    let mut all = Vec::new();
    let mut used = BTreeSet::new();
    for (key, stored) in index(&folder.join(INDEX), report) {
        let place = format!("{} \"{key}\"", folder.join(INDEX).display());
        let (Some(id), Some(key)) = (stored.id(), session_key(&key, agent, main_key)) else {
            report.skipped(place, "it has no transcript that could be found by it");
            continue;
        };
        let names = [stored.file_name(), Some(format!("{id}.jsonl"))];
        let found = names
            .into_iter()
            .flatten()
            .find(|name| folder.join(name).is_file());
        let Some(name) = found else {
            report.skipped(
                place,
                "its transcript is not there; its settings are not taken over either",
            );
            continue;
        };
        let origin = Origin::File(folder.join(&name));
        used.insert(name);
        all.push(Transcript {
            id,
            origin,
            conversation: Some((key, stored)),
        });
    }
    for name in names(folder) {
        match name.strip_suffix(".jsonl") {
            Some(id) if !used.contains(&name) => all.push(Transcript {
                id: id.to_owned(),
                origin: Origin::File(folder.join(&name)),
                conversation: None,
            }),
            Some(_) => {}
            None if name.contains(".jsonl.") => report.missing(format!(
                "{}: set aside by OpenClaw, and left there",
                folder.join(&name).display()
            )),
            None => {}
        }
    }
    all
}

/// What an agent has in its database.
pub(super) fn of_database<'a>(
    agent: &str,
    database: &'a Database,
    main_key: &str,
    report: &mut Report,
) -> Vec<Transcript<'a>> {
    let mut rows = |table: &str, columns: &str| {
        database.rows(table, columns).unwrap_or_else(|why| {
            report.skipped(database.path().display().to_string(), &why);
            Vec::new()
        })
    };
    let ids = rows("transcript_events", "DISTINCT session_id");
    let cold = rows("session_transcript_cold_archives", "session_id");
    let mut conversations = conversations(agent, database, main_key, report);
    for id in cold.into_iter().flatten() {
        conversations.remove(&id);
        report.missing(format!(
            "{}, transcript {id}: OpenClaw has put it into an archive; open it there once, and run this again",
            database.path().display()
        ));
    }
    let found = ids.into_iter().flatten().map(|id| Transcript {
        conversation: conversations.remove(&id),
        origin: Origin::Database {
            database,
            session_id: id.clone(),
        },
        id,
    });
    let found: Vec<_> = found.collect();
    for (key, _) in conversations.into_values() {
        let place = format!("{}, session_nodes \"{key}\"", database.path().display());
        report.skipped(place, "nothing was said in it");
    }
    found
}

/// Conversations of a database, by the transcripts that they have now. One entry is in memory at a time.
fn conversations(
    agent: &str,
    database: &Database,
    main_key: &str,
    report: &mut Report,
) -> BTreeMap<String, (String, Stored)> {
    let mut all = BTreeMap::new();
    let columns = "session_key, current_session_id, entry_json, updated_at";
    let read = database.each("session_nodes", columns, &mut |node| {
        let [key, id, entry, updated] = <[String; 4]>::try_from(node).unwrap_or_default();
        let place = || format!("{}, session_nodes \"{key}\"", database.path().display());
        let updated = updated.parse::<i64>().ok();
        let stored = serde_json::from_str::<Stored>(&entry).unwrap_or_else(|_| {
            report.skipped(
                place(),
                "its entry can't be read; it is taken over without its settings",
            );
            Stored::of(&id, updated)
        });
        match session_key(&key, agent, main_key) {
            Some(key) if all.len() < MAX_CONVERSATIONS => drop(all.insert(id, (key, stored))),
            Some(_) => report.skipped(place(), "there are too many conversations"),
            None => report.skipped(place(), "its key is none that conversations have here"),
        }
    });
    if let Err(why) = read {
        report.skipped(database.path().display().to_string(), &why);
    }
    all
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .take(MAX_CONVERSATIONS)
        .collect();
    names.sort_unstable();
    names
}

/// The conversations of a file. One that can't be read says nothing, and says so.
fn index(path: &Path, report: &mut Report) -> Vec<(String, Stored)> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            report.skipped(path.display().to_string(), &error.to_string());
            return Vec::new();
        }
    };
    match serde_json::from_reader::<_, Index>(BufReader::new(file)) {
        Ok(Index(entries, strange)) => {
            for key in strange {
                report.skipped(format!("{} \"{key}\"", path.display()), "its entry can't be read");
            }
            entries
        }
        Err(error) => {
            let why =
                format!("it can't be read ({error}); transcripts are taken over without their conversations");
            report.skipped(path.display().to_string(), &why);
            Vec::new()
        }
    }
}

/// Entry by entry, so that what is of no use here is never held.
struct Index(Vec<(String, Stored)>, Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient {
    Entry(Box<Stored>),
    Strange(IgnoredAny),
}

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Index;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("conversations by their keys")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Index, A::Error> {
                let mut index = Index(Vec::new(), Vec::new());
                while let Some((key, entry)) = map.next_entry::<String, Lenient>()? {
                    match entry {
                        _ if index.0.len() >= MAX_CONVERSATIONS => {}
                        Lenient::Entry(stored) => index.0.push((key, *stored)),
                        Lenient::Strange(_) => index.1.push(key),
                    }
                }
                Ok(index)
            }
        }

        from.deserialize_map(Entries)
    }
}

/// Whether an installation has conversations in either form.
pub(super) fn has_any(agent_folder: &Path) -> bool {
    let index = agent_folder.join("sessions").join(INDEX);
    let database = agent_folder.join("agent").join(DATABASE);
    index.is_file() || database.is_file()
}

/// A number of the file's, for `millis`.
pub(super) fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or(0)
}
