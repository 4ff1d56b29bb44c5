//! How the journal is doing: whether it can write, since when not, and why.
use std::sync::{Mutex, PoisonError};

/// What keeps the journal from writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// In words.
    pub why: String,
    /// It does not pass by itself: the gateway has to be restarted.
    pub lasting: bool,
}

/// Written by every write, read by whoever acknowledges or reports.
#[derive(Debug, Default)]
pub(super) struct Health {
    trouble: Mutex<Option<Trouble>>,
}

impl Health {
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes how a write went. Said once when it breaks and once when it is back.
    pub(super) fn wrote<T>(&self, done: &rusqlite::Result<T>) {
        match done {
            Ok(_) => self.recovered(),
            Err(error) if is_of_the_disk(error) => self.broke(error.to_string(), false),
            Err(_) => {}
        }
    }

    pub(super) fn broke(&self, why: String, lasting: bool) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.is_none() {
            tracing::error!(
                target: "openclaw::journal", why,
                "can't write: nothing is acknowledged until it can; check the disk and its free space"
            );
        }
        if !trouble.as_ref().is_some_and(|trouble| trouble.lasting) {
            *trouble = Some(Trouble { why, lasting });
        }
    }

    fn recovered(&self) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.as_ref().is_some_and(|trouble| !trouble.lasting) {
            *trouble = None;
            tracing::info!(target: "openclaw::journal", "can write again");
        }
    }
}

/// The disk's trouble, or somebody else's hand on the database.
pub(super) fn is_passing(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    is_of_the_disk(error) || matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

fn is_of_the_disk(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseCorrupt, DiskFull, NotADatabase, ReadOnly, SystemIoFailure,
    };
    matches!(
        error.sqlite_error_code(),
        Some(DiskFull | ReadOnly | SystemIoFailure | CannotOpen | DatabaseCorrupt | NotADatabase)
    )
}
