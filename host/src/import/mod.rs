//! Coming from OpenClaw: conversations, people, jobs and keys of an installation, taken over into the journal.
//!
//! Nothing of theirs is changed: files are read, databases are opened so that nothing is written beside them. Nothing is
//! taken over twice, and what went on here is never replaced. What can't be read and what has no equivalent is named.
//! Configuration, workspaces, skills and files of keys are used where they lie, so they need no taking over.
mod database;
mod installation;
mod jobs;
mod message;
mod people;
mod pictures;
mod report;
mod rows;
mod session;
mod stores;
mod transcript;
mod tree;

pub use installation::pending;
pub use report::{AgentReport, Counts, Report, Skipped};

use crate::{
    config::{Config, Paths, agent_id},
    journal::{Journal, JournalError, Session, Taken},
};
use database::Database;
use installation::Installation;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};
use stores::Transcript;
use transcript::{Survey, convert, survey};

/// What is to be done.
#[derive(Debug)]
pub struct Wish<'a> {
    /// The installation: its state directory.
    pub from: &'a Path,
    /// Our places.
    pub paths: &'a Paths,
    /// Our configuration.
    pub config: &'a Config,
    /// Do it; else only say what would be done.
    pub apply: bool,
    /// Where databases may be copied to for reading.
    pub scratch: &'a Path,
    /// The time of day, milliseconds since 1970.
    pub now_ms: i64,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The agent whose conversations are read.
    pub agent: &'a str,
    /// Transcripts that are done.
    pub done: usize,
    /// Transcripts of the agent.
    pub of: usize,
    /// Bytes of them that were read.
    pub bytes: u64,
}

/// Why it came to no end. What was taken over until then stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is no installation.
    #[error("{} has no state of OpenClaw; name its state directory with --from", .0.display())]
    NotThere(PathBuf),
    /// The journal can't.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Something can't be written.
    #[error("{0}; run it again when that is mended")]
    Failed(String),
}

/// Takes an installation over, or says what would be. Without a journal nothing was taken over before.
pub fn run(
    wish: &Wish<'_>,
    journal: Option<&Journal>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, ImportError> {
    let installation = Installation::find(wish.from, wish.paths)
        .ok_or_else(|| ImportError::NotThere(wish.from.to_owned()))?;
    let mut report = Report::new(wish.from);
    report.applied = wish.apply;
    let mut mover = Mover {
        wish,
        journal,
        report,
        progress,
        owners: HashMap::new(),
    };
    for agent in installation.agents() {
        mover.agent(&agent, &installation.agent(&agent))?;
    }
    mover.shared(&installation).map_err(ImportError::Failed)?;
    installation.remarks(wish, &mut mover.report);
    if wish.apply
        && let Some(journal) = journal
    {
        journal.import_note("run", &wish.from.to_string_lossy(), "", wish.now_ms)?;
    }
    Ok(mover.report)
}

struct Mover<'a> {
    wish: &'a Wish<'a>,
    journal: Option<&'a Journal>,
    report: Report,
    progress: &'a mut dyn FnMut(Progress<'_>),
    /// Whose transcripts were met, by their ids.
    owners: HashMap<String, String>,
}

// === impl Mover ===

impl Mover<'_> {
    /// All conversations of an agent.
    fn agent(&mut self, folder_name: &str, folder: &Path) -> Result<(), ImportError> {
        let agent = agent_id(folder_name);
        let main_key = self.wish.config.value()["session"]["mainKey"]
            .as_str()
            .unwrap_or("main");
        let main_key = main_key.to_lowercase();
        let mut entry = AgentReport {
            id: agent.clone(),
            ..AgentReport::default()
        };
        let files = stores::of_files(&agent, &folder.join("sessions"), &main_key, &mut self.report);
        if !files.is_empty() {
            entry.forms.push("jsonl");
            self.transcripts(&agent, files, &mut entry)?;
        }
        let path = folder.join("agent").join(stores::DATABASE);
        if path.is_file() {
            match Database::open(&path, self.wish.scratch) {
                Ok(database) => {
                    entry.forms.push("sqlite");
                    let found = stores::of_database(&agent, &database, &main_key, &mut self.report);
                    self.transcripts(&agent, found, &mut entry)?;
                    let keys = self.agent_dir(&agent);
                    people::profiles(&database, &keys, &mut self.report).map_err(ImportError::Failed)?;
                }
                Err(why) => self.report.skipped(path.display().to_string(), &why),
            }
        }
        if !entry.forms.is_empty() {
            self.report.agents.push(entry);
        }
        Ok(())
    }

    /// Where keys of an agent are looked for.
    fn agent_dir(&self, agent: &str) -> PathBuf {
        let agents = self.wish.config.agents();
        let paths = self.wish.paths;
        agents.get(agent).map_or_else(
            || paths.state_dir.join("agents").join(agent).join("agent"),
            |agent| agent.agent_dir(paths),
        )
    }

    fn transcripts(
        &mut self,
        agent: &str,
        found: Vec<Transcript<'_>>,
        entry: &mut AgentReport,
    ) -> Result<(), ImportError> {
        let (of, mut bytes) = (found.len(), 0);
        for (done, transcript) in found.into_iter().enumerate() {
            (self.progress)(Progress {
                agent,
                done,
                of,
                bytes,
            });
            entry.transcripts += 1;
            entry.conversations += u64::from(transcript.conversation.is_some());
            bytes += self.transcript(agent, &transcript)?;
        }
        (self.progress)(Progress {
            agent,
            done: of,
            of,
            bytes,
        });
        Ok(())
    }

    /// One transcript; gives its length.
    fn transcript(&mut self, agent: &str, transcript: &Transcript<'_>) -> Result<u64, ImportError> {
        if let Some(other) = self.other_owner(agent, &transcript.id) {
            // ids are given by people too, and here each transcript has its own
            let (id, place) = (&transcript.id, transcript.origin.path().display());
            let why = format!(
                "transcript {id} of agent \"{agent}\" in {place} is called like one of \"{other}\"; it is not taken over"
            );
            self.report.kept_apart.push(why);
            return Ok(0);
        }
        let mut told = Report::default();
        let survey = match survey(&transcript.origin, &mut told) {
            Ok(survey) => survey,
            Err(why) => {
                self.report
                    .skipped(transcript.origin.path().display().to_string(), &why);
                return Ok(0);
            }
        };
        let before = self
            .journal
            .map(|j| j.imported("transcript", &transcript.id))
            .transpose()?;
        let before = before.flatten();
        if before
            .as_ref()
            .is_some_and(|record| record.done && record.mark == survey.mark)
        {
            self.unchanged(agent, transcript, &survey)?;
            return Ok(survey.bytes);
        }
        if let Some(journal) = self.journal
            && !(journal.import_is_untouched(&transcript.id)?
                || (before.is_none() && journal.last_place(&transcript.id)? == 0))
        {
            let (id, place) = (&transcript.id, transcript.origin.path().display());
            let why = format!(
                "transcript {id} went on here since it was taken over, and in {place} too; the one here stays"
            );
            self.report.kept_apart.push(why);
            return Ok(survey.bytes);
        }
        self.take(agent, transcript, &survey, &mut told)?;
        for skipped in told.skipped {
            self.report.skipped(skipped.place, &skipped.why);
        }
        self.report.skipped_more += told.skipped_more;
        Ok(survey.bytes)
    }

    /// The other agent that had a transcript of this id first; else it is this one's.
    fn other_owner(&mut self, agent: &str, id: &str) -> Option<String> {
        let owner = self
            .owners
            .entry(id.to_owned())
            .or_insert_with(|| agent.to_owned());
        (owner.as_str() != agent).then(|| owner.clone())
    }

    /// It was taken over before. A key that was in use then may be free now.
    fn unchanged(
        &mut self,
        agent: &str,
        transcript: &Transcript<'_>,
        survey: &Survey,
    ) -> Result<(), ImportError> {
        self.report.unchanged.transcripts += 1;
        let (Some(journal), Some((key, _))) = (self.journal, &transcript.conversation) else {
            return Ok(());
        };
        let free = journal.find_session(key)?.is_none() && journal.last_place(&transcript.id)? > 0;
        if free && let Some(session) = self.session(agent, transcript, survey) {
            if self.wish.apply {
                journal.import_session(&session)?;
            }
            self.report.taken.conversations += 1;
            return Ok(());
        }
        self.report.unchanged.conversations += 1;
        Ok(())
    }

    fn take(
        &mut self,
        agent: &str,
        transcript: &Transcript<'_>,
        survey: &Survey,
        told: &mut Report,
    ) -> Result<(), ImportError> {
        let (now_ms, id) = (self.wish.now_ms, transcript.id.as_str());
        let journal = self.journal.filter(|_| self.wish.apply);
        let media = self.wish.paths.state_dir.join("media");
        if let Some(journal) = journal {
            journal.import_begin(id, now_ms)?;
        }
        let messages = convert(
            &transcript.origin,
            survey,
            id,
            &mut |mime_type, bytes| match journal {
                Some(journal) => pictures::keep(journal, &media, mime_type, &bytes, now_ms),
                None => Some(String::new()),
            },
            &mut |id, entries| match journal {
                Some(journal) => journal
                    .import_entries(id, entries)
                    .map_err(|error| error.to_string()),
                None => Ok(()),
            },
            told,
        );
        let messages = messages.map_err(ImportError::Failed)?;
        let session = self.session(agent, transcript, survey);
        let taken = match journal {
            Some(journal) => journal.import_end(id, &survey.mark, session.as_ref(), now_ms)?,
            None => Taken::Yes,
        };
        self.report.taken.transcripts += 1;
        self.report.taken.messages += messages;
        match (taken, &session) {
            (Taken::Yes, Some(_)) => self.report.taken.conversations += 1,
            (Taken::KeyInUse, Some(session)) => {
                let key = &session.key;
                self.report.kept_apart.push(format!(
                    "{key} has begun here already, so it does not go on with what was said there; to let it, run `openclaw \
                     sessions delete {key}` and this again"
                ));
            }
            (_, None) => {}
        }
        Ok(())
    }

    fn session(&mut self, agent: &str, transcript: &Transcript<'_>, survey: &Survey) -> Option<Session> {
        let (key, stored) = transcript.conversation.as_ref()?;
        let (session, lost) = stored.session(key, agent, &transcript.id, survey.began_ms, self.wish.now_ms);
        for setting in lost {
            self.report.missing(format!("{key}: {setting}"));
        }
        Some(session)
    }

    /// People, jobs, and what is kept for all agents.
    fn shared(&mut self, installation: &Installation) -> Result<(), String> {
        let report = &mut self.report;
        let (journal, now_ms) = (self.journal, self.wish.now_ms);
        let mut people = Vec::new();
        if !installation.in_place {
            people = people::of_files(&installation.folder.join("credentials"), report);
        }
        let mut all = jobs::of_file(&installation.folder.join("cron").join("jobs.json"), report);
        let path = installation.folder.join("state").join("openclaw.sqlite");
        if path.is_file() {
            match Database::open(&path, self.wish.scratch) {
                Ok(database) => {
                    people.extend(people::of_database(&database, report));
                    all.extend(jobs::of_database(&database, report));
                    people::rules(&database, &self.wish.paths.state_dir, report)?;
                    let agents = self.wish.config.agents();
                    let folder = agents.default_agent().agent_dir(self.wish.paths);
                    people::profiles(&database, &folder, report)?;
                    installation::devices(&database, report);
                }
                Err(why) => report.skipped(path.display().to_string(), &why),
            }
        }
        people::admit(&people, journal, now_ms, report)?;
        let default = self.wish.config.agents().default_agent().id.clone();
        jobs::take(all, &default, journal, now_ms, report)
    }
}

#[cfg(test)]
mod tests;
