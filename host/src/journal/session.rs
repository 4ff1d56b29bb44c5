//! Conversations: which there are, what is set in them, what they have cost.
use super::{Journal, JournalError, branch::forget_all};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Key, `agent:main:…`.
    pub key: String,
    /// Id of its transcript; a reset begins a new one.
    pub session_id: String,
    /// Agent.
    pub agent: String,
    /// What is set in it, JSON.
    pub settings: String,
    /// Where its last message came from, JSON.
    pub route: String,
    /// What it has cost since its last reset.
    pub usage: SessionUsage,
    /// How often it was compacted since its last reset.
    pub compactions: u32,
    /// The model that answered last, `provider/model`.
    pub model: String,
    /// When it began, milliseconds since 1970.
    pub created_ms: i64,
    /// When something was last said, milliseconds since 1970.
    pub updated_ms: i64,
}

/// What turns have cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SessionUsage {
    /// Input, tokens.
    pub input: u64,
    /// Output, tokens.
    pub output: u64,
    /// What the last request had in it, tokens.
    pub context: u64,
    /// US dollars.
    pub cost: f64,
}

/// A conversation that is made if there is none.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// Key, `agent:main:…`.
    pub key: &'a str,
    /// Agent.
    pub agent: &'a str,
    /// Id of its transcript.
    pub id: &'a str,
}

/// What a turn adds to what its conversation has cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost<'a> {
    /// The conversation.
    pub key: &'a str,
    /// What is added; the context takes the place of the one before.
    pub usage: SessionUsage,
    /// The model that answered, `provider/model`.
    pub model: &'a str,
}

pub(super) const SESSION_COLUMNS: &str = "key, session_id, agent, settings, route, input, output, context, cost, compactions, model, \
                       created_ms, updated_ms";

impl Journal {
    /// A conversation, made if there is none. `session_id` is the id of a new one.
    pub fn session(
        &self,
        key: &str,
        agent: &str,
        session_id: &str,
        now_ms: i64,
    ) -> Result<Session, JournalError> {
        if let Some(session) = self.find_session(key)? {
            return Ok(session);
        }
        let new = NewSession {
            key,
            agent,
            id: session_id,
        };
        self.write(|c| find_or_make(c, &new, now_ms))
    }

    /// A conversation, if there is one.
    pub fn find_session(&self, key: &str) -> Result<Option<Session>, JournalError> {
        self.read(|c| find(c, key))
    }

    /// How many conversations there are.
    pub fn session_count(&self) -> Result<u64, JournalError> {
        self.read(|c| {
            c.prepare_cached("SELECT count(*) FROM session")?
                .query_row([], |row| row.get(0))
        })
    }

    /// How many conversations each agent has that has any.
    pub fn sessions_of_agents(&self) -> Result<BTreeMap<String, u64>, JournalError> {
        self.read(|c| {
            let mut statement = c.prepare_cached("SELECT agent, count(*) FROM session GROUP BY agent")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
    }

    /// Conversations, the last used first.
    pub fn sessions(&self, limit: u32) -> Result<Vec<Session>, JournalError> {
        self.read(|c| {
            let sql = format!("SELECT {SESSION_COLUMNS} FROM session ORDER BY updated_ms DESC, key LIMIT ?1");
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map([limit], session)?;
            rows.collect()
        })
    }

    /// A conversation begins anew; its old transcript stays under its old id.
    pub fn reset_session(&self, key: &str, session_id: &str, now_ms: i64) -> Result<(), JournalError> {
        self.write(|c| {
            c.prepare_cached(
                "UPDATE session SET session_id = ?2, input = 0, output = 0, context = 0, cost = 0, compactions = 0,
                                    created_ms = ?3, updated_ms = ?3
                 WHERE key = ?1",
            )?
            .execute(params![key, session_id, now_ms])
            .map(drop)
        })
    }

    /// Removes a conversation with all of its branches. False: there was none.
    pub fn delete_session(&self, key: &str) -> Result<bool, JournalError> {
        self.write(|c| {
            let Some(session) = find(c, key)? else {
                return Ok(false);
            };
            forget_all(c, &session.session_id)?;
            c.execute("DELETE FROM session WHERE key = ?1", [key])
                .map(|n| n > 0)
        })
    }

    /// What is set in a conversation, JSON.
    pub fn set_session_settings(&self, key: &str, settings: &str) -> Result<(), JournalError> {
        self.write(|c| {
            c.prepare_cached("UPDATE session SET settings = ?2 WHERE key = ?1")?
                .execute(params![key, settings])
                .map(drop)
        })
    }

    /// The same for who has read `before` and made `after` of it: what that changes is set, and what others have changed
    /// meanwhile stays.
    pub fn change_session_settings(&self, key: &str, before: &str, after: &str) -> Result<(), JournalError> {
        self.write(|c| {
            let now = c
                .prepare_cached("SELECT settings FROM session WHERE key = ?1")?
                .query_row([key], |row| row.get::<_, String>(0))
                .optional()?;
            let Some(now) = now else { return Ok(()) };
            c.prepare_cached("UPDATE session SET settings = ?2 WHERE key = ?1")?
                .execute(params![key, merged(&now, before, after)])
                .map(drop)
        })
    }

    /// Where the last message of a conversation came from, JSON.
    pub fn set_session_route(&self, key: &str, route: &str, now_ms: i64) -> Result<(), JournalError> {
        self.write(|c| {
            c.prepare_cached("UPDATE session SET route = ?2, updated_ms = ?3 WHERE key = ?1")?
                .execute(params![key, route, now_ms])
                .map(drop)
        })
    }
}

/// What `after` has other than `before`, in `now`.
fn merged(now: &str, before: &str, after: &str) -> String {
    if now == before {
        return after.to_owned();
    }
    let fields = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let (mut all, before, after) = (fields(now), fields(before), fields(after));
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        all.remove(name);
    }
    for (name, value) in after {
        if before.get(&name) != Some(&value) {
            all.insert(name, value);
        }
    }
    Value::Object(all).to_string()
}

pub(super) fn add_usage(c: &Connection, cost: &Cost<'_>, now_ms: i64) -> rusqlite::Result<()> {
    let usage = &cost.usage;
    c.prepare_cached(
        "UPDATE session SET input = input + ?2, output = output + ?3, context = ?4, cost = cost + ?5, model = ?6,
                            updated_ms = ?7
         WHERE key = ?1",
    )?
    .execute(params![
        cost.key,
        usage.input,
        usage.output,
        usage.context,
        usage.cost,
        cost.model,
        now_ms
    ])
    .map(drop)
}

/// A conversation, made if there is none.
pub(super) fn find_or_make(c: &Connection, new: &NewSession<'_>, now_ms: i64) -> rusqlite::Result<Session> {
    let NewSession { key, agent, id } = new;
    if let Some(session) = find(c, key)? {
        return Ok(session);
    }
    c.prepare_cached(
        "INSERT INTO session (key, session_id, agent, created_ms, updated_ms) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![key, id, agent, now_ms])?;
    find(c, key)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

fn find(c: &Connection, key: &str) -> rusqlite::Result<Option<Session>> {
    let sql = format!("SELECT {SESSION_COLUMNS} FROM session WHERE key = ?1");
    c.prepare_cached(&sql)?.query_row([key], session).optional()
}

pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        key: row.get(0)?,
        session_id: row.get(1)?,
        agent: row.get(2)?,
        settings: row.get(3)?,
        route: row.get(4)?,
        usage: SessionUsage {
            input: row.get(5)?,
            output: row.get(6)?,
            context: row.get(7)?,
            cost: row.get(8)?,
        },
        compactions: row.get(9)?,
        model: row.get(10)?,
        created_ms: row.get(11)?,
        updated_ms: row.get(12)?,
    })
}

#[cfg(test)]
mod tests {
    use super::merged;

    #[test]
    fn two_who_read_the_same_both_have_their_say() {
        let read = r#"{"label":"a","pinned":true,"thinkingLevel":"low"}"#;
        let first = merged(read, read, r#"{"label":"b","pinned":true,"thinkingLevel":"low"}"#);
        let second = merged(&first, read, r#"{"icon":"x","label":"a","pinned":true}"#);
        let all: serde_json::Value = serde_json::from_str(&second).expect("JSON");
        assert_eq!(
            all,
            serde_json::json!({ "label": "b", "pinned": true, "icon": "x" })
        );
    }
}
