//! Jobs that run at a time, and their runs.
//!
//! Invariants: a job that runs is not due; a run begins and ends in one write with its job.
use super::{Journal, JournalError, SystemEvent, system_event};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// The tables.
pub(super) const SCHEMA: &str = "
    CREATE TABLE cron_job (
        id TEXT PRIMARY KEY, job TEXT NOT NULL, due_ms INTEGER, created_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX cron_due ON cron_job (due_ms) WHERE due_ms IS NOT NULL;
    CREATE TABLE cron_run (
        id TEXT PRIMARY KEY, job TEXT NOT NULL, state TEXT NOT NULL, record TEXT NOT NULL, at_ms INTEGER NOT NULL);
    CREATE INDEX cron_run_of ON cron_run (job, at_ms);
    CREATE INDEX cron_run_open ON cron_run (at_ms) WHERE state <> 'ended';
    CREATE TABLE system_event (
        id INTEGER PRIMARY KEY, session TEXT NOT NULL, text TEXT NOT NULL, turn TEXT NOT NULL DEFAULT '',
        created_ms INTEGER NOT NULL);
    CREATE INDEX system_event_of ON system_event (session, turn);
";

/// Runs that are remembered of one job.
const RUNS_OF_JOB: u32 = 200;
/// Runs that are remembered at all.
const RUNS: u32 = 5_000;

/// A job as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronJob {
    /// Its id.
    pub id: String,
    /// Its record, JSON.
    pub job: String,
    /// When it is due. None: it is off, over, or running.
    pub due_ms: Option<i64>,
    /// When it was made, milliseconds since 1970.
    pub created_ms: i64,
}

/// One run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronRun {
    /// Its id.
    pub id: String,
    /// Its job.
    pub job: String,
    /// How far it is.
    pub state: RunState,
    /// Its record, JSON.
    pub record: String,
    /// When it was asked for, began, or ended; milliseconds since 1970.
    pub at_ms: i64,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Somebody asked for it.
    Queued,
    /// It has begun.
    Running,
    /// It is over.
    Ended,
}

/// What becomes of a job with a step of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobThen {
    /// It stays as it is, or has gone before.
    Same,
    /// It is another one.
    Changed(CronJob),
    /// It is over, and goes.
    Gone,
}

impl RunState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Ended => "ended",
        }
    }
}

impl Journal {
    /// Writes a job, a new one or a changed one.
    pub fn cron_put(&self, job: &CronJob) -> Result<(), JournalError> {
        self.write(|c| put(c, job))
    }

    /// A job.
    pub fn cron_job(&self, id: &str) -> Result<Option<CronJob>, JournalError> {
        self.read(|c| {
            c.prepare_cached("SELECT * FROM cron_job WHERE id = ?1")?
                .query_row([id], job)
                .optional()
        })
    }

    /// All jobs, oldest first.
    pub fn cron_jobs(&self) -> Result<Vec<CronJob>, JournalError> {
        self.read(|c| {
            c.prepare_cached("SELECT * FROM cron_job ORDER BY created_ms, id")?
                .query_map([], job)?
                .collect()
        })
    }

    /// Jobs that are due, the longest due first.
    pub fn cron_due(&self, now_ms: i64, limit: u32) -> Result<Vec<CronJob>, JournalError> {
        self.read(|c| {
            c.prepare_cached("SELECT * FROM cron_job WHERE due_ms <= ?1 ORDER BY due_ms, id LIMIT ?2")?
                .query_map(params![now_ms, limit], job)?
                .collect()
        })
    }

    /// When the next job is due.
    pub fn cron_next(&self) -> Result<Option<i64>, JournalError> {
        self.read(|c| {
            c.prepare_cached("SELECT min(due_ms) FROM cron_job WHERE due_ms IS NOT NULL")?
                .query_row([], |row| row.get(0))
        })
    }

    /// Removes a job. What is known of its runs stays. Says whether it was there.
    pub fn cron_remove(&self, id: &str) -> Result<bool, JournalError> {
        self.write(|c| remove(c, id))
    }

    /// A run goes one step further, together with what becomes of its job, if it is still there, and what its
    /// conversation is to hear.
    pub fn cron_step(
        &self,
        run: &CronRun,
        job: &JobThen,
        event: Option<&SystemEvent>,
    ) -> Result<(), JournalError> {
        self.step("cron.before");
        let done = self.write(|c| {
            c.prepare_cached(
                "INSERT INTO cron_run (id, job, state, record, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET state = ?3, record = ?4, at_ms = ?5",
            )?
            .execute(params![
                run.id,
                run.job,
                run.state.as_str(),
                run.record,
                run.at_ms
            ])?;
            match job {
                JobThen::Same => {}
                JobThen::Changed(job) => put(c, job)?,
                JobThen::Gone => drop(remove(c, &run.job)?),
            }
            if let Some(event) = event {
                system_event::note(c, event)?;
            }
            if run.state == RunState::Ended {
                forget(c, &run.job)?;
            }
            Ok(())
        });
        self.step("cron.after");
        done
    }

    /// Runs that have not ended, in their order.
    pub fn cron_open_runs(&self) -> Result<Vec<CronRun>, JournalError> {
        self.read(|c| {
            c.prepare_cached("SELECT * FROM cron_run WHERE state <> 'ended' ORDER BY at_ms, id")?
                .query_map([], run)?
                .collect()
        })
    }

    /// Runs that have ended, of one job or of all, the newest first; and how many there are.
    pub fn cron_runs(
        &self,
        of: Option<&str>,
        limit: u32,
        offset: u32,
    ) -> Result<(Vec<CronRun>, u64), JournalError> {
        self.read(|c| {
            let filter = "state = 'ended' AND (?1 IS NULL OR job = ?1)";
            let sql = format!("SELECT count(*) FROM cron_run WHERE {filter}");
            let total = c.prepare_cached(&sql)?.query_row([of], |row| row.get(0))?;
            let sql =
                format!("SELECT * FROM cron_run WHERE {filter} ORDER BY at_ms DESC, id LIMIT ?2 OFFSET ?3");
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map(params![of, limit, offset], run)?;
            Ok((rows.collect::<rusqlite::Result<_>>()?, total))
        })
    }
}

pub(super) fn put(c: &Connection, job: &CronJob) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO cron_job (id, job, due_ms, created_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET job = ?2, due_ms = ?3",
    )?
    .execute(params![job.id, job.job, job.due_ms, job.created_ms])
    .map(drop)
}

fn remove(c: &Connection, id: &str) -> rusqlite::Result<bool> {
    c.execute("DELETE FROM cron_run WHERE job = ?1 AND state = 'queued'", [id])?;
    let gone = c.execute("DELETE FROM cron_job WHERE id = ?1", [id])?;
    Ok(gone > 0)
}

fn forget(c: &Connection, of: &str) -> rusqlite::Result<()> {
    c.execute(
        "DELETE FROM cron_run WHERE job = ?1 AND state = 'ended' AND id NOT IN (
             SELECT id FROM cron_run WHERE job = ?1 AND state = 'ended' ORDER BY at_ms DESC LIMIT ?2)",
        params![of, RUNS_OF_JOB],
    )?;
    c.execute(
        "DELETE FROM cron_run WHERE state = 'ended' AND at_ms < coalesce((
             SELECT at_ms FROM cron_run WHERE state = 'ended' ORDER BY at_ms DESC LIMIT 1 OFFSET ?1), 0)",
        [RUNS],
    )
    .map(drop)
}

fn job(row: &Row<'_>) -> rusqlite::Result<CronJob> {
    Ok(CronJob {
        id: row.get("id")?,
        job: row.get("job")?,
        due_ms: row.get("due_ms")?,
        created_ms: row.get("created_ms")?,
    })
}

fn run(row: &Row<'_>) -> rusqlite::Result<CronRun> {
    let state: String = row.get("state")?;
    Ok(CronRun {
        id: row.get("id")?,
        job: row.get("job")?,
        state: match state.as_str() {
            "queued" => RunState::Queued,
            "running" => RunState::Running,
            _ => RunState::Ended,
        },
        record: row.get("record")?,
        at_ms: row.get("at_ms")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_and_its_job_go_together_and_old_runs_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("state.db")).expect("created");
        let mut job = CronJob {
            id: "j".into(),
            job: "{}".into(),
            due_ms: Some(5),
            created_ms: 1,
        };
        journal.cron_put(&job).expect("written");
        assert_eq!(journal.cron_due(4, 9).expect("read"), []);
        assert_eq!(journal.cron_due(5, 9).expect("read"), [job.clone()]);
        job.due_ms = None;
        for n in 0..i64::from(RUNS_OF_JOB) + 1 {
            let mut run = CronRun {
                id: n.to_string(),
                job: "j".into(),
                state: RunState::Running,
                record: "{}".into(),
                at_ms: n,
            };
            journal
                .cron_step(&run, &JobThen::Changed(job.clone()), None)
                .expect("written");
            assert_eq!(journal.cron_open_runs().expect("read"), [run.clone()]);
            run.state = RunState::Ended;
            journal.cron_step(&run, &JobThen::Same, None).expect("written");
        }
        assert_eq!(journal.cron_next().expect("read"), None);
        let (runs, total) = journal.cron_runs(Some("j"), 1, 0).expect("read");
        assert_eq!(
            (runs[0].at_ms, total),
            (i64::from(RUNS_OF_JOB), u64::from(RUNS_OF_JOB))
        );
        assert!(journal.cron_remove("j").expect("removed") && !journal.cron_remove("j").expect("gone"));
        assert_eq!(
            journal.cron_runs(None, 9, 0).expect("read").1,
            u64::from(RUNS_OF_JOB)
        );
    }
}
