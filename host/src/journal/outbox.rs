//! Replies on their way: written in the transaction that ends a turn, gone when the platform has them.
//!
//! `pending` → `sending` → `sent`, or back to `pending` to be tried again, or `failed` (the platform says no), or
//! `unknown` (it left and nobody knows whether it arrived). A row that a killed process left in `sending` is sent once
//! more; `repeated` says so.
use super::{
    Entry, Journal, JournalError,
    inbox::{Settled, settle},
    session::{self, Cost},
    transcript,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A reply to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// Replies of one lane are sent in order.
    pub lane: String,
    /// Channel id.
    pub channel: String,
    /// What to send, JSON.
    pub body: String,
    /// Written once, however often it is asked for, as long as the outbox remembers it. Empty: no such promise.
    pub key: String,
}

/// A reply that is on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Row.
    pub id: i64,
    /// The event that it answers.
    pub inbox: Option<i64>,
    /// Replies of one lane are sent in order.
    pub lane: String,
    /// Channel id.
    pub channel: String,
    /// What to send, JSON.
    pub body: String,
    /// How far it came.
    pub state: SendState,
    /// How often it was tried.
    pub attempts: u32,
    /// It was repeated after the process was killed while it was being sent.
    pub repeated: bool,
    /// When it may be tried, milliseconds since 1970.
    pub due_ms: i64,
    /// When it was written, milliseconds since 1970.
    pub created_ms: i64,
}

/// How far a reply came that is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendState {
    /// Not tried, or tried for certain without effect.
    Pending,
    /// Handed to the channel; the outcome was not noted.
    Sending,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The platform has it; its receipt as JSON.
    Sent(String),
    /// It has not, for now; when to try again, and why.
    Retry(i64, String),
    /// It won't take it as it is; what to send in its place, and why.
    Anew(String, String),
    /// It never will.
    Failed(String),
    /// Nobody knows.
    Unknown(String),
}

/// What the transcript has at the end of a turn.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// The transcript.
    pub session_id: &'a str,
    /// What was said last.
    pub entries: &'a [Entry],
    /// What the turn has cost, if it is known.
    pub cost: Option<Cost<'a>>,
}

/// How many replies are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Not settled.
    pub pending: u64,
    /// Refused for good.
    pub failed: u64,
    /// Perhaps delivered.
    pub unknown: u64,
}

const COLUMNS: &str = "id, inbox, lane, channel, body, state, attempts, repeated, due_ms, created_ms";

impl Journal {
    /// Ends a turn: its replies are to be sent, its events are settled, and the transcript has what was said. All or
    /// nothing.
    pub fn reply(
        &self,
        rows: &[i64],
        how: &Settled,
        replies: &[NewDelivery],
        session_id: &str,
        entries: &[Entry],
        now_ms: i64,
    ) -> Result<Vec<Delivery>, JournalError> {
        let end = End {
            session_id,
            entries,
            cost: None,
        };
        self.end_turn(rows, how, replies, &end, now_ms)
    }

    /// The same, with what the turn has cost.
    pub fn end_turn(
        &self,
        rows: &[i64],
        how: &Settled,
        replies: &[NewDelivery],
        end: &End<'_>,
        now_ms: i64,
    ) -> Result<Vec<Delivery>, JournalError> {
        self.step("reply.before");
        let written = self.write(|c| {
            transcript::append(c, end.session_id, end.entries, now_ms)?;
            let mut written = Vec::with_capacity(replies.len());
            for reply in replies {
                let sql = format!(
                    "INSERT INTO outbox (inbox, lane, channel, body, due_ms, created_ms, key)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)
                     ON CONFLICT (key) WHERE key <> '' DO UPDATE SET key = excluded.key RETURNING {COLUMNS}"
                );
                let row = c.prepare_cached(&sql)?.query_row(
                    params![
                        rows.last(),
                        reply.lane,
                        reply.channel,
                        reply.body,
                        now_ms,
                        reply.key
                    ],
                    delivery,
                )?;
                written.push(row);
            }
            for row in rows {
                settle(c, *row, how, now_ms)?;
            }
            if let Some(cost) = &end.cost {
                session::add_usage(c, cost, now_ms)?;
            }
            Ok(written)
        });
        self.step("reply.after");
        written
    }

    /// A reply goes to its channel now.
    pub fn sending(&self, id: i64, repeated: bool) -> Result<(), JournalError> {
        self.step("sending.before");
        let noted = self.write(|c| sending(c, id, repeated));
        self.step("sending.after");
        noted
    }

    /// The first reply of a lane that is not settled. If it may go now and was not on its way before, it is from now
    /// on; what is given is how it stood before.
    pub fn take_delivery(&self, lane: &str, now_ms: i64) -> Result<Option<Delivery>, JournalError> {
        self.step("sending.before");
        let taken = self.write(|c| take(c, lane, now_ms));
        self.step("sending.after");
        taken
    }

    /// A try has ended.
    pub fn tried(&self, id: i64, outcome: &Outcome, now_ms: i64) -> Result<(), JournalError> {
        self.step("tried.before");
        let noted = self.write(|c| tried(c, id, outcome, now_ms));
        self.step("tried.after");
        noted
    }

    /// A try has ended, and the next reply of its lane is taken like in [`Journal::take_delivery`].
    pub fn tried_and_next(
        &self,
        id: i64,
        outcome: &Outcome,
        lane: &str,
        now_ms: i64,
    ) -> Result<Option<Delivery>, JournalError> {
        self.step("tried.before");
        let next = self.write(|c| {
            tried(c, id, outcome, now_ms)?;
            take(c, lane, now_ms)
        });
        self.step("tried.after");
        next
    }

    /// The first reply of a lane that is not settled.
    pub fn next_delivery(&self, lane: &str) -> Result<Option<Delivery>, JournalError> {
        self.read(|c| next(c, lane))
    }

    /// How a reply ended. None: it has not, or is not known any more.
    pub fn outcome(&self, id: i64) -> Result<Option<Outcome>, JournalError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT state, note, receipt FROM outbox WHERE id = ?1 AND settled_ms IS NOT NULL",
            )?
            .query_row([id], |row| {
                let state: String = row.get(0)?;
                Ok(match state.as_str() {
                    "sent" => Outcome::Sent(row.get(2)?),
                    "failed" => Outcome::Failed(row.get(1)?),
                    _ => Outcome::Unknown(row.get(1)?),
                })
            })
            .optional()
        })
    }

    /// The rows of a message that was written under a key, in the order of its parts.
    pub fn posted(&self, key: &str) -> Result<Vec<i64>, JournalError> {
        self.read(|c| {
            // the parts of one message are `key:0`, `key:1`, …; `;` comes after `:`, and another key may hold a `:`
            let mut statement = c.prepare_cached(
                "SELECT id FROM outbox WHERE key <> '' AND key > ?1 || ':' AND key < ?1 || ';'
                                         AND substr(key, length(?1) + 2) NOT GLOB '*[^0-9]*' ORDER BY id",
            )?;
            let rows = statement.query_map([key], |row| row.get(0))?;
            rows.collect()
        })
    }

    /// Replies that failed for good, newest first: channel, reason, when.
    pub fn outbox_failures(&self, limit: u32) -> Result<Vec<(String, String, i64)>, JournalError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT channel, note, settled_ms FROM outbox
                 WHERE settled_ms IS NOT NULL AND state IN ('failed', 'unknown') ORDER BY id DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        })
    }

    /// Lanes with replies that are not settled, the oldest first.
    pub fn open_lanes(&self, limit: u32) -> Result<Vec<String>, JournalError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT lane FROM outbox WHERE settled_ms IS NULL GROUP BY lane ORDER BY min(id) LIMIT ?1",
            )?;
            let rows = statement.query_map([limit], |row| row.get(0))?;
            rows.collect()
        })
    }

    /// How many replies are where.
    pub fn outbox_counts(&self) -> Result<Counts, JournalError> {
        self.read(|c| {
            let count = |sql: &str| c.prepare_cached(sql)?.query_row([], |row| row.get::<_, u64>(0));
            Ok(Counts {
                pending: count("SELECT count(*) FROM outbox WHERE settled_ms IS NULL")?,
                failed: count(
                    "SELECT count(*) FROM outbox WHERE settled_ms IS NOT NULL AND state = 'failed'",
                )?,
                unknown: count(
                    "SELECT count(*) FROM outbox WHERE settled_ms IS NOT NULL AND state = 'unknown'",
                )?,
            })
        })
    }
}

fn next(c: &Connection, lane: &str) -> rusqlite::Result<Option<Delivery>> {
    let sql =
        format!("SELECT {COLUMNS} FROM outbox WHERE settled_ms IS NULL AND lane = ?1 ORDER BY id LIMIT 1");
    c.prepare_cached(&sql)?.query_row([lane], delivery).optional()
}

fn take(c: &Connection, lane: &str, now_ms: i64) -> rusqlite::Result<Option<Delivery>> {
    let found = next(c, lane)?;
    if let Some(found) = &found
        && found.state == SendState::Pending
        && found.due_ms <= now_ms
    {
        sending(c, found.id, false)?;
    }
    Ok(found)
}

fn sending(c: &Connection, id: i64, repeated: bool) -> rusqlite::Result<()> {
    c.prepare_cached(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1, repeated = max(repeated, ?2) WHERE id = ?1",
    )?
    .execute(params![id, repeated])
    .map(drop)
}

fn tried(c: &Connection, id: i64, outcome: &Outcome, now_ms: i64) -> rusqlite::Result<()> {
    let (state, note, receipt, due, settled) = match outcome {
        Outcome::Sent(receipt) => ("sent", "", receipt.as_str(), 0, Some(now_ms)),
        Outcome::Retry(due, why) => ("pending", why.as_str(), "", *due, None),
        Outcome::Anew(_, why) => ("pending", why.as_str(), "", 0, None),
        Outcome::Failed(why) => ("failed", why.as_str(), "", 0, Some(now_ms)),
        Outcome::Unknown(why) => ("unknown", why.as_str(), "", 0, Some(now_ms)),
    };
    let body = match outcome {
        Outcome::Sent(_) => Some(""),
        Outcome::Anew(body, _) => Some(body.as_str()),
        _ => None,
    };
    c.prepare_cached(
        "UPDATE outbox SET state = ?2, note = ?3, receipt = ?4, due_ms = ?5, settled_ms = ?6,
                           body = coalesce(?7, body)
         WHERE id = ?1",
    )?
    .execute(params![id, state, note, receipt, due, settled, body])
    .map(drop)
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let state: String = row.get(5)?;
    Ok(Delivery {
        id: row.get(0)?,
        inbox: row.get(1)?,
        lane: row.get(2)?,
        channel: row.get(3)?,
        body: row.get(4)?,
        state: if state == "sending" {
            SendState::Sending
        } else {
            SendState::Pending
        },
        attempts: row.get(6)?,
        repeated: row.get(7)?,
        due_ms: row.get(8)?,
        created_ms: row.get(9)?,
    })
}
