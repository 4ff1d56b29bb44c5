//! Groups into which people sort conversations. A conversation's settings name its group; which groups there are beside
//! those, and the order of all, is kept here.
use super::{Journal, JournalError};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// Where the order is kept among what plugins keep: no plugin has this id.
const PLACE: (&str, &str) = ("host:sessions", "groups");

/// The groups that there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Groups {
    /// Their names, in order.
    pub names: Vec<String>,
    /// The order of the sections in a list of conversations: `ungrouped`, `category:<group>`, ….
    pub sections: Vec<String>,
}

impl Journal {
    /// All groups: those that were put into an order, and behind them those that only conversations name.
    pub fn groups(&self) -> Result<Groups, JournalError> {
        self.read(groups)
    }

    /// Gives the groups a new order. The other way: these groups would be lost and have so many conversations.
    pub fn put_groups(
        &self,
        names: &[String],
        sections: Option<&[String]>,
    ) -> Result<Result<Groups, Vec<(String, u64)>>, JournalError> {
        self.write(|c| {
            let mut lost = members(c)?;
            lost.retain(|(name, _)| !names.contains(name));
            if !lost.is_empty() {
                return Ok(Err(lost));
            }
            let sections = match sections {
                Some(sections) => sections.to_vec(),
                None => kept(c)?.sections,
            };
            let groups = Groups {
                names: names.to_vec(),
                sections,
            };
            keep(c, groups).map(Ok)
        })
    }

    /// Gives a group another name, or none, which ends it. Its conversations go along, and are no younger by that. Says
    /// how many they are; none if there is no such group.
    pub fn regroup(&self, from: &str, to: Option<&str>) -> Result<Option<(Groups, u64)>, JournalError> {
        self.write(|c| {
            let mut groups = groups(c)?;
            let Some(at) = groups.names.iter().position(|name| name == from) else {
                return Ok(None);
            };
            let changed = c.execute(
                "UPDATE session SET settings = CASE WHEN ?2 IS NULL THEN json_remove(settings, '$.category')
                                               ELSE json_set(settings, '$.category', ?2) END
                 WHERE json_extract(settings, '$.category') = ?1",
                params![from, to],
            )?;
            groups.names.remove(at);
            if let Some(to) = to.filter(|to| !groups.names.iter().any(|name| name == to)) {
                groups.names.insert(at, to.to_owned());
            }
            let section = |name: &str| format!("category:{name}");
            let of_it = groups.sections.iter().position(|id| *id == section(from));
            if let Some(at) = of_it {
                groups.sections.remove(at);
                let new = to.map(section).filter(|id| !groups.sections.contains(id));
                groups.sections.splice(at..at, new);
            }
            Ok(Some((keep(c, groups)?, changed as u64)))
        })
    }
}

fn groups(c: &Connection) -> rusqlite::Result<Groups> {
    let mut groups = kept(c)?;
    for (name, _) in members(c)? {
        if !groups.names.contains(&name) {
            groups.names.push(name);
        }
    }
    Ok(groups)
}

/// Groups that conversations name, and how many of each.
fn members(c: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut statement = c.prepare_cached(
        "SELECT json_extract(settings, '$.category') AS name, count(*) FROM session
         WHERE json_type(settings, '$.category') = 'text' AND trim(name) <> '' GROUP BY name ORDER BY name",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn kept(c: &Connection) -> rusqlite::Result<Groups> {
    let value: Option<Vec<u8>> = c
        .prepare_cached("SELECT value FROM plugin_kv WHERE plugin = ?1 AND key = ?2")?
        .query_row([PLACE.0, PLACE.1], |row| row.get(0))
        .optional()?;
    let groups = value.and_then(|value| serde_json::from_slice(&value).ok());
    Ok(groups.unwrap_or_default())
}

fn keep(c: &Connection, groups: Groups) -> rusqlite::Result<Groups> {
    let value = serde_json::to_vec(&groups).unwrap_or_default();
    c.execute(
        "INSERT OR REPLACE INTO plugin_kv (plugin, key, value, expires_ms) VALUES (?1, ?2, ?3, NULL)",
        params![PLACE.0, PLACE.1, value],
    )?;
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("state.db")).expect("a journal");
        for (key, group) in [("a", "Work"), ("b", "Work"), ("c", "Home")] {
            journal.session(key, "main", key, 1).expect("made");
            let settings = format!(r#"{{"category":"{group}","label":"{key}"}}"#);
            journal.set_session_settings(key, &settings).expect("set");
        }
        journal.session("d", "main", "d", 1).expect("made");
        (folder, journal)
    }

    fn words(all: &[&str]) -> Vec<String> {
        all.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_group_is_there_as_long_as_a_conversation_or_a_person_names_it() {
        let (_folder, journal) = journal();
        assert_eq!(journal.groups().expect("read").names, words(&["Home", "Work"]));
        let order = words(&["Work", "Empty", "Home"]);
        let sections = words(&["category:Home", "ungrouped"]);
        let put = journal.put_groups(&order, Some(&sections)).expect("written");
        let put = put.expect("nothing is lost");
        assert_eq!((&put.names, &put.sections), (&order, &sections));
        // an order without sections leaves them
        let put = journal
            .put_groups(&words(&["Home", "Work"]), None)
            .expect("written");
        assert_eq!(put.expect("nothing is lost").sections, sections);
        let lost = journal.put_groups(&words(&["Home"]), None).expect("read");
        assert_eq!(lost, Err(vec![("Work".to_owned(), 2)]));
        assert_eq!(journal.groups().expect("read").names, words(&["Home", "Work"]));
    }

    #[test]
    fn conversations_go_along_with_their_group() {
        let (_folder, journal) = journal();
        let sections = words(&["category:Work", "ungrouped"]);
        let put = journal.put_groups(&words(&["Work", "Home"]), Some(&sections));
        assert!(put.expect("written").is_ok());
        let (groups, moved) = journal
            .regroup("Work", Some("Job"))
            .expect("written")
            .expect("a group");
        assert_eq!((groups.names, moved), (words(&["Job", "Home"]), 2));
        assert_eq!(groups.sections, words(&["category:Job", "ungrouped"]));
        let one = journal.find_session("a").expect("read").expect("a session");
        assert_eq!(one.settings, r#"{"category":"Job","label":"a"}"#);
        assert_eq!(one.updated_ms, 1);
        // into one that there is
        let (groups, moved) = journal
            .regroup("Job", Some("Home"))
            .expect("written")
            .expect("a group");
        assert_eq!((groups.names, moved), (words(&["Home"]), 2));
        let (groups, moved) = journal.regroup("Home", None).expect("written").expect("a group");
        assert_eq!((groups.names, moved), (Vec::new(), 3));
        assert_eq!(groups.sections, words(&["ungrouped"]));
        assert_eq!(journal.regroup("Home", None).expect("read"), None);
    }
}
